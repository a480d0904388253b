// The canary's scripts as the driver runs them: one trip a host for all its instances. What could not be sent or
// found says why, and is never taken for an arrival.
import { CommandError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import type { CanaryFound, CanarySent } from '../../slot/canary.js';
import type { InstanceState } from '../../slot/driver.js';
import type { Transport } from '../../transport/transport.js';
import { frame } from './batch.js';
import { CANARY_CLEAN_SCRIPT, CANARY_FIND_SCRIPT, CANARY_SEND_SCRIPT } from './canary-script.js';
import { FIELD } from './observe-script.js';

/** Where a service of a running master is reached on its own host. */
export function ownPort(
  state: InstanceState,
  kind: 'imap' | 'lmtp',
  address: string | undefined,
): readonly [string, string] | undefined {
  const service = state.services.find(
    (one) => one.kind === kind && one.port !== undefined && one.listening && !one.address.startsWith('127.'),
  );
  if (service === undefined) return undefined;
  return [service.address || (address ?? '127.0.0.1'), String(service.port)];
}

/** Sends one to each of these masters. */
export async function sendCanaries(
  transport: Transport,
  host: Host,
  masters: readonly { readonly state: InstanceState; readonly address: string | undefined }[],
  user: string,
): Promise<readonly CanarySent[]> {
  const lines = masters.map(({ state, address }, index) => {
    const port = ownPort(state, 'lmtp', address);
    return port === undefined ? undefined : [String(index), state.slot, user, ...port];
  });
  const answers = await ask(transport, host, 'cyrus.canary', CANARY_SEND_SCRIPT, lines, '', false);
  return masters.map(({ state }, index): CanarySent => {
    const [what, text = ''] = answers.get(String(index)) ?? [];
    if (what === 'sent' && /^\d{9,11}$/.test(text))
      return { slot: state.slot, stamp: Number(text), problem: null };
    const problem = lines[index] === undefined ? 'it serves no LMTP by TCP' : text || 'no answer';
    return { slot: state.slot, stamp: null, problem };
  });
}

/** Looks for the newest one in each probe mailbox. */
export async function findCanaries(
  transport: Transport,
  host: Host,
  boxes: readonly { readonly slot: string; readonly imapdConf: string }[],
  user: string,
): Promise<readonly CanaryFound[]> {
  const lines = boxes.map(({ imapdConf }, index) => [String(index), imapdConf, user]);
  const answers = await ask(transport, host, 'cyrus.canary-find', CANARY_FIND_SCRIPT, lines, '', true);
  return boxes.map(({ slot }, index) => parseFound(slot, answers.get(String(index)) ?? []));
}

/** One answer. */
export function parseFound(slot: string, answer: readonly string[]): CanaryFound {
  const [what, newest = '', messages = '', old = ''] = answer;
  const number = (text: string) => (/^\d{1,11}$/.test(text) ? Number(text) : null);
  const none = { slot, newest: null, messages: 0, oldBelow: null };
  if (what !== 'found') return { ...none, problem: newest || 'no answer' };
  return {
    slot,
    newest: number(newest),
    messages: number(messages) ?? 0,
    oldBelow: number(old),
    problem: null,
  };
}

/** Takes old ones out of these masters' probe mailboxes; gives why it could not, by slot. */
export async function cleanCanaries(
  transport: Transport,
  host: Host,
  masters: readonly {
    readonly state: InstanceState;
    readonly address: string | undefined;
    readonly oldBelow: number;
  }[],
  plain: string,
): Promise<ReadonlyMap<string, string>> {
  const lines = masters.map(({ state, address, oldBelow }, index) => {
    const port = ownPort(state, 'imap', address);
    return port === undefined ? undefined : [String(index), ...port, String(oldBelow)];
  });
  const script = CANARY_CLEAN_SCRIPT;
  const answers = await ask(transport, host, 'cyrus.canary-clean', script, lines, `${plain}\n`, false);
  return new Map(
    masters.flatMap(({ state }, index) => {
      const [what, why = 'no answer'] = answers.get(String(index)) ?? [];
      return what === 'ok' ? [] : [[state.slot, why] as const];
    }),
  );
}

async function ask(
  transport: Transport,
  host: Host,
  name: string,
  script: string,
  lines: readonly (readonly string[] | undefined)[],
  preamble: string,
  readOnly: boolean,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const asked = lines.filter((line) => line !== undefined);
  if (asked.length === 0) return new Map();
  const result = await transport.run(host, {
    name,
    script,
    args: [],
    stdin: preamble + asked.map((line) => `${frame(line)}\n`).join(''),
    readOnly,
    // The spool is Cyrus's own; the two others only speak to ports.
    privileged: name === 'cyrus.canary-find',
    timeoutMs: 60_000,
  });
  if (result.status !== 0) throw new CommandError(host.name, name, result.status, result.stderr);
  const answers = new Map<string, readonly string[]>();
  for (const line of result.stdout.split('\n')) {
    const [number = '', ...fields] = line.split(FIELD);
    if (number !== '' && !answers.has(number)) answers.set(number, fields);
  }
  return answers;
}
