// Calls that go together in one script (turns.ts). Each gets its answer as soon as the host has printed it, so that
// a slow instance does not hold up the others.
import { CommandError, TransportError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import type { Clock } from '../../lib/clock.js';
import type { Command, Transport } from '../../transport/transport.js';
import { FIELD } from './observe-script.js';
import { type Pace, Turns } from './turns.js';

/** A record of the script's answer: its fields after the number. */
export type Record_ = readonly string[];

/** One call waiting for its place. */
interface Call {
  readonly fields: readonly string[];
  readonly timeoutMs: number;
  readonly resolve: (records: readonly Record_[]) => void;
  readonly reject: (error: unknown) => void;
}

/** The commands of one kind of script. */
export interface BatchOptions {
  readonly command: Pick<Command, 'name' | 'script' | 'readOnly' | 'privileged' | 'maxBytes'>;
  readonly pace: Pace;
  /** Which record ends a call. */
  readonly isLast: (record: Record_) => boolean;
  /** Lines that the script reads before its calls. */
  readonly preamble?: (() => Promise<string>) | undefined;
}

/** A script that takes one line a call and answers each with records. */
export class Batch {
  readonly #turns: Turns<Call>;

  constructor(
    readonly transport: Transport,
    clock: Clock,
    readonly options: BatchOptions,
  ) {
    this.#turns = new Turns(clock, options.pace, (host, calls) => this.#run(host, calls));
  }

  /** Sends one call; resolves with its records. `timeoutMs` is the remote deadline that it needs. */
  call(host: Host, fields: readonly string[], timeoutMs: number): Promise<readonly Record_[]> {
    return new Promise((resolve, reject) => {
      this.#turns.add(host, { fields, timeoutMs, resolve, reject });
    });
  }

  async #run(host: Host, calls: readonly Call[]): Promise<void> {
    const records = calls.map((): Record_[] => []);
    const answered = new Set<number>();
    const onLine = (line: string) => {
      const [number = '', ...record] = line.split(FIELD);
      // Not Number('') of a line without one: that is 0, the first call.
      const index = /^\d+$/.test(number) ? Number(number) : Number.NaN;
      const call = calls[index];
      if (call === undefined || answered.has(index)) return;
      records[index]?.push(record);
      if (!this.options.isLast(record)) return;
      answered.add(index);
      call.resolve(records[index] ?? []);
    };
    try {
      const preamble = (await this.options.preamble?.()) ?? '';
      const result = await this.transport.run(
        host,
        {
          ...this.options.command,
          args: [],
          stdin:
            preamble + calls.map((call, index) => `${frame([String(index), ...call.fields])}\n`).join(''),
          timeoutMs: Math.max(...calls.map((call) => call.timeoutMs)),
        },
        { onLine },
      );
      const { name, readOnly } = this.options.command;
      // What was to act and gave no answer may have acted; what was to look has failed, and says why.
      const lost =
        readOnly && result.status !== 0
          ? new CommandError(host.name, name, result.status, result.stderr)
          : new TransportError(host.name, 'lost', `${host.name}: ${name} gave no answer`, {
              detail: result.stderr.slice(0, 400) || undefined,
            });
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
