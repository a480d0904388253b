/** Two who want one slot at the same time, over real sshd: one has it, the other is told who. */
// alone: two hundred starts at the same moment.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LeaseAnswer } from '../../src/slot/driver.js';
import { describeUnless } from '../support/unless.js';
import { directoryOf, type Lab, productEnv, runningRole, slotOf, takeDown, up, whyNoLab } from './lab.js';
import type { Ran } from './mailctl.js';

const child = fileURLToPath(new URL('./lease-child.ts', import.meta.url));
const bin = fileURLToPath(new URL('../../bin/mailctl.js', import.meta.url));

/** Who and where. */
interface Bastion {
  readonly operator: string;
  readonly name: string;
}

const bastions: readonly [Bastion, Bastion] = [
  { operator: 'anna', name: 'bastion1' },
  { operator: 'berta', name: 'bastion2' },
];

/** What a bastion has of its own: journal, state, ssh's connections, the operator's name. */
function bastionEnv(lab: Lab, { operator, name }: Bastion): NodeJS.ProcessEnv {
  const [state, runtime] = ['state', 'run'].map((kind) => path.join(lab.paths.dir, `${kind}-${name}`));
  for (const folder of [state, runtime]) fs.mkdirSync(folder as string, { recursive: true, mode: 0o700 });
  return {
    ...process.env,
    ...productEnv(lab),
    SUDO_USER: operator,
    XDG_STATE_HOME: state,
    XDG_RUNTIME_DIR: runtime,
  };
}

/** A process that answers each line with a line of JSON. */
function startTaker(lab: Lab, bastion: Bastion, slot: string, host: string) {
  const argv = ['--import', 'tsx', child, bastion.operator, bastion.name, slot, host];
  const taker = spawn(process.execPath, argv, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: bastionEnv(lab, bastion),
  });
  let stderr = '';
  taker.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const lines = createInterface({ input: taker.stdout })[Symbol.asyncIterator]();
  const answer = async (): Promise<unknown> => {
    const line = await lines.next();
    if (line.done) throw new Error(`${bastion.name} ended: ${stderr}`);
    return JSON.parse(line.value);
  };
  const closed = new Promise((resolve) => taker.on('close', resolve));
  return {
    bastion,
    answer,
    say: (line: string) => taker.stdin.write(`${line}\n`),
    end: async () => {
      taker.stdin.end();
      await closed;
    },
  };
}

/** mailctl on a machine with that name. */
function startOn(lab: Lab, bastion: Bastion, words: readonly string[]): Promise<Ran> {
  const startedAt = performance.now();
  const script = 'hostname "$1" && shift && exec "$@"';
  const argv = ['--uts', 'sh', '-c', script, 'sh', bastion.name, process.execPath, bin, ...words];
  const run = spawn('unshare', argv, { stdio: ['ignore', 'pipe', 'pipe'], env: bastionEnv(lab, bastion) });
  const text = { stdout: '', stderr: '' };
  run.stdout.on('data', (chunk) => {
    text.stdout += chunk;
  });
  run.stderr.on('data', (chunk) => {
    text.stderr += chunk;
  });
  return new Promise((resolve, reject) => {
    run.on('error', reject);
    run.on('close', (code) => resolve({ code, ...text, tookMs: performance.now() - startedAt }));
  });
}

describeUnless(whyNoLab(), 'two on one slot over real sshd', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await up({ slots: 1, forTests: true });
  });
  afterAll(async () => {
    if (lab !== undefined) await takeDown(lab.paths);
  });

  test('200 times at once: one has the lease, the other is refused and is told who holds it', async () => {
    const takers = bastions.map((bastion) => startTaker(lab, bastion, 'store1', 'imap21'));
    try {
      await Promise.all(takers.map(({ answer }) => answer()));
      const won = new Map<string, number>();
      let token = 0;
      for (let number = 0; number < 200; number++) {
        // In turns, who is asked first.
        const order = number % 2 === 0 ? takers : [...takers].reverse();
        for (const { say } of order) say(`take ${number}`);
        const answers = await Promise.all(
          takers.map(async (taker) => ({ taker, answer: (await taker.answer()) as LeaseAnswer })),
        );
        const told = `try ${number}: ${JSON.stringify(answers.map(({ answer }) => answer))}`;
        const winner = answers.find(({ answer }) => answer.granted);
        const loser = answers.find(({ answer }) => !answer.granted);
        if (!winner?.answer.granted || !loser || loser.answer.granted) throw new Error(told);
        const { operator, name } = winner.taker.bastion;
        expect(loser.answer.held, told).toMatchObject({
          run: `${operator}-${number}`,
          operator,
          bastion: name,
          token: winner.answer.token,
        });
        expect(loser.answer.secondsLeft, told).toBeGreaterThan(0);
        expect(winner.answer.token, told).toBeGreaterThan(token);
        token = winner.answer.token;
        won.set(name, (won.get(name) ?? 0) + 1);
        winner.taker.say('back');
        expect(await winner.taker.answer()).toBe('back');
      }
      expect([...won.values()].reduce((sum, wins) => sum + wins, 0)).toBe(200);
    } finally {
      await Promise.all(takers.map(({ end }) => end()));
    }
  });

  test('5 whole failovers: one moves the slot, the other ends with exit 6 and names it', async () => {
    for (let number = 0; number < 5; number++) {
      const before = (await directoryOf(lab)).get('store1')?.master;
      const words = ['failover', 'store1', '--yes', '-o', 'json'];
      const ran = await Promise.all(
        bastions.map(async (bastion) => ({ bastion, ...(await startOn(lab, bastion, words)) })),
      );
      const told = ran.map(({ code, stdout, stderr }) => `${code}: ${stdout}${stderr}`).join('\n');
      expect(ran.map(({ code }) => code).sort(), told).toEqual([0, 6]);
      const [first, second] = ran[0]?.code === 0 ? ran : [...ran].reverse();
      const moved = JSON.parse(first?.stdout ?? '') as { run: string; slots: { outcome: string }[] };
      expect(moved.slots.map(({ outcome }) => outcome)).toEqual(['moved']);
      const output = `${second?.stdout}${second?.stderr}`;
      for (const word of [moved.run, first?.bastion.operator, first?.bastion.name]) {
        expect(output, told).toContain(word);
      }
      const master = (await directoryOf(lab)).get('store1')?.master;
      expect(master).not.toBe(before);
      const masters = slotOf(lab, 'store1').instances.filter((one) => runningRole(lab, one) === 'master');
      expect(masters.map(({ host }) => host)).toEqual([master]);
    }
  });
});
