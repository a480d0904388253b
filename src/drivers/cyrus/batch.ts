// Calls to one host that are made together go in one script (sshd allows ten sessions, and lanes of fifteen
// slots step together). Each call gets its answer as soon as the host has printed it, so that a slow instance
// does not hold up the others.
import { TransportError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import type { Clock } from '../../lib/clock.js';
import type { Command, Transport } from '../../transport/transport.js';
import { FIELD } from './observe-script.js';

/** A record of the script's answer: its fields after the number. */
export type Record_ = readonly string[];

/** One call waiting for its place. */
interface Call {
  readonly fields: readonly string[];
  readonly timeoutMs: number;
  readonly resolve: (records: readonly Record_[]) => void;
  readonly reject: (error: unknown) => void;
}

/** Calls gathered for this long before a script is sent. */
const GATHER_MS = 2;
/** Scripts of one kind at work on a host at once; with the observing ones this stays below 8 sessions. */
const SCRIPTS_MAX = 3;

/** A script that takes one line a call and answers each with records; `isLast` says which record ends a call. */
export class Batch {
  readonly #queues = new Map<string, { waiting: Call[]; running: number; armed: boolean }>();

  constructor(
    readonly transport: Transport,
    readonly clock: Clock,
    readonly command: Pick<Command, 'name' | 'script' | 'readOnly' | 'privileged'>,
    readonly isLast: (record: Record_) => boolean,
  ) {}

  /** Sends one call; resolves with its records. `timeoutMs` is the remote deadline that it needs. */
  call(host: Host, fields: readonly string[], timeoutMs: number): Promise<readonly Record_[]> {
    return new Promise((resolve, reject) => {
      const queue = this.#queues.get(host.name) ?? { waiting: [], running: 0, armed: false };
      this.#queues.set(host.name, queue);
      queue.waiting.push({ fields, timeoutMs, resolve, reject });
      if (queue.armed || queue.running >= SCRIPTS_MAX) return;
      queue.armed = true;
      void this.clock.sleep(GATHER_MS).then(() => this.#send(host, queue));
    });
  }

  async #send(host: Host, queue: { waiting: Call[]; running: number; armed: boolean }): Promise<void> {
    queue.armed = false;
    const calls = queue.waiting.splice(0);
    if (calls.length === 0) return;
    queue.running++;
    await this.#run(host, calls);
    queue.running--;
    if (queue.waiting.length > 0 && !queue.armed) await this.#send(host, queue);
  }

  async #run(host: Host, calls: readonly Call[]): Promise<void> {
    const records = calls.map((): Record_[] => []);
    const answered = new Set<number>();
    const onLine = (line: string) => {
      const [number, ...record] = line.split(FIELD);
      const index = Number(number);
      const call = calls[index];
      if (call === undefined || answered.has(index)) return;
      records[index]?.push(record);
      if (!this.isLast(record)) return;
      answered.add(index);
      call.resolve(records[index] ?? []);
    };
    try {
      const result = await this.transport.run(
        host,
        {
          ...this.command,
          args: [],
          stdin: calls.map((call, index) => `${frame([String(index), ...call.fields])}\n`).join(''),
          timeoutMs: Math.max(...calls.map((call) => call.timeoutMs)),
        },
        { onLine },
      );
      const lost = new TransportError(
        host.name,
        'lost',
        `${host.name}: ${this.command.name} gave no answer`,
        {
          detail: result.stderr.slice(0, 400) || undefined,
        },
      );
      for (const [index, call] of calls.entries()) if (!answered.has(index)) call.reject(lost);
    } catch (error) {
      for (const [index, call] of calls.entries()) if (!answered.has(index)) call.reject(error);
    }
  }
}

/**
 * Joins fields for a script's stdin. The configuration and the directory hold no control characters. The last
 * field should not be empty where its absence matters: the shell's splitting drops it.
 */
export function frame(fields: readonly string[]): string {
  for (const field of fields) {
    if (/[\x00-\x1f]/.test(field))
      throw new Error(`control character in a field for a host: ${JSON.stringify(field)}`);
  }
  return fields.join(FIELD);
}
