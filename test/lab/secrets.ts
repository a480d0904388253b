/** The lab's passwords: random, one file each, readable by their owner only. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import type { LabPaths } from './paths.js';
import { run } from './run.js';
import { saslRealm, users } from './spec.js';

/** `cyrus` is the admin, `probe` the product's test account, `users` everybody else. */
export type SecretName = 'cyrus' | 'probe' | 'users';

/** Makes the passwords. */
export function makeSecrets(paths: LabPaths): void {
  fs.mkdirSync(paths.secrets, { recursive: true, mode: 0o700 });
  for (const name of ['cyrus', 'probe', 'users'] as const) {
    fs.writeFileSync(secretFile(paths, name), `${randomBytes(12).toString('hex')}\n`, { mode: 0o600 });
  }
}

/** The file that holds a password. */
export function secretFile(paths: LabPaths, name: SecretName): string {
  return path.join(paths.secrets, `${name}.pw`);
}

/** A password. */
export function secret(paths: LabPaths, name: SecretName): string {
  return fs.readFileSync(secretFile(paths, name), 'utf8').trim();
}

/** The password of a mail user. */
export function passwordOf(paths: LabPaths, user: string): string {
  return secret(paths, user === 'cyrus' || user === 'probe' ? user : 'users');
}

/** Makes the sasldb with all accounts; every slot gets a copy. */
export async function makeSasldb(paths: LabPaths): Promise<string> {
  const file = path.join(paths.secrets, 'sasldb2');
  for (const user of ['cyrus', ...users]) {
    await run(['saslpasswd2', '-c', '-p', '-f', file, '-u', saslRealm, user], {
      input: passwordOf(paths, user),
    });
  }
  return file;
}
