/** The product's side of the lab: its configuration, the slot map, and the directory filled from it. */
import fs from 'node:fs';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { layouts } from './layouts.js';
import { run } from './run.js';
import { secretFile } from './secrets.js';
import {
  hostAddress,
  type Instance,
  instanceOf,
  type Lab,
  type MtaName,
  mailDomain,
  mtaHostsOf,
  mtaOf,
  storeHosts,
} from './spec.js';

const locations: Readonly<Record<string, string>> = { imap21: 'row-a', imap22: 'row-b', imap23: 'row-c' };

/** Mail servers that the product has a driver for. */
const withDriver: readonly MtaName[] = ['exim', 'mailman3'];

/** Writes mailctl.yaml and slots.yaml. */
export function writeProductFiles(lab: Lab): void {
  const { paths } = lab;
  for (const folder of [paths.directory, paths.state]) fs.mkdirSync(folder, { recursive: true, mode: 0o700 });
  fs.writeFileSync(paths.mailctlYaml, mailctlYaml(lab), { mode: 0o600 });
  fs.writeFileSync(paths.slotsYaml, stringify(slotMap(lab)), { mode: 0o600 });
}

function mailctlYaml(lab: Lab): string {
  const { paths } = lab;
  const layout = layouts[lab.spec.layout];
  const stores = storeHosts.map((host) => [host, { groups: ['store'], location: locations[host] }] as const);
  const mtas = mtaHostsOf(lab).map((host) => {
    const driver = mtaOf(host);
    return [host, { groups: ['mta'], queues: withDriver.includes(driver) ? [driver] : [] }] as const;
  });
  return stringify({
    defaults: { ssh: { config: paths.sshConfig }, ...(layout.sudo ? { sudo: true } : {}) },
    hosts: {
      ...Object.fromEntries(stores),
      ...Object.fromEntries(mtas),
      mx1: { groups: ['mx'], location: 'row-a', queues: ['postfix'] },
    },
    stores: {
      max_lag: '5m',
      drain_timeout: '60s',
      recipient: `{user}@{slot}.${mailDomain}`,
      test_account: { user: 'probe', password_file: secretFile(paths, 'probe') },
      cyrus: {
        user: 'cyrus',
        ...layout.stores,
        admin: { user: 'cyrus', password_file: secretFile(paths, 'cyrus') },
      },
    },
    directory: { url: `sqlite:${paths.directoryDb}` },
  });
}

type Place = string | { host: string; instance: string; address?: string };

function slotMap(lab: Lab): { slot: string; master: Place; replicas: Place[] }[] {
  const place = (instance: Instance): Place => {
    const ownAddress = instance.address !== hostAddress[instance.host];
    if (instance.name === instance.slot && !ownAddress) return instance.host;
    return {
      host: instance.host,
      instance: instance.name,
      ...(ownAddress ? { address: instance.address } : {}),
    };
  };
  return lab.slots.map((slot) => ({
    slot: slot.slot,
    master: place(instanceOf(lab, slot.slot, slot.master)),
    replicas: slot.replicas.map((host) => place(instanceOf(lab, slot.slot, host))),
  }));
}

const mailctl = fileURLToPath(new URL('../../bin/mailctl.js', import.meta.url));

/** Fills the directory from slots.yaml, by the product itself. */
export async function importSlots(lab: Lab): Promise<void> {
  const { paths } = lab;
  const command = [process.execPath, mailctl, '--config', paths.mailctlYaml];
  await run([...command, 'slots', 'import', paths.slotsYaml, '--yes'], { env: productEnv(lab) });
}

/** The environment in which mailctl works on this lab. */
export function productEnv(lab: Lab): Record<string, string> {
  return { MAILCTL_CONFIG: lab.paths.mailctlYaml, XDG_STATE_HOME: lab.paths.state };
}
