// Acts on the messages of real servers in the lab, beside what a person would type there, over a warm connection and in
// turns: the act alone (by the journal: the queue's lock, the keys that are kept, the act, its answer) beside the
// server's own command with the same ids, and the whole command, plan and all, beside a listing whose ids are picked
// into a file and given to the server. A deletion saves first, and so does its peer, by tar. Then a queue of 100,000
// beside `postqueue -j`.
import fs from 'node:fs';
import { join } from 'node:path';
import { hostFile } from '../lab/hostfile.js';
import { inHost, type Lab, productEnv } from '../lab/lab.js';
import { inLab, mailctl, openMasters, quarter, run, type StoreRow, timed } from './stores.js';

/** Messages of an act on Postfix, and on Exim, whose own commands take a millisecond for each. */
const POSTFIX_MANY = 10_000;
const EXIM_MANY = 3000;
const LARGE = 100_000;
const BUDGET = 1.25;

/** What was measured of an act, in ms. */
interface Times {
  readonly act: number[];
  readonly whole: number[];
  readonly peer: number[];
  /** What the peer is, as a person would type it. */
  readonly by: string;
}

/** All rows; `rounds` of each act. */
export async function actRows(rounds: number, say: (line: string) => void): Promise<readonly StoreRow[]> {
  const rows: StoreRow[] = [];
  await inLab({ slots: 1, replicas: 1, mtas: ['exim'] }, say, async (lab) => {
    const by = await openMasters(lab, ['mx1', 'exim1']);
    const bench = new ActBench(lab, by);
    rows.push(...(await postfixRows(bench, rounds)));
    rows.push(...(await eximRows(bench, rounds)));
    rows.push(...(await largeRows(bench, rounds)));
  });
  return rows;
}

/** The lab, and how an act is timed in it. */
class ActBench {
  readonly #times = new Map<string, Times>();

  constructor(
    readonly lab: Lab,
    readonly by: readonly string[],
  ) {}

  sh(host: 'mx1' | 'exim1', script: string, input = ''): Promise<string> {
    return inHost(this.lab, host, ['sh', '-c', script], { input, timeoutMs: 120_000 }).then(
      ({ stdout }) => stdout,
    );
  }

  of(name: string, by = ''): Times {
    const times = this.#times.get(name) ?? { act: [], whole: [], peer: [], by };
    this.#times.set(name, times);
    return times;
  }

  /** What a person types, with ids on its standard input. */
  async peer(name: string, host: string, command: string, by: string, ids = ''): Promise<void> {
    this.of(name, by).peer.push(
      await timed(() => run('ssh', [...this.by, host, command], { input: ids, stdout: 'ignore' })),
    );
  }

  /** Ours; gives the run. */
  async ours(name: string, words: readonly string[], ids?: string): Promise<string> {
    let said = '';
    const whole = await timed(async () => {
      said = await mailctl(this.lab, words, 0, ids);
    });
    const { run: id } = JSON.parse(said) as { readonly run: string };
    this.of(name).whole.push(whole);
    this.of(name).act.push(this.#partsMs(id));
    return id;
  }

  /** `whole`: the acts of which the whole command is compared. */
  rows(whole: readonly string[]): readonly StoreRow[] {
    const rows = [...this.#times].flatMap(([name, times]): StoreRow[] => {
      const ms = quarter(whole.includes(name) ? times.whole : times.act);
      return [
        { name, ms, ratio: ms / quarter(times.peer), budget: BUDGET },
        ...(whole.includes(name) ? [] : [{ name: '  the whole command', ms: quarter(times.whole) }]),
        { name: `  ${times.by}`, ms: quarter(times.peer) },
      ];
    });
    this.#times.clear();
    return rows;
  }

  /** From the beginning of the first part to the end of the last one. */
  #partsMs(id: string): number {
    const state = productEnv(this.lab).XDG_STATE_HOME ?? '';
    const lines = fs
      .readFileSync(join(state, 'mailctl/runs', `${id}.ndjson`), 'utf8')
      .trim()
      .split('\n');
    const times = lines
      .map(
        (line) => JSON.parse(line) as { readonly kind: string; readonly step?: string; readonly at: string },
      )
      .filter(({ kind, step }) => (kind === 'began' || kind === 'did') && step?.startsWith('part-') === true)
      .map(({ at }) => Date.parse(at));
    return Math.max(...times) - Math.min(...times);
  }
}

async function postfixRows(bench: ActBench, rounds: number): Promise<readonly StoreRow[]> {
  const list = (file: string) =>
    bench.sh('mx1', `postqueue -j | sed -n 's/.*"queue_id": "\\([0-9A-Za-z]*\\)".*/\\1/p' | head -n ${file}`);
  const fill = async (): Promise<string> => {
    await bench.sh('mx1', `postsuper -d ALL 2> /dev/null; rm -rf /var/spool/postfix/mailctl-saved`);
    await bench.sh('mx1', `perl - ${POSTFIX_MANY + 500} deferred short`, hostFile('fill-queue.pl'));
    return list(String(POSTFIX_MANY));
  };
  const acting = (act: string) => ['queue', act, '-H', 'mx1', '-', '--yes'];
  const chosen = (act: string, state: string) => ['queue', act, '-H', 'mx1', '--state', state, '--yes'];
  const pick = (state: string) =>
    `postqueue -j | sed -n '/"queue_name": "${state}"/s/.*"queue_id": "\\([0-9A-Za-z]*\\)".*/\\1/p' > /tmp/ids`;
  const tar = 'tar -C /var/spool/postfix -cf /tmp/saved.tar deferred defer';
  let ids = await fill();
  for (let round = 0; round < rounds; round += 1) {
    await bench.peer('hold, 10,000 Postfix', 'mx1', 'postsuper -h -', 'postsuper -h -', ids);
    await bench.peer('release, 10,000 Postfix', 'mx1', 'postsuper -H -', 'postsuper -H -', ids);
    await bench.ours('hold, 10,000 Postfix', acting('hold'), ids);
    await bench.ours('release, 10,000 Postfix', acting('release'), ids);
    const [held, free] = ['hold by selector', 'release by selector'];
    const by = 'postqueue -j | sed > ids';
    await bench.peer(
      held,
      'mx1',
      `${pick('deferred')} && postsuper -h - < /tmp/ids`,
      `${by}; postsuper -h -`,
    );
    await bench.peer(free, 'mx1', `${pick('hold')} && postsuper -H - < /tmp/ids`, `${by}; postsuper -H -`);
    await bench.ours(held, chosen('hold', 'deferred'));
    await bench.ours(free, chosen('release', 'hold'));
  }
  // Without pickup what is requeued stays where it can be taken away again.
  await bench.sh('mx1', 'postconf -MX pickup/unix && postfix reload');
  for (let round = 0; round < rounds; round += 1) {
    const name = 'delete, 10,000 Postfix';
    const run = await bench.ours(name, acting('delete'), ids);
    await mailctl(bench.lab, ['queue', 'restore', run, '--yes']);
    await bench.peer(name, 'mx1', `${tar} && postsuper -d -`, 'tar; postsuper -d -', ids);
    await bench.sh('mx1', 'rm -f /tmp/saved.tar');
    ids = await fill();
    await bench.ours('requeue, 10,000 Postfix', acting('requeue'), ids);
    ids = await fill();
    await bench.peer('requeue, 10,000 Postfix', 'mx1', 'postsuper -r -', 'postsuper -r -', ids);
    ids = await fill();
  }
  return bench.rows(['hold by selector', 'release by selector']);
}

async function eximRows(bench: ActBench, rounds: number): Promise<readonly StoreRow[]> {
  const message = (at: number) =>
    `MAIL FROM:<ann${at}@x.example>\nRCPT TO:<ben${at}@y.example>\nDATA\nSubject: t\n\nhello\n.\n`;
  const inject = async (): Promise<string> => {
    const parts = Array.from({ length: 4 }, (_, part) =>
      Array.from({ length: EXIM_MANY / 4 }, (_one, at) => message(part * EXIM_MANY + at)).join(''),
    );
    await Promise.all(
      parts.map((part) => bench.sh('exim1', 'exim4 -odq -bS > /dev/null', `HELO x.example\n${part}QUIT\n`)),
    );
    return bench.sh('exim1', "ls /var/spool/exim4/input | sed -n 's/-H$//p'");
  };
  const acting = (act: string) => ['queue', act, '-H', 'exim1', '-', '--yes'];
  const own = (flag: string) => `xargs -n 1000 exim ${flag}`;
  const tar = 'tar -C /var/spool/exim4 -cf /tmp/saved.tar input msglog';
  let ids = await inject();
  for (let round = 0; round < rounds; round += 1) {
    await bench.peer('hold, 3,000 Exim', 'exim1', own('-Mf'), own('-Mf'), ids);
    await bench.peer('release, 3,000 Exim', 'exim1', own('-Mt'), own('-Mt'), ids);
    await bench.ours('hold, 3,000 Exim', acting('hold'), ids);
    await bench.ours('release, 3,000 Exim', acting('release'), ids);
    const run = await bench.ours('delete, 3,000 Exim', acting('delete'), ids);
    await mailctl(bench.lab, ['queue', 'restore', run, '--yes']);
    await bench.peer('delete, 3,000 Exim', 'exim1', `${tar} && ${own('-Mrm')}`, `tar; ${own('-Mrm')}`, ids);
    await bench.sh('exim1', 'rm -f /tmp/saved.tar');
    if (round + 1 < rounds) ids = await inject();
  }
  return bench.rows([]);
}

/** 100,000 messages on the lab's disk, which may be memory. */
async function largeRows(bench: ActBench, rounds: number): Promise<readonly StoreRow[]> {
  const { lab, by } = bench;
  await bench.sh('mx1', 'postsuper -d ALL 2> /dev/null; rm -rf /var/spool/postfix/mailctl-saved');
  await bench.sh('mx1', `perl - ${LARGE} deferred short`, hostFile('fill-queue.pl'));
  const stats: number[] = [];
  const peer: number[] = [];
  await mailctl(lab, ['queue', 'stats', '-H', 'mx1']);
  for (let round = 0; round < rounds; round += 1) {
    const file = join(lab.paths.dir, 'postqueue.json');
    peer.push(
      await timed(() => run('sh', ['-c', 'exec ssh "$@" > "$0"', file, ...by, 'mx1', 'postqueue -j'])),
    );
    fs.rmSync(file);
    stats.push(await timed(() => mailctl(lab, ['queue', 'stats', '-H', 'mx1'])));
  }
  const ms = quarter(stats);
  return [
    { name: 'queue stats, 100,000', ms, ratio: ms / quarter(peer), budget: 1.1 },
    { name: '  postqueue -j > file', ms: quarter(peer) },
  ];
}
