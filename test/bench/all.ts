// npm run bench: all that is measured, or the parts that are named: those of run.ts, `drain` and `probe`, which are
// programs of their own (bench:drain, bench:probe) with options of their own. Every part runs although one before it
// missed its budget. Exit 1 when any did.
//   npm run bench -- [--part PART]... [options of run.ts]
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const OTHERS = ['drain', 'probe'] as const;

const words = process.argv.slice(2);
const parts: string[] = [];
const rest: string[] = [];
for (let at = 0; at < words.length; at += 1) {
  const word = words[at] ?? '';
  if (word === '--part') parts.push(words[++at] ?? '');
  else if (word.startsWith('--part=')) parts.push(word.slice('--part='.length));
  else rest.push(word);
}
const own = parts.filter((part) => !OTHERS.some((other) => other === part));

/** True: it ended with 0. Its words are the terminal's, as if it had been called alone. */
function run(name: string, args: readonly string[]): boolean {
  const file = join(import.meta.dirname, `${name}.ts`);
  // With the loader that this process was started with.
  const { status } = spawnSync(process.execPath, [...process.execArgv, file, ...args], { stdio: 'inherit' });
  return status === 0;
}

const runs: (() => boolean)[] = [];
if (parts.length === 0 || own.length > 0)
  runs.push(() => run('run', [...rest, ...own.flatMap((part) => ['--part', part])]));
for (const other of OTHERS) if (parts.length === 0 || parts.includes(other)) runs.push(() => run(other, []));
// Each is run, whatever the one before it came to.
const ended = runs.map((one) => one());
process.exitCode = ended.every(Boolean) ? 0 : 1;
