// A small world for acts on messages: one queue, the desk beside it, and the files of a run, all in memory. Every call
// that reaches it is a boundary at which the process may die, before or after it took effect; from then on nothing of
// that process reaches the world any more.
import { createHash } from 'node:crypto';
import { TransportError } from '../../src/errors.js';
import { Journal, type JournalStorage } from '../../src/journal/journal.js';
import { parseRecord } from '../../src/journal/parse-record.js';
import type { JournalRecord } from '../../src/journal/record.js';
import type { PartPlace, RunFiles } from '../../src/journal/run-files.js';
import type { Json } from '../../src/plan/plan.js';
import type { DeskHolder, QueueDesk } from '../../src/queue/desk.js';
import type { ActAnswer, Queue, QueueAct, QueueDriver } from '../../src/queue/driver.js';
import { executeChange } from '../../src/queue/execute-change.js';
import { KeyParts } from '../../src/queue/key-parts.js';
import type { QueueMessage } from '../../src/queue/message.js';
import { type ChangeFacts, planChange } from '../../src/queue/plan-change.js';
import { fakeClock } from './fake-clock.js';

/** A message of the world, and how often an act has changed it. */
export interface WorldMessage {
  state: string;
  arrivedAt: number;
  sender: string;
  changes: number;
}

const QUEUE = { queue: 'mx1', host: 'mx1', software: 'postfix' } as const;

/** The world. */
export class QueueWorld {
  readonly clock = fakeClock({ auto: true });
  readonly messages = new Map<string, WorldMessage>();
  readonly saved = new Map<string, WorldMessage>();
  /** Who has the queue. */
  lease: DeskHolder | null = null;
  readonly records = new Map<string, { complete: boolean; keys: Map<string, string> }>();
  journal = '';
  parts: Buffer = Buffer.alloc(0);
  results: unknown[] = [];
  listings = 0;
  /** Calls so far, and the one that kills: `at` its number, before or after it took effect. */
  calls = 0;
  crash: { readonly at: number; readonly when: 'before' | 'after' } | undefined;
  isDead = false;
  /** What the server says that it has changed; by default the truth. */
  counts: (changed: number) => number | null = (changed) => changed;

  constructor(count: number, state = 'deferred') {
    for (let at = 0; at < count; at += 1)
      this.messages.set(`M${at}`, { state, arrivedAt: 1000 + at, sender: `s${at}@x.example`, changes: 0 });
  }

  /** A boundary: what it does reaches the world, or not, or is the last thing that does. */
  async reach<T>(effect: () => T): Promise<T> {
    if (this.isDead) return this.#gone();
    this.calls += 1;
    const isNow = this.crash?.at === this.calls;
    if (isNow && this.crash?.when === 'before') this.isDead = true;
    if (this.isDead) return this.#gone();
    const value = effect();
    if (isNow) this.isDead = true;
    return this.isDead ? this.#gone() : value;
  }

  #gone(): never {
    throw new TransportError('mx1', 'unreachable', 'the process is dead');
  }

  readonly driver: QueueDriver = {
    software: 'postfix',
    cannot: () => null,
    preview: () => [],
    retry: async () => ({ inFlight: null }),
    list: async (onMessage) => {
      await this.reach(() => {
        this.listings += 1;
      });
      for (const [id, one] of this.messages) onMessage(messageOf(id, one));
      return { malformed: { lines: 0, first: null }, keptBack: [], warning: null };
    },
    act: (act, keys) => this.reach(() => this.#act(act, keys)),
  };

  #act(act: QueueAct, keys: Parameters<NonNullable<QueueDriver['act']>>[1]): ActAnswer {
    const gone: string[] = [];
    let already = 0;
    let changed = 0;
    for (const { id, arrivedAt, sender } of keys) {
      const one = act === 'restore' ? this.saved.get(id) : this.messages.get(id);
      if (act === 'delete' && one === undefined && this.saved.has(id)) already += 1;
      else if (one === undefined || one.arrivedAt !== arrivedAt || one.sender !== sender) gone.push(id);
      else if ((act === 'hold') === (one.state === 'hold') && (act === 'hold' || act === 'release'))
        already += 1;
      else {
        one.changes += 1;
        changed += 1;
        if (act === 'hold') one.state = 'hold';
        if (act === 'release') one.state = 'deferred';
        if (act === 'delete' || act === 'requeue') this.messages.delete(id);
        if (act === 'requeue') this.messages.set(`R${id}`, one);
        if (act === 'delete') this.saved.set(id, one);
        if (act === 'restore') {
          this.saved.delete(id);
          this.messages.set(id, one);
        }
      }
    }
    return { changed: this.counts(changed), already, gone, failed: [] };
  }

  readonly desk: QueueDesk = {
    take: (_place, { holder, record, dead }) =>
      this.reach(() => {
        const held = this.lease;
        if (held !== null && held.key !== holder.key && !dead.includes(held.key))
          return { granted: false, held, secondsLeft: 60 } as const;
        this.lease = holder;
        if (record !== null && !this.records.has(record.key))
          this.records.set(record.key, { complete: false, keys: new Map() });
        return { granted: true } as const;
      }),
    renew: (_place, key) => this.reach(() => this.lease?.key === key),
    keep: (_place, key, part, lines) =>
      this.reach(() => {
        if (this.lease?.key !== key) return false;
        this.records.get(key)?.keys.set(part, lines);
        return true;
      }),
    guard: () => '',
    end: (_place, key, { complete, drop }) =>
      this.reach(() => {
        if (this.lease?.key === key) this.lease = null;
        const record = this.records.get(key);
        if (complete && record !== undefined) record.complete = true;
        for (const one of drop) this.records.delete(one);
      }),
    records: async () => [],
    keys: async () => {},
  };

  readonly #files = {
    readPart: async ({ offset, bytes }: PartPlace) => this.parts.toString('utf8', offset, offset + bytes),
    addResult: (result: object) =>
      this.reach(() => {
        this.results.push(result);
      }),
    readResults: async () => this.results,
  } as unknown as RunFiles;

  readonly #storage: JournalStorage = {
    append: (text) =>
      this.reach(() => {
        this.journal += text;
      }),
    close: async () => {},
  };

  journalRecords(): JournalRecord[] {
    return this.journal
      .split('\n')
      .slice(0, -1)
      .map((line, index) => parseRecord(line, `disk:${index + 1}`, index + 1));
  }

  /** A run that acts on the messages that `picks` takes, in parts of three; the first execution, or a resume. */
  async execute(
    act: QueueAct,
    how: 'run' | 'resume',
    {
      picks = (id: string) => id !== 'M0',
      key = '7f3a01234567',
      finish = new AbortController().signal,
      isDead = false,
    } = {},
  ) {
    const facts: ChangeFacts = {
      act,
      key,
      until: null,
      meanwhile: null,
      maxSaved: 1e9,
      from: null,
      ends: [],
      undoes: null,
    };
    const head = {
      id: key.slice(0, 4),
      operator: 'ann',
      bastion: 'bastion1',
      createdAt: '2026-03-12T04:28:00Z',
    };
    if (how === 'run') {
      const keys = new KeyParts(3);
      const from = act === 'restore' ? this.saved : this.messages;
      for (const [id, { arrivedAt, sender }] of from) if (picks(id)) keys.add({ id, arrivedAt, sender });
      const parts = keys.parts();
      this.parts = Buffer.concat(parts.map(({ bytes }) => bytes));
      this.results = [];
      let offset = 0;
      const places = parts.map(({ bytes, count }) => {
        const place = { offset, bytes: bytes.length, count, digest: createHash('sha256').digest('hex') };
        offset += bytes.length;
        return place;
      });
      const planned = { ...QUEUE, places, messages: keys.count, recipients: keys.count, sizeBytes: 1 };
      const plan = planChange({ ...head, reason: undefined }, facts, [planned]);
      const opened = {
        seq: 1,
        at: head.createdAt,
        kind: 'opened',
        format: 1,
        mailctl: '0.1.0',
        operator: 'ann',
        host: 'bastion1',
        bootId: 'b',
        plan: JSON.parse(JSON.stringify(plan)) as Json,
      };
      this.journal = `${JSON.stringify(opened)}\n`;
    }
    this.isDead = false;
    const records = this.journalRecords();
    const plan = (records[0] as { plan?: unknown }).plan as ReturnType<typeof planChange>;
    const queue: Queue = { name: 'mx1', host: 'mx1', driver: this.driver };
    return executeChange(
      {
        plan,
        facts,
        journal: new Journal(`/state/runs/${head.id}.ndjson`, this.#storage, records, this.clock),
        files: this.#files,
        desk: this.desk,
        clock: this.clock,
        operator: 'ann',
        bastion: 'bastion1',
        queueNamed: () => queue,
        isDead: async () => isDead,
        signals: { finish, abort: new AbortController().signal },
      },
      how === 'run' ? { how } : { how, by: { operator: 'ann', host: 'bastion1', bootId: 'b' } },
    );
  }
}

function messageOf(id: string, { state, arrivedAt, sender }: WorldMessage): QueueMessage {
  return {
    queue: 'mx1',
    host: 'mx1',
    id,
    state,
    arrivedAt,
    sizeBytes: 1,
    sender,
    submitter: null,
    recipients: [],
  };
}
