// What became of a drain that was told to stop and whose process is gone now: by its journal, since a process also goes
// when it is killed, or when a host does not answer. Pure.
import type { RunProgress } from '../plan/progress.js';

/** Did it end as it was told, and how, in words that follow its name. */
export function endOfStop(
  {
    run,
    progress,
    isStopped,
    unsure,
  }: {
    readonly run: string;
    readonly progress: Pick<RunProgress, 'closed' | 'lanes'>;
    readonly isStopped: boolean;
    readonly unsure: readonly string[];
  },
  releaseRest: boolean,
): { readonly isDone: boolean; readonly text: string } {
  const { closed, lanes } = progress;
  if (closed === 'done')
    return { isDone: true, text: 'has ended: everything was sent before it was stopped' };
  const open = lanes.filter((lane) => lane.closed === undefined).map(({ lane }) => lane);
  if (open.length === 0) {
    const failed = lanes.filter((lane) => lane.closed === 'failed').map(({ lane }) => lane);
    return {
      isDone: true,
      text:
        failed.length === 0
          ? 'has ended; the rest was given back to the servers'
          : `has ended; nothing of ${failed.join(', ')} was parked, the rest was given back to the servers`,
    };
  }
  if (releaseRest)
    return {
      isDone: false,
      text: `has ended, but the rest of ${open.join(', ')} was not given back`,
    };
  // What its queues failed of is the newest word of those.
  const failed = lanes.filter((lane) => lane.closed === undefined && lane.failure !== undefined);
  if (isStopped && failed.length === 0)
    return {
      isDone: true,
      text:
        unsure.length === 0
          ? `has stopped; the rest stays held until mailctl drain resume ${run}`
          : `has stopped; ${givenBackText(unsure)}; mailctl drain resume ${run} parks it again and goes on`,
    };
  const [first] = failed;
  return {
    isDone: false,
    text:
      first === undefined
        ? 'has ended before it was stopped: its process is gone'
        : `has ended, but ${first.lane} was not stopped: ${first.failure?.reason ?? ''}`,
  };
}

/**
 * Of a drain whose process was gone when it was stopped. `given`: queues whose hosts had given the rest back; `goOn`: the
 * command that goes on with it.
 */
export function stoppedText(run: string, given: readonly string[], goOn: string): string {
  return given.length === 0
    ? `drain ${run} is stopped; its rest stays held until ${goOn}`
    : `drain ${run} is stopped; ${givenBackText(given)}; ${goOn} parks it again and goes on`;
}

/** Whose rest does not stay held. */
export function givenBackText(queues: readonly string[]): string {
  return `the rest of ${queues.join(', ')} was given back by ${queues.length === 1 ? 'its host' : 'their hosts'} before`;
}
