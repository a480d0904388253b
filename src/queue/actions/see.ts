// Where the server has counted other than what it was asked for, the queue is listed once more and each message of
// those parts is looked for: exit codes tell nothing, and a part that was done again after a crash counts its first
// half no more. Where all counts are right nothing is listed.
import type { Action } from '../../plan/action.js';
import { MOST_LEFT } from '../change-results.js';
import type { QueueAct } from '../driver.js';
import { parseKeys } from '../key-parts.js';
import type { MessageKey, QueueMessage } from '../message.js';
import { addResult, type ChangeActionParts, partOf, placeOf } from './change-parts.js';

export function see(parts: ChangeActionParts, stepsOf: (lane: string) => readonly PartStep[]): Action {
  const { act } = parts.facts;
  return {
    name: 'queue.see',
    async check(step, { lane }) {
      if (parts.results.of(lane, step.id) !== undefined) return { state: 'done' };
      // A new try leaves no trace that a listing could show.
      if (act === 'flush' || parts.results.doubtful(lane).length === 0) return { state: 'done' };
      return { state: 'todo', note: 'the server has counted otherwise' };
    },
    preview: () => ['a new listing, where the counts differ'],
    async act(step, { lane, signal }) {
      const place = placeOf(step);
      const doubtful = new Map(parts.results.doubtful(lane).map((part) => [part.step, part]));
      const wanted = new Map<string, MessageKey>();
      for (const one of stepsOf(lane)) {
        const part = doubtful.get(one.id);
        if (part === undefined) continue;
        const told = new Set([...part.gone, ...part.failed.map(({ id }) => id)]);
        const keys = parseKeys(await parts.files.readPart(partOf(one)), `${lane} ${one.id}`);
        for (const key of keys) if (!told.has(key.id)) wanted.set(key.id, key);
      }
      const seen = new Map<string, string>();
      await parts.queueNamed(place.queue).driver.list(
        (message) => {
          const key = wanted.get(message.id);
          if (key !== undefined && isSame(key, message)) seen.set(message.id, message.state);
        },
        { signal },
      );
      const left: string[] = [];
      let gone = 0;
      for (const id of wanted.keys()) {
        const state = seen.get(id);
        if (!isDone(act, state)) left.push(id);
        else if (state === undefined && act !== 'delete' && act !== 'requeue') gone += 1;
      }
      await addResult(parts, { kind: 'seen', lane, step: step.id, left: left.slice(0, MOST_LEFT), gone });
    },
    deadlineMs: () => 1000,
  };
}

/** A step that works through a part. */
type PartStep = Parameters<typeof partOf>[0];

function isSame(key: MessageKey, message: QueueMessage): boolean {
  return (
    (key.arrivedAt === null || message.arrivedAt === null || key.arrivedAt === message.arrivedAt) &&
    (key.sender === null || message.sender === null || key.sender === message.sender)
  );
}

/** Is a message as the act would have it? `state` undefined: it is not there. */
function isDone(act: QueueAct, state: string | undefined): boolean {
  switch (act) {
    case 'hold':
      return state === undefined || state === 'hold';
    case 'release':
      return state !== 'hold';
    case 'delete':
    case 'requeue':
      return state === undefined;
    case 'restore':
      return state !== undefined;
    case 'flush':
      return true;
  }
}
