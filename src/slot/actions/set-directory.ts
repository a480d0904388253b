// Says to the whole site who is master, by compare-and-set. One that finds NEW is done; one that finds anyone
// else stops and never overwrites.
import { ConfigError, MailctlError } from '../../errors.js';
import type { Action, CheckResult } from '../../plan/action.js';
import type { Step } from '../../plan/step.js';
import { linesBefore, parseLaneFile } from '../lane-record.js';
import { hasOwnChanges, isMaster } from '../sight.js';
import {
  instanceOf,
  isNoMaster,
  lookAt,
  type SlotActionParts,
  seenKey,
  stepError,
  textOf,
} from './action-parts.js';

/** Between two looks at a NEW that does not answer, in ms. */
const SECOND_LOOK_MS = 300;

export function setDirectory(parts: SlotActionParts): Action {
  const versionOf = (step: Step) => {
    const slot = textOf(step.params, 'slot');
    if (parts.versions.has(slot)) return parts.versions.get(slot);
    return typeof step.params.version === 'number' ? step.params.version : undefined;
  };
  const is = (step: Step, wanted: 'to' | 'from', before: 'from' | 'to'): ReturnType<Action['check']> =>
    parts.directory.get(textOf(step.params, 'slot')).then((slot) => {
      if (slot?.master === textOf(step.params, wanted)) return { state: 'done' };
      if (slot?.master === textOf(step.params, before)) return { state: 'todo' };
      const found = slot === undefined ? 'no longer knows it' : `names ${slot.master}`;
      return { state: 'blocked', reason: `the directory ${found}`, code: 'directory-disagrees' };
    });
  const set = async (step: Step, from: string, to: string) => {
    const slot = textOf(step.params, 'slot');
    const result = await parts.directory.setMaster({ slot, from, to, version: versionOf(step) });
    if (result.outcome === 'set') parts.versions.set(slot, result.version);
    else if (result.master !== to) {
      throw stepError(
        `the directory was changed meanwhile: ${slot} is on ${result.master}`,
        'slot.directory-disagrees',
      );
    }
  };
  // Where OLD was silent: whoever is silent must be so now, or the site would look for the slot on a NEW that is stopped
  // while OLD serves it. The commit would notice, and go back; this is before anybody is sent there.
  const oldIsBack = async (step: Step): Promise<CheckResult | undefined> => {
    const { old, rewindTo } = step.params;
    if (typeof rewindTo !== 'string' || typeof old !== 'object' || old === null) return undefined;
    const instance = instanceOf(old as Step['params'], '');
    if ((await parts.watch.awayNow(instance.host)) !== undefined) return undefined;
    const seen = await lookAt(parts, instance, (state) =>
      isNoMaster(state) ? { state: 'done' } : { state: 'rewind', to: rewindTo, reason: '' },
    );
    if (seen.state !== 'rewind') return undefined;
    return { ...seen, reason: `${instance.host} answers again, before the directory was told otherwise` };
  };
  // NEW may have come up by itself since (its host has booted), and whom the directory names takes mail.
  const refuseIfServed = async (step: Step) => {
    const to = textOf(step.params, 'to');
    if (step.params.next === undefined) return;
    const next = instanceOf(step.params.next as Step['params'], to);
    const before = parts.seen.get(seenKey(to, next.slot));
    const look = () =>
      lookAt(parts, next, (state) => {
        if (!isMaster(state) && !hasOwnChanges(state)) return { state: 'done' };
        throw stepError(
          `${next.slot} ${isMaster(state) ? 'runs' : 'ran'} as master on ${to}, and has mail of its own by now`,
          'slot.two-masters',
        );
      });
    let seen = await look();
    // Silent a moment ago need not be silent now, and what comes up there comes up as the master.
    if (seen.state === 'away') {
      await parts.clock.sleep(SECOND_LOOK_MS);
      seen = await look();
    }
    // It fell silent under this run's eyes, stopped, or nobody knows what it has done since.
    if (seen.state === 'away' && before?.running !== false) {
      throw stepError(
        `the directory names ${to}, which does not answer and may have taken mail`,
        'slot.no-replica',
      );
    }
  };
  // What an earlier run told the directory is this one's to take back only while that run's lane was open when this one
  // took its lease: whoever ended it has left NEW as the master.
  const isEndedBefore = async (step: Step): Promise<boolean> => {
    if (step.inherited !== true || step.params.next === undefined) return false;
    const next = instanceOf(step.params.next as Step['params'], textOf(step.params, 'to'));
    await lookAt(parts, next, () => ({ state: 'done' }));
    const state = parts.seen.get(seenKey(next.host, next.slot));
    if (state === undefined) return false;
    const { open } = parseLaneFile(linesBefore(parts.leases.holder.run, state.laneLines));
    return open?.way !== 'move' || open.from !== step.params.from || open.to !== next.host;
  };
  return {
    name: 'slot.set-directory',
    async check(step) {
      const seen = await is(step, 'to', 'from').catch((error: unknown) =>
        Promise.reject(toldLater(step, error)),
      );
      return seen.state === 'todo' ? ((await oldIsBack(step)) ?? seen) : seen;
    },
    async checkUndone(step) {
      const seen = await is(step, 'from', 'to');
      return seen.state === 'todo' && (await isEndedBefore(step)) ? { state: 'done' } : seen;
    },
    preview: (step) => [
      `set ${textOf(step.params, 'slot')} from ${textOf(step.params, 'from')} to ${textOf(step.params, 'to')} in ${parts.directory.name}`,
    ],
    act: (step) => set(step, textOf(step.params, 'from'), textOf(step.params, 'to')),
    async undo(step) {
      const slot = textOf(step.params, 'slot');
      await refuseIfServed(step);
      // Raised first: a change of ours that is still on its way must find another version.
      parts.versions.set(slot, await parts.directory.raiseVersion(slot));
      // Nothing there compares a token, and whoever has taken the lane over may be about to start NEW: who takes it over
      // after this proof raises the version once more.
      await parts.leases.prove(slot);
      await set(step, textOf(step.params, 'to'), textOf(step.params, 'from'));
    },
    deadlineMs: () => 15_000,
  };
}

/** After NEW was started it is only the directory that does not know, and the operator is told so. */
function toldLater(step: Step, error: unknown): unknown {
  if (step.phase !== 'settle' || !isDirectoryAway(error)) return error;
  const [slot, to] = [textOf(step.params, 'slot'), textOf(step.params, 'to')];
  return new MailctlError(
    `${slot} was started on ${to}; the directory is still to be told: ${error.message}`,
    {
      code: error.code,
      exitCode: error.exitCode,
      hint: error.hint,
      cause: error,
    },
  );
}

/** Is this the directory being away, rather than the configuration being wrong? */
export function isDirectoryAway(error: unknown): error is MailctlError {
  return error instanceof MailctlError && !(error instanceof ConfigError);
}
