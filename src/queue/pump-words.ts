// What the pump of a drain is told and what it answers, of every server that has one: a script on the host that keeps
// windows full for some seconds. And the same once, for servers that are only asked and told. Pure but for the calls
// that it is given.
import { ParseError } from '../errors.js';
import type { DrainFate, DrainLook, DrainOrder } from './drain-way.js';
import type { ActAnswer } from './driver.js';
import type { MessageKey } from './message.js';

const FATES: ReadonlySet<string> = new Set<DrainFate>(['waiting', 'active', 'deferred', 'held', 'gone']);

/**
 * `lot WINDOW PER-SECOND|-`, what of the rate is left over, its `watch ID` lines and its keys; an id that the server could
 * not have made is left out.
 */
export function orderText(
  { lots }: DrainOrder,
  isId: (id: string) => boolean,
  lineOf: (key: MessageKey) => string,
): string {
  return lots
    .map(({ window, perSecond, credit, release, watch }) => {
      const most = Math.max(0, Math.floor(window));
      const rate = perSecond === null ? '-' : Math.max(0, perSecond).toFixed(3);
      const watched = watch.filter(isId).map((id) => `watch ${id}\n`);
      return `lot ${most} ${rate}\n${creditLine(credit)}${watched.join('')}${release
        .filter(({ id }) => isId(id))
        .map(lineOf)
        .join('')}`;
    })
    .join('');
}

/** What may go at once of a rate; none: as every pump has it without. */
export const creditLine = (credit: number | undefined): string =>
  credit === undefined ? '' : `credit ${credit.toFixed(3)}\n`;

/** What a pump printed. @throws ParseError when it did not come to its end: what it did must be looked at */
export function parseLook(host: string, stdout: string): DrainLook {
  const fates = new Map<string, DrainFate>();
  const failed: { id: string; why: string }[] = [];
  const numbers = new Map<string, number>();
  const reuses = new Map<number, number>();
  let isDown = false;
  let isWhole = false;
  for (const line of stdout.split('\n')) {
    const [word = '', first = '', ...rest] = line.split(' ');
    if (word === 'fate' && FATES.has(rest[0] ?? '')) fates.set(first, rest[0] as DrainFate);
    else if (word === 'failed') failed.push({ id: first, why: rest.join(' ') });
    else if (word === 'reuses') {
      if (/^\d{1,6}$/.test(first) && /^-?\d{1,6}$/.test(rest[0] ?? ''))
        reuses.set(Number(first), Number(rest[0]));
    } else if (word === 'down') isDown = true;
    else if (word === 'done') isWhole = true;
    else if (/^\d{1,12}(\.\d{1,6})?$/.test(first)) numbers.set(word, Number(first));
  }
  const at = numbers.get('at');
  if (!isWhole || at === undefined)
    throw new ParseError(host, `the pump of the drain did not come to its end: ${stdout.slice(-120)}`);
  return {
    at,
    fates,
    failed,
    inFlight: numbers.get('in-flight') ?? null,
    oldestOther: numbers.get('other') ?? null,
    isDown,
    ...(reuses.size === 0 ? {} : { reuses }),
  };
}

/** What was seen before a release. */
export interface Sight {
  readonly at: number;
  /** Of every id of the order that is in the queue; one that is missing is gone. */
  readonly fates: ReadonlyMap<string, DrainFate>;
  readonly isDown: boolean;
  /** As in the answer. */
  readonly aside?: number | null | undefined;
}

/** Looks, releases once what the windows have room for, and tells: for servers that have no pump. */
export async function tickOnce(
  order: DrainOrder,
  look: () => Promise<Sight>,
  release: (keys: readonly MessageKey[]) => Promise<ActAnswer>,
): Promise<DrainLook> {
  const { at, fates: seen, isDown, aside } = await look();
  const fates = new Map<string, DrainFate>();
  const go: MessageKey[] = [];
  for (const lot of order.lots) {
    const fateOf = (id: string) => seen.get(id) ?? 'gone';
    for (const id of lot.watch) fates.set(id, fateOf(id));
    const flying = lot.watch.filter((id) => isFlying(fateOf(id))).length;
    const byRate =
      lot.perSecond === null
        ? Number.POSITIVE_INFINITY
        : lot.credit === undefined
          ? Math.ceil((lot.perSecond * Math.max(order.forMs, 1000)) / 1000)
          : Math.floor(lot.credit + (lot.perSecond * order.forMs) / 1000);
    let free = Math.min(Math.floor(lot.window) - flying, byRate);
    for (const key of lot.release) {
      const fate = fateOf(key.id);
      fates.set(key.id, fate);
      if (isFlying(fate)) free -= 1;
      if (fate !== 'held' || free <= 0 || isDown || order.forMs <= 0) continue;
      go.push(key);
      free -= 1;
    }
  }
  const answer = go.length === 0 ? null : await release(go);
  const failed = answer?.failed ?? [];
  const stay = new Set([...failed.map(({ id }) => id)]);
  for (const { id } of go) if (!stay.has(id)) fates.set(id, 'waiting');
  for (const id of answer?.gone ?? []) fates.set(id, 'gone');
  return { at, fates, failed, inFlight: null, oldestOther: null, isDown, aside };
}

const isFlying = (fate: DrainFate): boolean => fate === 'waiting' || fate === 'active';
