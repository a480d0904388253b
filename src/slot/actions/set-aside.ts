// The two steps of a quarantine: the blocked log is set aside by one rename, so that the rest goes on at once; then
// what can be sent of it is sent, and the rest is kept with its cause. Both are safe to repeat; nothing is removed
// before it was sent.
import type { Action } from '../../plan/action.js';
import type { Step } from '../../plan/step.js';
import { blockedChannel } from '../blocked.js';
import type { QuarantineFile, QuarantineNote } from '../quarantine.js';
import { sortFile } from '../sort-events.js';
import { gripOf, instanceOf, lookAt, type SlotActionParts, textOf } from './action-parts.js';

/** Times that the log may block again by new events of the same people while it is sorted. */
const MOST_ROUNDS = 5;
/** What lands later than this does no harm: lines that are sent twice, or a file that is not as it was read. */
const SORT_MS = 15_000;

/** The note that a file is set aside with. */
function noteOf(parts: SlotActionParts, step: Step, at: number): QuarantineNote {
  const text = (key: string) => (typeof step.params[key] === 'string' ? (step.params[key] as string) : null);
  const birth = step.params.birth;
  return {
    birth: typeof birth === 'number' ? birth : null,
    birthBy: text('birthBy') ?? '',
    channel: text('channel') ?? '',
    replica: text('replica') ?? '',
    run: parts.leases.holder.run,
    operator: `${parts.leases.holder.operator}@${parts.leases.holder.bastion}`,
    reason: text('reason'),
    owner: text('owner'),
    asideAt: at,
    tries: 0,
    triedAt: null,
    kept: [],
    more: 0,
  };
}

async function fileOf(parts: SlotActionParts, step: Step, name: string): Promise<QuarantineFile | undefined> {
  const instance = instanceOf(step.params, step.host);
  const [files = []] = await parts.driver.quarantine.list(parts.hostNamed(step.host), [instance]);
  return files.find(({ file }) => file === name);
}

/** Round n of a file: the first has the plan's name. */
const roundName = (file: string, round: number) => (round === 1 ? file : `${file}.${round}`);

export function setAside(parts: SlotActionParts): Action {
  return {
    name: 'slot.set-aside',
    check: (step) =>
      lookAt(parts, instanceOf(step.params, step.host), async () => {
        const instance = instanceOf(step.params, step.host);
        if ((await fileOf(parts, step, textOf(step.params, 'file'))) !== undefined) return { state: 'done' };
        const [seen] = await parts.driver.replication(parts.hostNamed(step.host), [instance]);
        const channel = seen?.channels.find((one) => one.channel === (step.params.channel ?? ''));
        return channel === undefined || channel.events === 0
          ? { state: 'done', note: 'nothing waits there any more' }
          : { state: 'todo' };
      }),
    preview: (step) =>
      parts.driver.quarantine.preview(
        'set-aside',
        instanceOf(step.params, step.host),
        String(step.params.channel ?? ''),
      ),
    async act(step) {
      const instance = instanceOf(step.params, step.host);
      const grip = await gripOf(parts, step, instance);
      const at = (await parts.driver.look(parts.hostNamed(step.host), instance)).at;
      const note = noteOf(parts, step, at);
      await parts.driver.quarantine.setAside(
        parts.hostNamed(step.host),
        instance,
        grip,
        textOf(step.params, 'file'),
        note,
      );
    },
    deadlineMs: () => 60_000,
  };
}

export function sortEvents(parts: SlotActionParts): Action {
  return {
    name: 'slot.sort-events',
    check: (step) =>
      lookAt(parts, instanceOf(step.params, step.host), async () => {
        const file = await fileOf(parts, step, textOf(step.params, 'file'));
        if (file === undefined) return { state: 'done', note: 'all of it was sent' };
        const before = typeof step.params.tries === 'number' ? step.params.tries : 0;
        if (file.note !== null && file.note.tries > before) {
          const kept = file.note.kept.map(({ who }) => who).slice(0, 3);
          return { state: 'done', note: `${file.events} events kept: ${kept.join('; ')}` };
        }
        return { state: 'todo' };
      }),
    preview: (step) =>
      parts.driver.quarantine.preview(
        'send',
        instanceOf(step.params, step.host),
        String(step.params.channel ?? ''),
      ),
    async act(step, context) {
      const instance = instanceOf(step.params, step.host);
      const host = parts.hostNamed(step.host);
      const at = (await parts.driver.look(host, instance)).at;
      const note = noteOf(parts, step, at);
      const sort = (file: string) =>
        sortFile(file, note, {
          quarantine: parts.driver.quarantine,
          clock: parts.clock,
          host,
          instance,
          grip: () => gripOf(parts, step, instance),
          mailboxes: () => parts.driver.mailboxes(host, instance, 'master'),
          note: (text) => context.note(text),
          signal: context.signal,
        });
      await sort(textOf(step.params, 'file'));
      if (step.params.again !== true) return;
      for (let round = 2; round <= MOST_ROUNDS; round += 1) {
        const [seen] = await parts.driver.replication(host, [instance]);
        const channel = seen?.channels.find((one) => one.channel === (step.params.channel ?? ''));
        if (channel === undefined || blockedChannel(channel, at, 0) === null) return;
        context.note('blocked again by newer events, set aside as well');
        const name = roundName(textOf(step.params, 'file'), round);
        const newer = { ...note, birth: channel.oldestBirth, birthBy: channel.birthBy ?? '' };
        await parts.driver.quarantine.setAside(
          host,
          instance,
          await gripOf(parts, step, instance),
          name,
          newer,
        );
        await sort(name);
      }
    },
    deadlineMs: () => SORT_MS,
  };
}
