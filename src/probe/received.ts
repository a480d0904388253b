// Received headers of a message (RFC 5321, 4.4) as the hops that it took, the oldest first, each with the time that it
// took since the one before. Clocks of strangers may be wrong, and their lines may be anything. Pure.

/** One hop. */
export interface ReceivedHop {
  /** Who had it, as it says itself. */
  readonly from: string | null;
  /** Who took it. */
  readonly by: string | null;
  /** ISO 8601 UTC; null: its date cannot be read. */
  readonly at: string | null;
  /** Since the hop before, of the first one since it was handed over; negative when clocks differ. */
  readonly seconds: number | null;
}

const MOST_HOPS = 50;
const LONGEST_NAME = 255;

/** Reads a header; `handedAt` is when we handed the message over, in ms since 1970. */
export function receivedHops(header: string, handedAt: number): readonly ReceivedHop[] {
  const unfolded = header.slice(0, 512_000).replace(/\r?\n(?=[ \t])/g, ' ');
  const values = unfolded
    .split(/\r?\n/)
    .flatMap((line) => (/^received:/i.test(line) ? [line.slice(9)] : []))
    .slice(0, MOST_HOPS)
    .reverse();
  let before: number | null = handedAt;
  return values.map((value) => {
    const cut = value.lastIndexOf(';');
    const words = (cut === -1 ? value : value.slice(0, cut)).slice(0, 4000);
    const at = cut === -1 ? null : timeOf(value.slice(cut + 1));
    const seconds: number | null = at === null || before === null ? null : Math.round((at - before) / 1000);
    if (at !== null) before = at;
    return {
      from: nameAfter('from', words),
      by: nameAfter('by', words),
      at: at === null ? null : `${new Date(at).toISOString().slice(0, 19)}Z`,
      seconds,
    };
  });
}

function nameAfter(word: string, text: string): string | null {
  return new RegExp(`(?:^|\\s)${word}\\s+([^\\s;()]+)`, 'i').exec(text)?.[1]?.slice(0, LONGEST_NAME) ?? null;
}

function timeOf(text: string): number | null {
  const date = text
    .slice(0, 200)
    .replace(/\([^()]*\)/g, ' ')
    .trim();
  if (!/^(?:[A-Za-z]{3},\s*)?\d{1,2}\s+[A-Za-z]{3}\s+\d{4}\s+\d{1,2}:\d{2}/.test(date)) return null;
  const ms = Date.parse(date);
  return Number.isNaN(ms) ? null : ms;
}
