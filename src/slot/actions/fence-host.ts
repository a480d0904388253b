// Cuts a host off for good, by the site's own words (power, management console, switch port), because the operator
// said so. Lanes that need the same host share one call. That it is off is seen, not believed: by the site's verify
// words, or by the silence of its ports to every observer. Nothing here ever brings a host back.
import { CommandError } from '../../errors.js';
import type { Action } from '../../plan/action.js';
import type { Step } from '../../plan/step.js';
import { type SlotActionParts, stepError, textOf } from './action-parts.js';

/** ms for which one answer of the verify words stands for all lanes. */
const REUSE_MS = 500;
const DEFAULT_MS = 30_000;

export function fenceHost(parts: SlotActionParts): Action {
  /** Calls that are under way or have succeeded, by host. */
  const calls = new Map<string, Promise<void>>();
  const looks = new Map<string, { readonly atMs: number; readonly seen: Promise<string | null> }>();
  const words = (step: Step, key: 'run' | 'verify') => (step.params[key] ?? []) as readonly string[];
  const onOf = (step: Step) => (typeof step.params.on === 'string' ? step.params.on : null);
  const timeoutOf = (step: Step) =>
    typeof step.params.timeoutMs === 'number' ? step.params.timeoutMs : DEFAULT_MS;

  /** null: it is off; else why that is not known. */
  async function whyNotOff(step: Step, signal: AbortSignal): Promise<string | null> {
    if (words(step, 'verify').length === 0) {
      const verdict = await parts.watch.verdict(step.host);
      return verdict.gate === null ? null : verdict.reason;
    }
    try {
      await parts.runHook(onOf(step), words(step, 'verify'), timeoutOf(step), signal);
      return null;
    } catch (error) {
      if (error instanceof CommandError)
        return `${step.host} is not off: ${words(step, 'verify')[0]} says so`;
      return error instanceof Error ? error.message : String(error);
    }
  }

  function look(step: Step, signal: AbortSignal): Promise<string | null> {
    const nowMs = parts.clock.monotonic();
    const known = looks.get(step.host);
    if (known !== undefined && nowMs - known.atMs < REUSE_MS) return known.seen;
    const seen = whyNotOff(step, signal);
    looks.set(step.host, { atMs: nowMs, seen });
    return seen;
  }

  return {
    name: 'host.fence',
    async check(step, context) {
      const why = await look(step, context.signal);
      if (why === null) return { state: 'done', note: `${step.host} is off` };
      return { state: 'todo', note: why };
    },
    preview: (step) => [
      `${words(step, 'run').join(' ')}${onOf(step) === null ? '' : ` (on ${onOf(step)})`}`,
      words(step, 'verify').length > 0
        ? `${words(step, 'verify').join(' ')}   exits 0 when it is off`
        : `see that no port of ${step.host} answers anybody`,
    ],
    async act(step, context) {
      const call =
        calls.get(step.host) ??
        parts.runHook(onOf(step), words(step, 'run'), timeoutOf(step), context.signal);
      calls.set(step.host, call);
      try {
        await call;
        parts.watch.lookAgain(step.host);
      } catch (error) {
        calls.delete(step.host);
        // It said no: the gate that asked for it stays closed. What never answered may have done it: looked at.
        if (!(error instanceof CommandError)) throw error;
        const said = error.stderr.trim().slice(0, 300);
        throw stepError(
          `${step.host} could not be fenced: ${error.message}`,
          `slot.${textOf(step.params, 'gate')}`,
          said === '' ? undefined : said,
        );
      } finally {
        looks.delete(step.host);
      }
    },
    deadlineMs: (step) => Math.max(20_000, timeoutOf(step)),
  };
}
