// One run of a drain over model queues: a real journal, real parts and notes in a directory of the test's own, mail
// hosts and servers that are maps, and a clock that jumps. What the host and the server do can be changed by a test.
import { type DrainEnd, type DrainExecution, executeDrain } from '../../src/drain/execute-drain.js';
import { ParcelParts } from '../../src/drain/parcel-parts.js';
import { type DrainFacts, planDrain } from '../../src/drain/plan-drain.js';
import type { DrainStatus } from '../../src/drain/status.js';
import { type Journal, openJournal } from '../../src/journal/journal.js';
import { RunFiles } from '../../src/journal/run-files.js';
import { RunNotes } from '../../src/journal/run-notes.js';
import { createRun } from '../../src/journal/store.js';
import type { Plan } from '../../src/plan/plan.js';
import type { DrainFate, DrainLook, DrainOrder, DrainPost, DrainWay } from '../../src/queue/drain-way.js';
import type { MessageKey } from '../../src/queue/message.js';
import type { Socket } from '../../src/queue/socket.js';
import { type FakeClock, fakeClock } from './fake-clock.js';
import { tempDir } from './temp-dir.js';

/** Key of the run on all bastions. */
export const KEY = 'd81c00000001';

/** A queue on a model host: a message that is let go is delivered by the next look. */
export class ModelQueue {
  readonly name: string;
  readonly host: string;
  readonly fates = new Map<string, DrainFate>();
  /** What was said to the drains' place of its host. */
  readonly said: string[] = [];
  readonly kept: string[] = [];
  ticks = 0;
  /** When its kernel was asked for its connections, by the clock of the world, in ms. */
  readonly socketReadsAt: number[] = [];
  /** Why a message cannot be released. */
  refuses: (id: string) => string | undefined = () => undefined;
  /** Why a message cannot be parked. */
  cannotPark: (id: string) => string | undefined = () => undefined;
  onPark: (keys: readonly MessageKey[], count: number) => void | Promise<void> = () => {};
  afterPark: () => void = () => {};
  afterTick: () => void = () => {};
  /** Delivered more than once. */
  readonly twice: string[] = [];
  readonly #delivered = new Set<string>();
  onTick: (order: DrainOrder) => void | Promise<void> = () => {};
  /** What a message that was let go becomes. */
  becomes: DrainFate = 'gone';
  isDown = false;
  revived = 0;
  onRevive: () => boolean = () => false;
  oldestOther: number | null = null;
  parks = 0;
  /** The state on the host. */
  state: 'none' | 'running' | 'held' | 'released' = 'none';

  constructor(name: string, host = name) {
    this.name = name;
    this.host = host;
  }

  with(fate: DrainFate): readonly string[] {
    return [...this.fates].flatMap(([id, one]) => (one === fate ? [id] : []));
  }

  get way(): DrainWay {
    const set = (keys: readonly MessageKey[], fate: DrainFate) => {
      const gone = keys.filter(({ id }) => (this.fates.get(id) ?? 'gone') === 'gone').map(({ id }) => id);
      for (const { id } of keys) if (!gone.includes(id)) this.fates.set(id, fate);
      return { changed: keys.length - gone.length, gone, failed: [] };
    };
    return {
      oneConnectionEach: true,
      side: { args: [], locate: '', giveBack: 'cat', line: ({ id }) => id },
      lifetime: async () => null,
      park: async (keys) => {
        this.parks += 1;
        await this.onPark(keys, this.parks);
        const why = keys.map(({ id }) => ({ id, why: this.cannotPark(id) }));
        const failed = why.flatMap(({ id, why }) => (why === undefined ? [] : [{ id, why }]));
        const can = keys.filter((_, at) => why[at]?.why === undefined);
        const did = set(can, 'held');
        this.afterPark();
        return { ...did, failed };
      },
      revive: async () => {
        this.revived += 1;
        return this.onRevive();
      },
      unpark: async (keys) => set(keys, 'waiting'),
      tick: (order) => this.#tick(order),
      preview: () => [],
    };
  }

  #ends(id: string): void {
    this.fates.set(id, this.becomes);
    if (this.becomes === 'gone' && this.#delivered.has(id)) this.twice.push(id);
    if (this.becomes === 'gone') this.#delivered.add(id);
  }

  async #tick(order: DrainOrder): Promise<DrainLook> {
    this.ticks += 1;
    await this.onTick(order);
    const fates = new Map<string, DrainFate>();
    const failed: { id: string; why: string }[] = [];
    for (const { watch, release, window } of order.lots) {
      for (const id of watch) {
        if (this.fates.get(id) === 'active') this.#ends(id);
        fates.set(id, this.fates.get(id) ?? 'gone');
      }
      for (const { id } of release.slice(0, order.forMs > 0 && !this.isDown ? window : 0)) {
        const why = this.refuses(id);
        if (why !== undefined) failed.push({ id, why });
        else if (this.fates.get(id) === 'held') this.fates.set(id, 'active');
      }
      for (const { id } of release) fates.set(id, this.fates.get(id) ?? 'gone');
    }
    this.afterTick();
    const { oldestOther, isDown } = this;
    return { at: 0, fates, failed, inFlight: null, oldestOther, isDown };
  }
}

/** The run, and what was seen of it. */
export class DrainWorld {
  readonly clock: FakeClock = fakeClock({ auto: true });
  readonly statuses: DrainStatus[] = [];
  readonly changes: string[] = [];
  readonly queues: readonly ModelQueue[];
  /** Before and after what is said to the drains' place. */
  onPost: () => void = () => {};
  beatEvery: () => void | Promise<void> = () => {};
  stateDir = '';
  plan!: Plan;
  facts!: DrainFacts;
  journal!: Journal;
  files!: RunFiles;
  notes!: RunNotes;

  constructor(queues: readonly ModelQueue[]) {
    this.queues = queues;
  }

  /** `parts`: for each queue the numbers of messages of its parts; one list: of all. */
  async open(parts: readonly number[]): Promise<this> {
    this.stateDir = await tempDir();
    this.files = new RunFiles(this.stateDir, KEY);
    const all: { bytes: Buffer; count: number }[] = [];
    for (const queue of this.queues)
      for (const [index, count] of parts.entries()) {
        const own = new ParcelParts();
        for (let n = 0; n < count; n += 1) {
          const id = `${queue.name}-${index + 1}-${n}`;
          queue.fates.set(id, 'deferred');
          own.add({ id, arrivedAt: n, sender: 's@example.org' }, 0, 'example.com');
        }
        all.push(...(own.parts() as { bytes: Buffer; count: number }[]));
      }
    const places = await this.files.writeParts(all);
    this.facts = {
      key: KEY,
      onDeath: 'release',
      deadAfterS: 600,
      perSecond: null,
      takesOver: [],
      destinations: [
        { name: 'example.com', connections: 20, source: 'config', perSecond: null, inFlight: null },
      ],
    };
    const planned = this.queues.map(({ name, host }, at) => ({
      queue: name,
      host,
      software: 'model',
      places: places.slice(at * parts.length, (at + 1) * parts.length),
      messages: parts.reduce((sum, count) => sum + count, 0),
    }));
    const head = {
      id: 'd81c',
      operator: 'ann',
      bastion: 'b1',
      createdAt: '2026-03-12T04:28:00Z',
      reason: undefined,
    };
    const created = await createRun<Plan>({
      stateDir: this.stateDir,
      plan: planDrain(head, this.facts, planned),
      mailctl: '1',
      operator: 'ann',
      host: 'b1',
      bootId: 'boot',
      clock: this.clock,
    });
    this.plan = created.plan;
    this.journal = created.journal;
    this.notes = new RunNotes(this.stateDir, created.id);
    return this;
  }

  /** Executes it, a first time or once more. */
  async run(
    isResumed = false,
    finish = new AbortController().signal,
    leave?: AbortSignal,
    begins?: DrainExecution['begins'],
  ): Promise<DrainEnd> {
    if (isResumed)
      this.journal = await openJournal(this.journal.file, { operator: 'ann', clock: this.clock });
    const execution: DrainExecution = {
      plan: this.plan,
      facts: this.facts,
      journal: this.journal,
      files: this.files,
      notes: this.notes,
      post: this.post(),
      clock: this.clock,
      operator: 'ann',
      bastion: 'b1',
      queueNamed: (name) => {
        const queue = this.queues.find((one) => one.name === name) as ModelQueue;
        return {
          place: { host: queue.host, queue: name, software: 'model' },
          way: queue.way,
          readLog: undefined,
          kernel: queue.host,
          sockets: async (): Promise<readonly Socket[]> => {
            queue.socketReadsAt.push(this.clock.monotonic());
            return [];
          },
        };
      },
      peers: new Map(),
      finish,
      abort: new AbortController().signal,
      leave,
      begins,
      onStatus: (status) => this.statuses.push(status),
      onChange: (text) => this.changes.push(text),
    };
    try {
      return await executeDrain(execution, isResumed);
    } finally {
      await this.journal.close();
    }
  }

  /** What closed each lane. */
  closed(): readonly (readonly [string, string])[] {
    return this.journal.records.flatMap((record) =>
      record.kind === 'lane-closed' ? [[record.lane, record.state] as const] : [],
    );
  }

  post(): DrainPost {
    const of = (name: string) => this.queues.find((one) => one.name === name) as ModelQueue;
    return {
      begin: async ({ queue }) => {
        this.onPost();
        of(queue).state = 'running';
        this.onPost();
        return { granted: true };
      },
      keep: async ({ queue }, _key, part, keys) => {
        this.onPost();
        of(queue).kept.push(part);
        this.onPost();
        return keys.length >= 0;
      },
      beat: async ({ queue }) => {
        await this.beatEvery();
        return { isOurs: of(queue).state === 'running', guards: NO_GUARDS };
      },
      wake: async () => 0,
      guards: async () => NO_GUARDS,
      end: async ({ queue }, _key, how) => {
        const one = of(queue);
        one.said.push(how);
        const isOurs = one.state === 'running' || one.state === 'held' || how === 'done';
        if (isOurs) one.state = how === 'done' ? 'none' : 'held';
        return isOurs;
      },
      found: async () => [],
      keys: async () => {},
    };
  }
}

const NO_GUARDS = {
  at: 0,
  memory: null,
  oomKills: null,
  sockets: null,
  files: null,
  load: null,
  disk: null,
};
