// What the domain asks of a driver about events that are set aside. Every act is one step that may be repeated, and
// none removes an event before it was sent: a file is replaced only by the lines that are still to be sent.
import type { Host } from '../fleet/host.js';
import type { Grip } from './driver.js';
import type { EventLine, KeptBack, QuarantineFile, QuarantineNote } from './quarantine.js';
import type { Instance } from './slot.js';

/** A file's lines, each distinct one once. */
export interface QuarantineContent {
  readonly lines: readonly EventLine[];
  /** Lines, repeated ones too. */
  readonly events: number;
  /** Of the content as it was read: `keep` refuses another one. */
  readonly seal: string;
  readonly note: QuarantineNote | null;
  /** The host's clock, epoch seconds. */
  readonly at: number;
}

/** What came of sending some lines. */
export interface SendAnswer {
  /** `sent`: all of it; `failed`: something of it cannot be sent; `away`: the replica was not reached. */
  readonly outcome: 'sent' | 'failed' | 'away';
  /** What the sender complained of, raw. */
  readonly said: string;
}

/** The part of a driver that knows quarantines. */
export interface QuarantineDriver {
  /** All files of these instances, also those that somebody set aside by hand. */
  list(
    host: Host,
    instances: readonly Instance[],
    signal?: AbortSignal,
  ): Promise<readonly (readonly QuarantineFile[])[]>;
  /** A file's lines; undefined: it is gone. */
  read(host: Host, instance: Instance, file: string): Promise<QuarantineContent | undefined>;
  /** Moves the channel's file at work into the quarantine, under that name; nothing at work: nothing is done. */
  setAside(host: Host, instance: Instance, grip: Grip, file: string, note: QuarantineNote): Promise<void>;
  /** Sends lines of a file, or whole users; keeps the file as it is. */
  send(
    host: Host,
    instance: Instance,
    grip: Grip,
    wish: {
      readonly channel: string;
      readonly file: string;
      readonly lines: readonly number[];
      readonly users?: readonly string[];
      readonly seconds: number;
    },
  ): Promise<SendAnswer>;
  /** Only these lines are still to be sent (none: the file goes), and this is the note; by the seal of what was read. */
  keep(
    host: Host,
    instance: Instance,
    grip: Grip,
    wish: {
      readonly file: string;
      readonly lines: readonly number[];
      readonly seal: string;
      readonly note: QuarantineNote;
    },
  ): Promise<void>;
  /** What the sender's words mean, and what mends it. */
  explain(instance: Instance, replica: string, who: string, users: readonly string[], said: string): KeptBack;
  /** The commands of an act for people. */
  preview(act: 'set-aside' | 'send', instance: Instance, channel: string): readonly string[];
}
