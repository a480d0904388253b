// A TCP connection from a host to a mail server elsewhere, as the host's kernel knows it. Types and words only.

/** States that hold a place at the far side, or will in a moment; what is over does not. */
export const OPEN_STATES: ReadonlySet<string> = new Set([
  'established',
  'syn-sent',
  'fin-wait-1',
  'close-wait',
]);

/** One connection outwards. */
export interface Socket {
  readonly local: string;
  readonly peer: string;
  readonly port: number;
  /** `established`, `syn-sent`, `time-wait`; a word that nobody knows is kept. */
  readonly state: string;
  /** Milliseconds since the last byte came or went; null: the host does not say. */
  readonly quietMs: number | null;
}
