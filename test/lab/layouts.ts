/**
 * The ways a site may lay out its slots. `default` is the plain one: one address per host, a port per service
 * and slot, a role link. `addresses` differs in everything that can differ, to prove that nothing is assumed.
 */
import type { Instance, LayoutName, StoreHost } from './spec.js';

export interface Layout {
  readonly maxSlots: number;
  /** Who logs in, and whether privileged words need sudo. */
  readonly sshUser: string;
  readonly sudo: boolean;
  instance(slot: string, number: number, host: StoreHost): Instance;
  /** `stores.cyrus` of mailctl.yaml, without the accounts. */
  readonly stores: Readonly<Record<string, unknown>>;
}

const lastByte: Readonly<Record<StoreHost, number>> = { imap21: 21, imap22: 22, imap23: 23 };

/** /srv/SLOT/role -> role.master | role.replica; ports 10043, 10024 and 10005 plus 100 per slot. */
const plain: Layout = {
  maxSlots: 150,
  sshUser: 'root',
  sudo: false,
  instance(slot, number, host) {
    const base = `/srv/${slot}`;
    const filesOf = (folder: string) => ({
      imapdConf: `${base}/${folder}/imapd.conf`,
      cyrusConf: `${base}/${folder}/cyrus.conf`,
    });
    return {
      slot,
      host,
      name: slot,
      address: `198.51.100.${lastByte[host]}`,
      loopback: '127.0.0.1',
      imapPort: 10_043 + 100 * number,
      lmtpPort: 10_024 + 100 * number,
      csyncPort: 10_005 + 100 * number,
      base,
      configDir: `${base}/conf`,
      spool: `${base}/mail`,
      sasldb: `${base}/sasldb2`,
      pidFile: `/run/cyrus/${slot}.pid`,
      ...filesOf('role'),
      roleFiles: {
        master: filesOf('role.master'),
        replica: filesOf('role.replica'),
        readonly: filesOf('role.readonly'),
      },
    };
  },
  stores: {
    config_dir: '/srv/{slot}/conf',
    imapd_conf: '/srv/{slot}/role/imapd.conf',
    cyrus_conf: '/srv/{slot}/role/cyrus.conf',
    pid_file: '/run/cyrus/{slot}.pid',
    role: {
      link: '/srv/{slot}/role',
      master: 'role.master',
      replica: 'role.replica',
      readonly: 'role.readonly',
    },
    start: 'builtin',
    stop: 'builtin',
    stop_timeout: '15s',
  },
};

const firstAddress: Readonly<Record<StoreHost, number>> = { imap21: 0, imap22: 80, imap23: 160 };
const letter: Readonly<Record<StoreHost, string>> = { imap21: 'a', imap22: 'b', imap23: 'c' };

/** An address per instance with the standard ports, names that differ per host, site scripts for everything. */
const addresses: Layout = {
  maxSlots: 79,
  sshUser: 'ops',
  sudo: true,
  instance(slot, number, host) {
    const name = `t${String(number).padStart(2, '0')}${letter[host]}`;
    const base = `/srv/mail/${name}`;
    const filesOf = (suffix: string) => ({
      imapdConf: `${base}/etc/imap${suffix}.conf`,
      cyrusConf: `${base}/etc/services${suffix}.conf`,
    });
    return {
      slot,
      host,
      name,
      address: `203.0.113.${firstAddress[host] + number}`,
      loopback: `127.0.1.${number}`,
      imapPort: 143,
      lmtpPort: 2003,
      csyncPort: 2005,
      base,
      configDir: `${base}/var`,
      spool: `${base}/spool`,
      sasldb: `${base}/etc/users.db`,
      pidFile: `/run/mail/${name}/master.pid`,
      ...filesOf(''),
      roleFiles: {
        master: filesOf('.master'),
        replica: filesOf('.replica'),
        readonly: filesOf('.readonly'),
      },
    };
  },
  stores: {
    config_dir: '/srv/mail/{instance}/var',
    imapd_conf: '/srv/mail/{instance}/etc/imap.conf',
    cyrus_conf: '/srv/mail/{instance}/etc/services.conf',
    pid_file: '/run/mail/{instance}/master.pid',
    role: {
      set: ['/usr/local/sbin/slot-role', 'set', '{instance}', '{role}'],
      get: ['/usr/local/sbin/slot-role', 'get', '{instance}'],
    },
    start: ['/usr/local/sbin/slot-ctl', 'start', '{instance}'],
    stop: ['/usr/local/sbin/slot-ctl', 'stop', '{instance}'],
    stop_timeout: '15s',
  },
};

export const layouts: Readonly<Record<LayoutName, Layout>> = { default: plain, addresses };
