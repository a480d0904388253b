// The transport that commands get: picks ssh or this machine by the host, and loads ssh (and execa with it) only when
// a host needs it, since a command about this machine alone must start fast. Tells a listener of every command.
import { MailctlError } from '../errors.js';
import type { Host } from '../fleet/host.js';
import type { Clock } from '../lib/clock.js';
import type { Environment } from './child.js';
import { localTransport } from './local.js';
import type { SshConfig } from './ssh-settings.js';
import type { Command, CommandResult, RunOptions, Transport } from './transport.js';

/** One command that has ended, for `--verbose`. */
export interface CommandReport {
  readonly host: string;
  readonly command: string;
  readonly tookMs: number;
  /** The script's exit status, or the code of the error. */
  readonly outcome: number | string;
}

/** What the transport needs to know; `Config.defaults` fits `defaults`. */
export interface TransportSettings {
  readonly defaults: { readonly ssh: SshConfig };
  /** Whom privileged commands run as on a host; false: as whom we log in. */
  readonly sudoFor: (host: Host) => string | false;
  readonly clock: Clock;
  /** The environment that children get, whole. */
  readonly env: Environment;
  /** 0 to 1, for jitter. */
  readonly random?: (() => number) | undefined;
  readonly onCommand?: ((report: CommandReport) => void) | undefined;
}

/** Opens nothing yet: connections are made by the first command that needs them. */
export function openTransport(settings: TransportSettings): Transport {
  const { clock, onCommand } = settings;
  const shared = { clock, env: settings.env, sudoFor: settings.sudoFor };
  const local = localTransport({ ...shared, helloMs: settings.defaults.ssh.connectTimeoutMs });
  let ssh: Promise<Transport> | undefined;
  const openSsh = async () => {
    const { sshTransport } = await import('./ssh.js');
    return sshTransport({ ...shared, ssh: settings.defaults.ssh, random: settings.random ?? Math.random });
  };
  const route = async (host: Host) => {
    if (host.transport === 'local') return local;
    ssh ??= openSsh();
    return ssh;
  };
  const run = async (host: Host, command: Command, options?: RunOptions): Promise<CommandResult> => {
    const transport = await route(host);
    return transport.run(host, command, options);
  };
  return {
    run: onCommand === undefined ? run : reporting(run, clock, onCommand),
    close: async () => {
      await local.close();
      await (await ssh)?.close();
    },
  };
}

function reporting(
  run: Transport['run'],
  clock: Clock,
  onCommand: (report: CommandReport) => void,
): Transport['run'] {
  return async (host, command, options) => {
    const begunAt = clock.monotonic();
    const report = (outcome: number | string) =>
      onCommand({ host: host.name, command: command.name, tookMs: clock.monotonic() - begunAt, outcome });
    try {
      const result = await run(host, command, options);
      report(result.status);
      return result;
    } catch (error) {
      report(error instanceof MailctlError ? error.code : 'error');
      throw error;
    }
  };
}
