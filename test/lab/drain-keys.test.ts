/**
 * The keys on a drain's screen, in a terminal that script(1) makes, on a real Postfix: slower, paused, left to a session
 * of its own as it was, attached to, gone on with, stopped with the rest held; and each message once.
 */
// alone: rates of a drain are watched.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeUnless } from '../support/unless.js';
import { type Lab, productEnv, sleep, takeDown, up, waitUntil, whyNoLab } from './lab.js';
import { mailctl, mailctlJson } from './mailctl.js';
import { fillQueue, type Providers, queueCounts, startProviders } from './providers.js';

const bin = fileURLToPath(new URL('../../bin/mailctl.js', import.meta.url));
const COUNT = 600;

interface Drains {
  readonly runs: readonly {
    readonly run: string;
    readonly state: string;
    readonly speed: number;
    readonly held: number;
    readonly delivered: number;
  }[];
}

describeUnless(whyNoLab(), 'keys of a drain', () => {
  let lab: Lab;
  let far: Providers;

  /** A command on a terminal. */
  class Screen {
    readonly #child: ChildProcess;
    readonly ended: Promise<number | null>;
    #text = '';
    #seen = 0;

    constructor(words: readonly string[]) {
      const line = `${[process.execPath, bin, ...words].map((word) => `'${word}'`).join(' ')}; code=$?; stty -a | grep -q -e -icanon && echo RAW; exit $code`;
      this.#child = spawn('script', ['-qefc', line, '/dev/null'], {
        env: { ...process.env, ...productEnv(lab), COLUMNS: '100', LINES: '40', SHELL: '/bin/sh' },
      });
      this.#child.stdout?.on('data', (piece) => {
        this.#text += stripVTControlCharacters(String(piece));
      });
      this.ended = new Promise((resolve) => this.#child.on('close', resolve));
    }

    press(keys: string): void {
      this.#seen = this.#text.length;
      this.#child.stdin?.write(keys);
    }

    /** Until it shows this, after the last key. */
    async shows(what: RegExp): Promise<void> {
      const isThere = await waitUntil(() => what.test(this.#text.slice(this.#seen)), 30_000, 50);
      if (!isThere) throw new Error(`${what} is not shown:\n${this.#text.slice(-1500)}`);
    }

    get text(): string {
      return this.#text;
    }
  }

  const status = async () => (await mailctlJson<Drains>(lab, ['drain', 'status', '--local'])).json.runs[0];

  beforeAll(async () => {
    lab = await up({ forTests: true, slots: 1 });
    far = await startProviders(lab, [{ name: 'far', domains: ['far.example'], limit: 10, ms: 500 }]);
    await fillQueue(lab, COUNT, { shares: { 'far.example': 1 } });
  });
  afterAll(async () => {
    await far?.close();
    if (lab !== undefined) await takeDown(lab.paths);
  });

  test('slower, paused, left as it was, attached to, gone on with, stopped', async () => {
    const start = ['drain', 'start', '-H', 'mx1', '--all', '--no-dns', '--limit', 'far.example=10', '--yes'];
    const first = new Screen(start);
    await first.shows(/p pause {2}\+ - rate {2}s stop/);
    await waitUntil(() => far.taken() > 10, 20_000, 50);
    first.press('-');
    await first.shows(/at 80% speed/);
    first.press('x\u001b[A');
    await sleep(500);
    first.press('p');
    await first.shows(/PAUSED/);
    // What was in flight lands.
    await sleep(5000);
    const paused = far.taken();
    first.press('q');
    expect([await first.ended, first.text.includes('goes on in a session of its own')]).toEqual([0, true]);
    expect(first.text).not.toContain('RAW');
    await sleep(1500);
    expect([await status(), far.taken()]).toMatchObject([{ state: 'paused', speed: 0.8 }, paused]);

    const second = new Screen(['drain', 'attach']);
    await second.shows(/p go on/);
    second.press('p');
    await second.shows(/RUNNING/);
    second.press('+');
    await second.shows(/100% of what the limits allow/);
    expect(await waitUntil(() => far.taken() > paused + 20, 20_000, 50)).toBe(true);
    second.press('q');
    expect([await second.ended, (await status())?.state]).toEqual([0, 'running']);

    const third = new Screen(['drain', 'attach']);
    await third.shows(/p pause/);
    third.press('s');
    expect(await third.ended).toBe(5);
    const stopped = await status();
    expect(stopped).toMatchObject({ state: 'stopped' });
    expect(stopped?.held).toBeGreaterThan(0);
    expect([far.of('far').most() <= 10, far.of('far').refused(), far.twice()]).toEqual([true, 0, []]);
    const words = ['drain', 'stop', stopped?.run ?? '', '--release-rest', '--yes'];
    expect((await mailctl(lab, words)).code).toBe(0);
    expect((await queueCounts(lab)).hold).toBe(0);
  }, 90_000);

  test('Ctrl-C is what it was: the rest stays held, and the terminal is given back', async () => {
    await fillQueue(lab, 200, { shares: { 'far.example': 1 }, name: 'c' });
    const screen = new Screen([
      'drain',
      'start',
      '-H',
      'mx1',
      '--all',
      '--no-dns',
      '--yes',
      '--limit',
      'far.example=5',
    ]);
    await screen.shows(/p pause/);
    screen.press('\u0003');
    expect(await screen.ended).toBe(130);
    expect(screen.text).not.toContain('RAW');
    expect((await status())?.state).toBe('stopped');
  }, 60_000);
});
