// What a conversation means once its script could be asked: a result, or the one error that fits. Shared by local
// and ssh, so that the same event has the same name everywhere. Outcomes are told apart with one question in mind:
// may the script still be running, or have acted?
import { EXIT, MailctlError, TransportError } from '../errors.js';
import type { Heard } from './conversation.js';
import { MAX_LINE_BYTES, MAX_OUTPUT_BYTES } from './limits.js';
import type { Command, CommandResult } from './transport.js';

/** What the messages name. */
export interface Asked {
  readonly host: string;
  readonly command: Command;
  /** Whom sudo was to run it as, or false. */
  readonly sudoUser: string | false;
}

/** The result of a conversation in which the hello was heard. @throws TransportError, MailctlError */
export function judgeHeard(heard: Heard, asked: Asked): CommandResult {
  const { host, command } = asked;
  if (heard.brokenOff === 'callback') throw heard.thrown;
  if (heard.brokenOff === 'too-much') throw tooMuch(asked);
  if (heard.brokenOff === 'aborted') throw interrupted(asked, true);
  if (heard.end === undefined) {
    const how =
      heard.brokenOff === 'deadline'
        ? `no end was seen ${seconds(heard.tookMs)} after it began`
        : `the connection broke after ${seconds(heard.tookMs)}`;
    throw new TransportError(host, 'lost', `${host}: ${command.name}: ${how}, so its outcome is unknown`, {
      detail: `what was begun there ends by itself within ${seconds(command.timeoutMs)} of its beginning`,
      hint: 'look before doing it again: the answer may have been lost after the act',
    });
  }
  if (heard.status !== undefined) return { status: heard.status, stdout: heard.stdout, stderr: heard.stderr };
  const said = lastWords(heard.chatter);
  if (heard.began) throw unended(heard, heard.end, asked);
  if (heard.end === 124 || heard.end === 137) throw unended(heard, heard.end, asked);
  // The shell that names its group is the first thing inside sudo.
  if (
    command.privileged &&
    asked.sudoUser !== false &&
    heard.group === undefined &&
    (heard.end === 1 || said.includes('sudo:'))
  ) {
    throw refusedBySudo(asked, asked.sudoUser, said);
  }
  const where = command.within === undefined ? '' : ` inside ${command.within.join(' ')}`;
  throw new TransportError(host, 'unsupported', `${host}: no script can run there${where}`, {
    detail: said || `status ${heard.end}`,
    hint: 'a host needs a POSIX sh, timeout(1) and /proc',
  });
}

/** The script was stopped from outside: by its deadline, or by somebody else on the host. */
function unended(heard: Heard, end: number, asked: Asked): TransportError {
  const { host, command } = asked;
  if ((end === 124 || end === 137) && heard.tookMs >= command.timeoutMs * 0.9) return timedOut(heard, asked);
  return new TransportError(
    host,
    'lost',
    `${host}: ${command.name} was killed there after ${seconds(heard.tookMs)}`,
    {
      detail: `status ${end} of its wrapper; it may have acted`,
    },
  );
}

/** It met its deadline. */
export function timedOut(heard: Heard, { host, command }: Asked): TransportError {
  return new TransportError(
    host,
    'timeout',
    `${host}: ${command.name} was ended after its ${seconds(command.timeoutMs)}`,
    { detail: lastWords(heard.stderr) || undefined },
  );
}

function refusedBySudo({ host, command }: Asked, user: string, said: string): TransportError {
  return new TransportError(host, 'sudo', `${host}: sudo does not let ${command.name} run as ${user}`, {
    detail: said || undefined,
    hint: `allow it there in sudoers: LOGIN ALL=(${user}) NOPASSWD: /bin/sh`,
  });
}

/** The operator said stop. */
export function interrupted({ host, command }: Asked, begun: boolean): TransportError {
  const rest = begun ? `; it ends there by itself within ${seconds(command.timeoutMs)}` : ' before it began';
  return new TransportError(host, 'interrupted', `${host}: ${command.name} was interrupted${rest}`);
}

function tooMuch({ host, command }: Asked): MailctlError {
  const limit =
    command.maxBytes === undefined
      ? `more than ${MAX_OUTPUT_BYTES} bytes in all, or ${MAX_LINE_BYTES} in one line`
      : `more than the ${command.maxBytes} bytes that it may have`;
  return new MailctlError(`${host}: the output of ${command.name} is too large`, {
    code: 'transport.output',
    exitCode: EXIT.partial,
    detail: limit,
  });
}

/** `5s`, `0.3s`. */
export function seconds(ms: number): string {
  return ms >= 10_000 || ms % 1000 === 0 ? `${Math.round(ms / 1000)}s` : `${(ms / 1000).toFixed(1)}s`;
}

/** The last lines of what was said, cut; raw otherwise. */
export function lastWords(text: string): string {
  return text.replaceAll('\r', '').trim().split('\n').slice(-3).join('\n').slice(-600);
}
