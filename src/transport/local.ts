// Runs wrapped scripts on this machine: inside the start-up budget of `queue stats`. Every child is a process group of
// its own.
import { TransportError } from '../errors.js';
import type { Host } from '../fleet/host.js';
import type { Clock } from '../lib/clock.js';
import { type Environment, killGroup } from './child.js';
import { converse } from './conversation.js';
import { type Asked, interrupted, judgeHeard, lastWords, seconds, timedOut } from './outcome.js';
import { makeNonce, takesStdin, wrapCommand, wrapReading } from './script.js';
import { spawnChild } from './spawn-child.js';
import type { Command, CommandResult, RunOptions, Transport } from './transport.js';

/** What it needs. */
export interface LocalSettings {
  readonly clock: Clock;
  readonly env: Environment;
  /** Whom privileged commands run as here; false: as we are. */
  readonly sudoFor: (host: Host) => string | false;
  /** ms for the hello: a machine that cannot start a shell in this time hangs. */
  readonly helloMs: number;
}

/** Commands on this machine, whatever the host's name is. */
export function localTransport(settings: LocalSettings): Transport {
  return {
    run: (host, command, options = {}) => runLocal(settings, host, command, options),
    close: () => Promise.resolve(),
  };
}

async function runLocal(
  settings: LocalSettings,
  host: Host,
  command: Command,
  options: RunOptions,
): Promise<CommandResult> {
  const { clock, helloMs } = settings;
  const sudoUser = settings.sudoFor(host);
  const asked: Asked = { host: host.name, command, sudoUser };
  if (options.signal?.aborted) throw interrupted(asked, false);
  const nonce = makeNonce();
  const reading = wrapReading(command, nonce, sudoUser);
  const [, ...args] = reading ?? wrapCommand(command, nonce, sudoUser);
  const hasStdin = takesStdin(command, options.dialogue);
  const child = spawnChild('/bin/sh', args, { env: settings.env, hasStdin });
  // timeout(1), where it is, is in that group as well, and sends KILL a little later.
  const onBreak = (group: number | undefined) =>
    killGroup(group, options.signal?.aborted ? 'SIGTERM' : 'SIGKILL');
  const { heard: hearing } = converse(child, {
    command,
    nonce,
    clock,
    helloMs,
    deadlineMs: reading === undefined ? undefined : command.timeoutMs,
    signal: options.signal,
    onLine: options.onLine,
    dialogue: options.dialogue,
    onBreak,
  });
  const heard = await hearing;
  if (heard.hello) {
    if (reading !== undefined && heard.brokenOff === 'deadline') throw timedOut(heard, asked);
    return judgeHeard(heard, asked);
  }
  if (heard.brokenOff === 'aborted') throw interrupted(asked, false);
  if (heard.brokenOff === 'no-hello') {
    throw new TransportError(
      host.name,
      'hung',
      `${host.name}: no shell began here within ${seconds(helloMs)}`,
      {
        hint: 'is the process table full, or a disk dead?',
      },
    );
  }
  throw new TransportError(host.name, 'unsupported', `${host.name}: no shell could be started here`, {
    detail: heard.child?.error?.message ?? (lastWords(heard.chatter) || undefined),
    cause: heard.child?.error,
  });
}
