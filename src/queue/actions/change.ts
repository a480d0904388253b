// Does an act to one part of a queue's messages. Their keys are kept beside the queue before anything is done to them,
// so that whoever takes it back knows all of them. The driver looks at each message again; its answer is written down
// before the step is done, and a part without an answer is done again.
import type { Action } from '../../plan/action.js';
import { parseKeys } from '../key-parts.js';
import { keepsRecord } from '../plan-change.js';
import {
  addResult,
  type ChangeActionParts,
  cannotAct,
  lost,
  makeSure,
  partOf,
  placeOf,
} from './change-parts.js';

export function change(parts: ChangeActionParts): Action {
  const { act, key, until, maxSaved, from } = parts.facts;
  return {
    name: 'queue.change',
    async check(step, { lane }) {
      const result = parts.results.of(lane, step.id);
      return result?.kind === 'part' ? { state: 'done', note: noteOf(result) } : { state: 'todo' };
    },
    preview: ({ params }) => parts.queueNamed(String(params.queue)).driver.preview(act),
    async act(step, { lane, signal }) {
      const place = placeOf(step);
      const queue = parts.queueNamed(place.queue);
      const text = await parts.files.readPart(partOf(step));
      const keys = parseKeys(text, `${lane} ${step.id}`);
      if (queue.driver.act === undefined) throw cannotAct(queue);
      if (keepsRecord(act)) {
        if (!(await parts.desk.keep(place, key, step.id.replace(/[^A-Za-z0-9]/g, ''), text, signal)))
          throw lost(place);
        parts.held.set(place.queue, parts.clock.monotonic());
      } else await makeSure(parts, step, signal);
      const save =
        act === 'delete' || act === 'restore'
          ? { run: from ?? key, expiresAt: until ?? 0, maxBytes: maxSaved }
          : undefined;
      const answer = await queue.driver.act(act, keys, { save, guard: parts.desk.guard(place, key), signal });
      const { changed, already = 0, gone, failed } = answer;
      const asked = keys.length;
      await addResult(parts, { kind: 'part', lane, step: step.id, asked, changed, already, gone, failed });
    },
    deadlineMs: () => 1000,
  };
}

function noteOf({
  asked,
  changed,
  already,
  gone,
  failed,
}: {
  readonly asked: number;
  readonly changed: number | null;
  readonly already: number;
  readonly gone: readonly string[];
  readonly failed: readonly unknown[];
}): string {
  return [
    changed === null ? `${asked} asked for` : `${changed} of ${asked}`,
    ...(already > 0 ? [`${already} were so already`] : []),
    ...(gone.length > 0 ? [`${gone.length} gone`] : []),
    ...(failed.length > 0 ? [`${failed.length} failed`] : []),
  ].join(', ');
}
