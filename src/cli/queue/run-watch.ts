// Does `queue stats --watch`: each host is looked at again and again by itself, never twice at once, and the picture is
// drawn from what there is, so that a host that is slow or hangs holds up nothing but its own figures. A terminal has one
// screen that is drawn anew; anything else gets an answer after the other.
import { EXIT } from '../../errors.js';
import { Semaphore } from '../../lib/semaphore.js';
import type { Line } from '../../output/line.js';
import { createLiveScreen } from '../../output/live-screen.js';
import type { LookStore, QueueLook } from '../../queue/queue-look.js';
import { problemsOf } from '../../queue/read-all.js';
import type { Context } from '../context.js';
import { partsOf, type TrendOptions } from './run-trend.js';
import { mustHaveQueues } from './source.js';
import { statsView } from './stats-view.js';
import type { HostState, TrendScene } from './trend-scene.js';

const EVERY_MS = 5000;
/** What is kept is a look a minute, as the timer's. */
const KEEP_EVERY_MS = 55_000;
/** The terminal's size is looked at this often, and new figures are drawn no oftener. */
const TICK_MS = 250;

/** What is watched. */
export interface QueueWatch {
  readonly schema: string;
  readonly options: TrendOptions;
  readonly context: Context;
  readonly scene: TrendScene;
  /** Looks are of whole queues, and are kept. */
  readonly keeps: boolean;
}

/** Watches until it is interrupted, or nobody reads any more. */
export async function watchQueues(watch: QueueWatch): Promise<number> {
  const { options, context } = watch;
  const { clock, terminal } = context;
  const everyMs = options.everyMs ?? EVERY_MS;
  const { abort: signal } = context.interruption;
  const begunAt = clock.monotonic();
  const watching = new Watching(watch, everyMs);
  const isLive = context.output.format === 'table' && terminal.stdoutIsTty && context.env.TERM !== 'dumb';
  const screen = isLive
    ? createLiveScreen({
        write: context.output.text,
        color: terminal.stdoutColor,
        columns: terminal.columns,
        rows: terminal.stdoutRows,
      })
    : undefined;
  let drawnAt = Number.NEGATIVE_INFINITY;
  let drawnLooks = -1;
  let exit: number = EXIT.done;
  try {
    while (!signal.aborted && !context.output.isClosed()) {
      const isFirst = drawnLooks < 0;
      const isDue = clock.monotonic() - drawnAt >= everyMs;
      const isReady = watching.hasAll || clock.monotonic() - begunAt >= (isLive ? 1000 : everyMs);
      const hasNews = watching.looks > drawnLooks && screen !== undefined;
      if (isFirst ? isReady : isDue || hasNews || screen?.isResized() === true) {
        drawnAt = clock.monotonic();
        drawnLooks = watching.looks;
        exit = await draw(watch, screen, () => clock.monotonic() - begunAt);
      }
      await clock.sleep(TICK_MS, signal).catch(() => {});
      watching.mayThrow();
    }
  } finally {
    await screen?.end();
    await watching.end();
  }
  return exit;
}

async function draw(
  { schema, options, context, scene }: QueueWatch,
  screen: ReturnType<typeof createLiveScreen> | undefined,
  tookMs: () => number,
): Promise<number> {
  await scene.nameConnections();
  const picture = scene.picture();
  if (picture.silent.length === 0) mustHaveQueues(picture.report);
  const parts = await partsOf(schema, options, context, picture, tookMs);
  const view = await statsView(context, parts);
  if (screen === undefined) {
    if (context.output.format === 'tsv' || context.output.format === 'table')
      await context.output.text(`# ${new Date(picture.now).toISOString().slice(0, 19)}Z\n`);
    await context.output.print(view);
    for (const text of parts.missing) context.warn(text);
  } else {
    const last: Line = `watched every ${(options.everyMs ?? EVERY_MS) / 1000}s, Ctrl-C ends it`;
    await screen.draw((canvas) => [...(view.screen?.(canvas) ?? []), last]);
  }
  return problemsOf(picture.report).length + picture.silent.length > 0 ? EXIT.partial : EXIT.done;
}

/** The hosts' own rounds. */
class Watching {
  /** Looks that came to an end. */
  looks = 0;
  readonly #watch: QueueWatch;
  readonly #everyMs: number;
  readonly #ending = new AbortController();
  readonly #rounds: readonly Promise<void>[];
  readonly #keptAt = new Map<string, number>();
  #store: LookStore | undefined;
  #fault: { readonly error: unknown } | undefined;

  constructor(watch: QueueWatch, everyMs: number) {
    this.#watch = watch;
    this.#everyMs = everyMs;
    const { abort } = watch.context.interruption;
    const signal = AbortSignal.any([abort, this.#ending.signal]);
    const places = new Semaphore(watch.context.globals.concurrency);
    this.#rounds = watch.scene.states.map((state) =>
      this.#round(state, places, signal).catch((error: unknown) => {
        if (!signal.aborted) this.#fault ??= { error };
      }),
    );
  }

  /** Every host has been looked at once, or has failed. */
  get hasAll(): boolean {
    return this.#watch.scene.states.every(({ report }) => report !== null);
  }

  /** A fault of ours ends the watch. */
  mayThrow(): void {
    if (this.#fault !== undefined) throw this.#fault.error;
  }

  /** Breaks off what goes on. */
  async end(): Promise<void> {
    this.#ending.abort();
    await Promise.all(this.#rounds);
  }

  async #round(state: HostState, places: Semaphore, signal: AbortSignal): Promise<void> {
    const { context, scene } = this.#watch;
    while (!signal.aborted) {
      const begunAt = context.clock.monotonic();
      const free = await places.acquire(signal);
      let looks: readonly QueueLook[] = [];
      try {
        looks = await scene.lookAt(state, signal);
      } finally {
        free();
      }
      if (signal.aborted) return;
      this.looks += 1;
      if (this.#watch.keeps) await this.#keep(looks);
      const left = begunAt + this.#everyMs - context.clock.monotonic();
      // A host that takes longer than that is asked again at once, but for a breath.
      await context.clock.sleep(Math.max(left, TICK_MS), signal);
    }
  }

  async #keep(looks: readonly QueueLook[]): Promise<void> {
    const due = looks.filter(({ queue, at }) => at - (this.#keptAt.get(queue) ?? 0) >= KEEP_EVERY_MS);
    if (due.length === 0) return;
    for (const { queue, at } of due) this.#keptAt.set(queue, at);
    this.#store ??= await this.#watch.context.queueLooks();
    await this.#store.store(due);
  }
}
