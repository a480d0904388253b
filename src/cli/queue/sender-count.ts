// Who the messages of a listing are from, in bounded memory: what comes when the table is full is counted in all only.
/** Senders that are told apart. */
const MOST = 20_000;

/** What was counted. */
export interface Sender {
  readonly messages: number;
  readonly ofNull: number;
  readonly counts: ReadonlyMap<string, number>;
}

/** Counts. */
export class SenderCount {
  readonly #counts = new Map<string, number>();
  #messages = 0;
  #ofNull = 0;

  /** Null: the listing does not say. */
  add(sender: string | null): void {
    this.#messages += 1;
    if (sender === null) return;
    if (sender === '') {
      this.#ofNull += 1;
      return;
    }
    const known = this.#counts.get(sender);
    if (known !== undefined) this.#counts.set(sender, known + 1);
    // A text of a listing may be a view of a far larger piece of it: what is kept is a copy.
    else if (this.#counts.size < MOST) this.#counts.set(JSON.parse(JSON.stringify(sender)), 1);
  }

  result(): Sender {
    return { messages: this.#messages, ofNull: this.#ofNull, counts: this.#counts };
  }
}
