/**
 * What the lab consists of, as data: hosts, slots, and where each instance of a slot lives. Pure; the files on
 * disk and the running processes are made from it. Only documentation addresses are used.
 */
import fs from 'node:fs';
import { LabError } from './errors.js';
import { layouts } from './layouts.js';
import { type LabPaths, labPaths } from './paths.js';

export type StoreHost = 'imap21' | 'imap22' | 'imap23';
/** Mail servers that the lab has only when asked for them. */
export type MtaName = 'exim' | 'mailman3' | 'opensmtpd' | 'sendmail';
export type MtaHost = 'exim1' | 'lists1' | 'smtpd1' | 'sendmail1';
export type HostName = StoreHost | 'mx1' | MtaHost;
export type Role = 'master' | 'replica' | 'readonly';
export type LayoutName = 'default' | 'addresses';

export const storeHosts: readonly StoreHost[] = ['imap21', 'imap22', 'imap23'];
/** The hosts that every lab has. */
export const hostNames: readonly HostName[] = [...storeHosts, 'mx1'];
/** The host of each further mail server. */
export const mtaHosts: Readonly<Record<MtaName, MtaHost>> = {
  exim: 'exim1',
  mailman3: 'lists1',
  opensmtpd: 'smtpd1',
  sendmail: 'sendmail1',
};
export const mtaNames = Object.keys(mtaHosts) as readonly MtaName[];
/** All hosts that a lab may have. */
export const possibleHosts: readonly HostName[] = [...hostNames, ...Object.values(mtaHosts)];
export const hostAddress: Readonly<Record<HostName, string>> = {
  imap21: '198.51.100.21',
  imap22: '198.51.100.22',
  imap23: '198.51.100.23',
  mx1: '198.51.100.11',
  exim1: '198.51.100.31',
  lists1: '198.51.100.32',
  smtpd1: '198.51.100.33',
  sendmail1: '198.51.100.34',
};
export const bastionAddress = '198.51.100.1';

/** Every slot has these mailboxes; `probe` is the test account of the product's configuration. */
export const users: readonly string[] = ['probe', 'ann', 'ben', 'carl'];
/** The realm of the sasldb: what all instances call themselves towards SASL. */
export const saslRealm = 'imap.lab.example';
export const mailDomain = 'lab.example';

export interface LabSpec {
  readonly layout: LayoutName;
  readonly slots: number;
  readonly replicas: 1 | 2;
  /** Further mail servers, each on a host of its own. */
  readonly mtas?: readonly MtaName[];
}

/** One slot on one host. Paths are the host's own. */
export interface Instance {
  readonly slot: string;
  readonly host: StoreHost;
  /** The name that the slot has on this host. */
  readonly name: string;
  readonly address: string;
  /** Where a replica answers IMAP for checks. */
  readonly loopback: string;
  readonly imapPort: number;
  readonly lmtpPort: number;
  readonly csyncPort: number;
  readonly base: string;
  readonly configDir: string;
  readonly spool: string;
  readonly sasldb: string;
  readonly pidFile: string;
  /** What the instance runs with in the role that it has now. */
  readonly imapdConf: string;
  readonly cyrusConf: string;
  /** The files of each role. */
  readonly roleFiles: Readonly<Record<Role, { readonly imapdConf: string; readonly cyrusConf: string }>>;
}

export interface SlotSpec {
  readonly slot: string;
  readonly number: number;
  /** As the lab came up: a failover changes it in the directory, not here. */
  readonly master: StoreHost;
  readonly replicas: readonly StoreHost[];
  readonly instances: readonly Instance[];
}

/** A lab: what it consists of, and where it is. */
export interface Lab {
  readonly paths: LabPaths;
  readonly spec: LabSpec;
  readonly slots: readonly SlotSpec[];
}

/** Lays out the lab that `spec` asks for. */
export function planLab(spec: LabSpec, paths: LabPaths = labPaths()): Lab {
  const layout = layouts[spec.layout];
  if (!Number.isInteger(spec.slots) || spec.slots < 1 || spec.slots > layout.maxSlots) {
    throw new LabError(`--slots: a number from 1 to ${layout.maxSlots}`);
  }
  const slots = Array.from({ length: spec.slots }, (_, index): SlotSpec => {
    const number = index + 1;
    const spread: StoreHost[] = index % 2 === 0 ? ['imap22', 'imap23'] : ['imap23', 'imap22'];
    const replicas = spread.slice(0, spec.replicas);
    const slot = `store${number}`;
    const hosts: StoreHost[] = ['imap21', ...replicas];
    return {
      slot,
      number,
      master: 'imap21',
      replicas,
      instances: hosts.map((host) => layout.instance(slot, number, host)),
    };
  });
  return { paths, spec, slots };
}

/** The hosts of a lab: those that all have, and one for each further mail server. */
export function hostsOf(lab: Lab): readonly HostName[] {
  return [...hostNames, ...mtaHostsOf(lab)];
}

/** The hosts with further mail servers. */
export function mtaHostsOf(lab: Lab): readonly MtaHost[] {
  return (lab.spec.mtas ?? []).map((name) => mtaHosts[name]);
}

/** Which mail server a host has. */
export function mtaOf(host: MtaHost): MtaName {
  const found = mtaNames.find((name) => mtaHosts[name] === host);
  if (found === undefined) throw new LabError(`${host} has no mail server of its own`);
  return found;
}

/** Is it a host with a further mail server? */
export function isMtaHost(host: HostName): host is MtaHost {
  return !hostNames.includes(host);
}

/** The lab that was brought up in `paths.dir`; throws when there is none. */
export function openLab(paths: LabPaths = labPaths()): Lab {
  let text: string;
  try {
    text = fs.readFileSync(paths.spec, 'utf8');
  } catch {
    throw new LabError(`no lab in ${paths.dir}: npm run lab -- up`);
  }
  return planLab(JSON.parse(text) as LabSpec, paths);
}

/** The slot of that name; throws when there is none. */
export function slotOf(lab: Lab, name: string): SlotSpec {
  const slot = lab.slots.find((candidate) => candidate.slot === name);
  if (!slot) throw new LabError(`no slot ${name}: ${lab.slots[0]?.slot} to ${lab.slots.at(-1)?.slot}`);
  return slot;
}

/** A slot on a host; throws when the host does not carry it. */
export function instanceOf(lab: Lab, slot: string, host: string): Instance {
  const found = slotOf(lab, slot).instances.find((instance) => instance.host === host);
  if (!found) throw new LabError(`${host} does not carry ${slot}`);
  return found;
}

/** The instances that a host carries. */
export function instancesOn(lab: Lab, host: HostName): Instance[] {
  return lab.slots.flatMap((slot) => slot.instances.filter((instance) => instance.host === host));
}

/** Checks a host's name as it comes from a command line. */
export function hostNamed(name: string): HostName {
  const host = possibleHosts.find((candidate) => candidate === name);
  if (!host) throw new LabError(`no host ${name}: ${possibleHosts.join(', ')}`);
  return host;
}
