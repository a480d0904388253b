// The contract of offline listings: a file, or what a colleague has mailed, read line by line into messages. Each
// format knows its own look; nothing of it runs on a host.
import type { QueueMessage } from './message.js';

/** Where a parser puts what it reads. */
export interface ListingSink {
  message(message: QueueMessage): void;
  /** Line numbers begin at 1. `what` is ours and fit to print. */
  malformed(line: number, what: string): void;
}

/** Reads one listing; a line comes without its newline and may be of any length. */
export interface ListingParser {
  line(text: string): void;
  /** The listing is over: gives what was still open. */
  end(): void;
}

/** What a parser needs beside the lines. */
export interface ListingContext {
  /** Go into every message. */
  readonly queue: string;
  readonly host: string;
  /** Epoch seconds, for ages and for dates without a year. */
  readonly now: number;
  /** Messages are looked at and not kept: their texts may be views of larger ones. */
  readonly glance?: boolean | undefined;
}

/** All formats, in the order in which a listing is tried. */
export const LISTING_FORMATS = [
  'postfix-json',
  'mailctl',
  'postfix-mailq',
  'exim-bp',
  'opensmtpd',
  'sendmail-mailq',
] as const;

/** One format. */
export interface ListingFormat {
  readonly name: (typeof LISTING_FORMATS)[number];
  /** Is it this, by the first lines that are not blank (at most 20)? Formats are asked in a fixed order. */
  looksLike(lines: readonly string[]): boolean;
  open(sink: ListingSink, context: ListingContext): ListingParser;
}
