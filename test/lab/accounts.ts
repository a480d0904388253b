/** The account files of a host: the machine's own, plus the accounts that only lab hosts have. */
import fs from 'node:fs';
import path from 'node:path';
import { LabError } from './errors.js';

export interface Account {
  readonly uid: number;
  readonly gid: number;
}

interface NewAccount {
  readonly name: string;
  readonly home: string;
  readonly shell: string;
  /** Extra groups to make along with it. */
  readonly groups?: readonly string[];
}

/** The machine's account of that name. */
export function machineAccount(name: string): Account {
  const line = lines('/etc/passwd').find((candidate) => candidate.startsWith(`${name}:`));
  const [, , uid, gid] = line?.split(':') ?? [];
  if (uid === undefined || gid === undefined) throw new LabError(`the machine has no account ${name}`);
  return { uid: Number(uid), gid: Number(gid) };
}

/** Writes the host's account files below `upper`; answers the ids of the accounts added, groups by name. */
export function writeAccounts(upper: string, added: readonly NewAccount[]): Map<string, Account> {
  // A root that has its own installation has its own accounts.
  const own = (file: string) => (fs.existsSync(path.join(upper, file)) ? path.join(upper, file) : file);
  const passwd = lines(own('/etc/passwd'));
  const group = lines(own('/etc/group'));
  const shadow = lines(own('/etc/shadow'));
  const ids = new Map<string, Account>();
  const drop = (from: string[], name: string) => from.filter((line) => !line.startsWith(`${name}:`));
  let [users, groups, secrets] = [passwd, group, shadow];
  const names = added.flatMap((account) => [account.name, ...(account.groups ?? [])]);
  for (const name of names) {
    users = drop(users, name);
    groups = drop(groups, name);
    secrets = drop(secrets, name);
  }
  let next = 64_000;
  for (const account of added) {
    const uid = next++;
    groups.push(`${account.name}:x:${uid}:`);
    users.push(`${account.name}:x:${uid}:${uid}::${account.home}:${account.shell}`);
    // No password, but not locked either: a locked account may not log in by key.
    secrets.push(`${account.name}:*:19000:0:99999:7:::`);
    ids.set(account.name, { uid, gid: uid });
    for (const extra of account.groups ?? []) {
      const gid = next++;
      groups.push(`${extra}:x:${gid}:`);
      ids.set(extra, { uid: 0, gid });
    }
  }
  const etc = path.join(upper, 'etc');
  fs.mkdirSync(etc, { recursive: true });
  fs.writeFileSync(path.join(etc, 'passwd'), `${users.join('\n')}\n`, { mode: 0o644 });
  fs.writeFileSync(path.join(etc, 'group'), `${groups.join('\n')}\n`, { mode: 0o644 });
  fs.writeFileSync(path.join(etc, 'shadow'), `${secrets.join('\n')}\n`, { mode: 0o600 });
  return ids;
}

function lines(file: string): string[] {
  return fs.readFileSync(file, 'utf8').split('\n').filter(Boolean);
}
