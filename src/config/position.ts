// From a path of keys to a line and a column of the file. Always finds something: where the path ends early,
// the nearest thing above it.
import { type Document, isAlias, isMap, isScalar, isSeq, type LineCounter, type Node } from 'yaml';

/** A place in the file, both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Keys and indexes from the top of the file. */
export type KeyPath = readonly (string | number)[];

/** Where the value of `path` begins, or (`key`) its key. */
export function positionOf(
  document: Document,
  lines: LineCounter,
  path: KeyPath,
  at: 'key' | 'value',
): Position {
  let node: unknown = document.contents;
  let offset = startOf(node) ?? 0;
  for (const [index, key] of path.entries()) {
    const container = isAlias(node) ? node.resolve(document) : node;
    if (isMap(container)) {
      const pair = container.items.find(
        (item) => String(isScalar(item.key) ? item.key.value : item.key) === key,
      );
      if (pair === undefined) break;
      const isLast = index === path.length - 1;
      offset = startOf(pair.key) ?? offset;
      node = pair.value;
      // A key without a value has nothing to point at but itself.
      if (!(isLast && at === 'key') && !isEmpty(node)) offset = startOf(node) ?? offset;
    } else if (isSeq(container) && typeof key === 'number') {
      node = container.items[key];
      if (node === undefined) break;
      offset = startOf(node) ?? offset;
    } else break;
  }
  return positionAt(lines, offset);
}

/** A character offset as line and column. */
export function positionAt(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0];
}

function isEmpty(node: unknown): boolean {
  return node === null || (isScalar(node) && node.value === null && (node.source ?? '') === '');
}
