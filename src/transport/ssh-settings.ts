// What the ssh transport is given, and the words that every ssh call for a host begins with. User, port, keys, jump
// hosts and host-key checking are ssh's own configuration, and nothing here touches them.
import { EXIT, MailctlError } from '../errors.js';
import type { Clock } from '../lib/clock.js';
import type { Environment } from './child.js';
import { quoteWords } from './quote.js';

/** `defaults.ssh` of the configuration. */
export interface SshConfig {
  /** ssh's own configuration file (`-F`), if not the user's default. */
  readonly config: string | undefined;
  readonly connectTimeoutMs: number;
  readonly controlPersistMs: number;
}

/** All that it is given. */
export interface SshSettings {
  readonly ssh: SshConfig;
  readonly clock: Clock;
  readonly env: Environment;
  /** 0 to 1, for jitter. */
  readonly random: () => number;
}

/** Whom ssh is asked for. A host, or a jump host as ssh's own configuration names it. */
export interface SshTarget {
  readonly name: string;
  readonly address?: string | undefined;
}

/** Words that choose the configuration; then come options, then `--` and the target's name. */
export function configWords(settings: SshSettings, target: SshTarget): readonly string[] {
  checkTarget(target);
  const words: string[] = [];
  if (settings.ssh.config !== undefined) words.push('-F', settings.ssh.config);
  // A percent sign (a scope, fe80::1%eth0) would be a token to ssh.
  if (target.address !== undefined) words.push('-o', `HostName=${target.address.replaceAll('%', '%%')}`);
  return words;
}

/** Whole seconds of the connect timeout, as ssh wants it. */
export function connectSeconds(settings: SshSettings): number {
  return Math.max(1, Math.ceil(settings.ssh.connectTimeoutMs / 1000));
}

/** The line with which a person can look at the same connection, for hints. */
export function tryItLine(settings: SshSettings, target: SshTarget): string {
  return quoteWords([
    'ssh',
    ...configWords(settings, target),
    '-o',
    'ControlPath=none',
    '-o',
    `ConnectTimeout=${connectSeconds(settings)}`,
    '--',
    target.name,
    'true',
  ]);
}

/** A name that begins with a dash would be an option, and `-oProxyCommand=...` runs a command here. */
function checkTarget(target: SshTarget): void {
  const fits = (word: string) => word !== '' && !word.startsWith('-') && !/[\p{Cc}\s]/u.test(word);
  if (fits(target.name) && (target.address === undefined || fits(target.address))) return;
  throw new MailctlError(`not a name or address that ssh can be given: ${JSON.stringify(target)}`, {
    code: 'transport.bad-host',
    exitCode: EXIT.usage,
    hint: 'a host name holds no blank and does not begin with a dash: mailctl config check',
  });
}
