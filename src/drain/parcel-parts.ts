// The messages of a drain as they lie beside its journal: a key a line, as all runs write them, and the number of its
// destination, its next hop, its rank and, where it makes several connections, their number behind it; a version before
// wrote no rank. Pure.
import { ParseError } from '../errors.js';
import { LineParts, parseKeys } from '../queue/key-parts.js';
import type { MessageKey } from '../queue/message.js';
import { RANKS } from './order.js';
import type { Parcel } from './supply.js';

/** Collects a queue's messages in parts. */
export class ParcelParts extends LineParts {
  add(
    { id, arrivedAt, sender }: MessageKey,
    destination: number,
    hop: string,
    rank?: number,
    connections = 1,
  ): void {
    const more = connections > 1 ? [rank ?? null, connections] : rank === undefined ? [] : [rank];
    this.addLine(JSON.stringify([id, arrivedAt, sender, destination, hop, ...more]));
  }
}

/** Reads a part. @throws ParseError: a message is never guessed at */
export function parseParcels(
  text: string,
  destinations: readonly string[],
  where: string,
): readonly Parcel[] {
  const keys = parseKeys(text, where);
  const lines = text.split('\n').filter((line) => line !== '');
  // A million messages have a few thousand hops: each of their names is kept once.
  const hops = new Map<string, string>();
  return keys.map((key, index) => {
    const [, , , number, name, rank, several] = JSON.parse(lines[index] as string) as readonly unknown[];
    const destination = typeof number === 'number' ? destinations[number] : undefined;
    if (destination === undefined)
      throw new ParseError(`${where}:${index + 1}`, 'a message without its destination');
    const hop = typeof name === 'string' ? name : '';
    if (!hops.has(hop)) hops.set(hop, hop);
    const connections = typeof several === 'number' && several > 1 ? { connections: several } : {};
    return {
      key: { ...key, hop: hops.get(hop) ?? '', ...connections },
      destination,
      ...(typeof rank === 'number' && rank !== RANKS.rest ? { rank } : {}),
      tries: 0,
      notBefore: 0,
    };
  });
}
