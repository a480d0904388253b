// The screen of `probe dns`: what is bad or not known first, a line each; what is in order is counted by its kind, or
// listed where it says something by itself.
import { formatIso } from '../../lib/clock.js';
import type { DnsFinding, DnsTopic } from '../../probe/dns.js';
import { folded } from '../fold.js';
import type { Line } from '../line.js';
import type { Canvas } from '../output.js';

/** What it shows. */
export interface ProbeDnsScreen {
  readonly domains: readonly string[];
  readonly findings: readonly DnsFinding[];
  readonly tookMs: number;
  readonly problems: readonly { readonly message: string; readonly hint?: string | undefined }[];
  readonly notes: readonly string[];
  /** Milliseconds since 1970. */
  readonly now: number;
}

const TITLES: Readonly<Record<DnsTopic, string>> = {
  resolver: 'RESOLVERS',
  server: 'SERVERS',
  mx: 'MX',
  address: 'ADDRESS',
  dnssec: 'DNSSEC',
  tlsa: 'TLSA',
  spf: 'SPF',
  reverse: 'REVERSE',
  blocklist: 'LISTS',
};
const INDENT = ' '.repeat(11);
/** Kinds whose good lines say no more than their number. */
const COUNTED: ReadonlySet<DnsTopic> = new Set(['resolver', 'server', 'blocklist']);

/** The lines. */
export function probeDnsScreen(screen: ProbeDnsScreen, _canvas: Canvas): readonly Line[] {
  const { domains, findings, tookMs, problems, notes, now } = screen;
  const bad = findings.filter(({ level }) => level === 'bad').length;
  const unknown = findings.filter(({ level }) => level === 'unknown').length;
  const lines: Line[] = [
    [
      { text: 'DNS ', tone: 'strong' },
      `${domains.join(' ')}    ${bad} bad, ${unknown} unknown, ${findings.length - bad - unknown} in order    ${formatIso(now).slice(11)}  ${(tookMs / 1000).toFixed(1)}s`,
    ],
  ];
  for (const topic of Object.keys(TITLES) as DnsTopic[]) {
    const own = findings.filter((one) => one.topic === topic);
    if (own.length === 0) continue;
    const title = TITLES[topic].padEnd(INDENT.length - 1);
    const wrong = own.filter(({ level }) => level === 'bad' || level === 'unknown');
    const good = own.filter(({ level }) => level === 'ok' || level === 'info');
    let isFirst = true;
    const put = (one: DnsFinding | string) => {
      const head = isFirst ? [{ text: title, tone: 'strong' as const }, ' '] : [INDENT];
      isFirst = false;
      if (typeof one === 'string') lines.push(...folded(head, one, INDENT));
      else {
        const by =
          one.uplink === null ? '' : ` by ${one.uplink}${one.family === null ? '' : ` v${one.family}`}`;
        const mark =
          one.level === 'bad'
            ? [{ text: 'BAD ', tone: 'bad' as const }]
            : one.level === 'unknown'
              ? [{ text: '? ', tone: 'warn' as const }]
              : [];
        lines.push(...folded([...head, ...mark], `${one.subject}${by}: ${one.text}`, INDENT));
      }
    };
    for (const one of wrong) put(one);
    if (COUNTED.has(topic)) {
      if (good.length > 0) put(`${good.length} of ${own.length} in order`);
    } else for (const one of good) put(one);
  }
  for (const { message, hint } of problems) {
    lines.push(...folded([{ text: '! ', tone: 'bad' }], message, '  '));
    if (hint !== undefined) lines.push(...folded(['  hint: '], hint, '  '));
  }
  for (const note of notes) lines.push(...folded([{ text: 'note ', tone: 'dim' }], note, '     '));
  return lines;
}
