// npm test: types, lint, build, the unit project (layout, unit, golden, the quick part of the crash suite), and, as
// root on Debian, the lab. Every part runs, also after one that failed; the last line sums the tests, and a part
// without tests of its own (types, lint, build, packages) counts as one failure when it fails. A test that was
// skipped is a failure where CI=true.
//   node scripts/test.mjs [PART...]    only these: types lint build packages unit nodes crash lab replays
//   MAILCTL_NODES=/path/node22:/path/node24   runs the unit part under these as well
//   MAILCTL_COUNTS=FILE                adds a line "PASSED FAILED" to the file
//   MAILCTL_FAILED=FILE                adds a line for each test that failed
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { beneathAll, labFiles, ownNamespaces, playInLanes } from './lab-lanes.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const bin = (name) => join(root, 'node_modules', '.bin', name);
const isCi = process.env.CI === 'true';
const scratch = await mkdtemp(join(tmpdir(), 'mailctl-test-'));

let passed = 0;
let failed = 0;
const failures = [];
/** The tests that failed, for the end of a log of which only the end may be kept. */
const failedTests = [];
const took = [];

/** How what would not hear of our end is ended: what runs in a session of its own, and the lanes of the lab. */
const endings = new Map();
for (const name of ['SIGINT', 'SIGTERM']) {
  process.once(name, () => {
    endAll();
    process.exit(130);
  });
}

function endAll() {
  for (const [child, { group, signal }] of endings) {
    try {
      process.kill(group ? -child.pid : child.pid, signal);
    } catch {
      // It ended in this moment.
    }
  }
}

/**
 * Runs a program; resolves to its exit code. Its output is ours, or is shown when it has ended where others run
 * beside it (`shownAtEnd`, its title); `beneath`: it uses only what nobody else wants.
 */
function run(command, args, { env = {}, shownAtEnd, beneath = false } = {}) {
  return new Promise((resolve) => {
    const stdio = shownAtEnd === undefined ? 'inherit' : ['ignore', 'pipe', 'pipe'];
    const options = { cwd: root, stdio, env: { ...process.env, ...env } };
    const child = beneath ? beneathAll(command, args, options) : spawn(command, args, options);
    if (beneath) endings.set(child, { group: true, signal: 'SIGTERM' });
    // It hears nothing else, and takes all that is in its namespaces with it.
    else if (command === ownNamespaces[0]) endings.set(child, { group: false, signal: 'SIGKILL' });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (chunk) => {
        said += chunk;
      });
    child.on('error', (error) => {
      console.log(`${command}: ${error.message}`);
      resolve(127);
    });
    let isOver = false;
    const over = (code, signal) => {
      if (isOver) return;
      isOver = true;
      endings.delete(child);
      for (const stream of [child.stdout, child.stderr]) stream?.destroy();
      if (shownAtEnd !== undefined) console.log(`\n== ${shownAtEnd}\n${said}`);
      resolve(code ?? `signal ${signal}`);
    };
    child.on('close', over);
    // What a test left behind may hold its output open for ever.
    child.on('exit', (code, signal) => setTimeout(over, 5000, code, signal).unref());
  });
}

function fail(part, why) {
  failures.push(part);
  failed += 1;
  console.log(`FAILED ${part}: ${why}`);
}

/** A part that is one program. */
async function check(part, command, args) {
  console.log(`\n== ${part}`);
  const code = await run(command, args);
  if (code !== 0) fail(part, `exit ${code}`);
}

/**
 * A part that is a vitest run. What ends badly without a failed test (a file that does not load) counts as one.
 * `before`: words before the command. `beside`: others run at the same time.
 */
async function vitest(
  part,
  args,
  { node = process.execPath, env = {}, before = [], beside = false, beneath = false } = {},
) {
  if (!beside) console.log(`\n== ${part}`);
  const report = join(scratch, `${part.replace(/\W+/g, '-')}.json`);
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const entry = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const [command, ...words] = [...before, node, entry, 'run', ...args, ...reporters];
  const code = await run(command, words, { env, beneath, ...(beside ? { shownAtEnd: part } : {}) });
  const result = await readFile(report, 'utf8').then(JSON.parse, () => undefined);
  passed += result?.numPassedTests ?? 0;
  failed += result?.numFailedTests ?? 0;
  for (const line of failedIn(result)) failedTests.push(`${part}: ${line}`);
  for (const title of skippedIn(result)) {
    if (isCi) fail(part, `skipped, which CI may not: ${title}`);
    else console.log(`skipped: ${title}`);
  }
  if (result === undefined) fail(part, `vitest ended with ${code} and left no report`);
  else if (result.numFailedTests > 0) failures.push(part);
  else if (code !== 0) fail(part, `vitest ended with ${code}`);
  else if (result.numPassedTests === 0) fail(part, 'no test ran');
}

/** The titles of tests that were not run; they say why. */
function skippedIn(result) {
  const all = (result?.testResults ?? []).flatMap((file) => file.assertionResults);
  return all.filter(({ status }) => status !== 'passed' && status !== 'failed').map((test) => test.fullName);
}

/** The tests that failed, one line each: file, title, and the first line of what it said. */
function failedIn(result) {
  return (result?.testResults ?? []).flatMap((file) => {
    const name = file.name.replace(`${root}/`, '');
    const tests = file.assertionResults.filter(({ status }) => status === 'failed');
    if (tests.length === 0 && file.status === 'failed') return [`${name}: ${firstLine(file.message)}`];
    return tests.map((test) => `${name}: ${test.fullName}: ${firstLine(test.failureMessages?.[0])}`);
  });
}

/** The first line of a message, without colours, at most 300 characters of it. */
function firstLine(text = '') {
  return stripVTControlCharacters(text).split('\n')[0].slice(0, 300);
}

/** Why this machine can have no lab; undefined: it can. */
function whyNoLab() {
  if (process.getuid?.() !== 0) return 'it needs root: it makes namespaces and mounts';
  const debian = existsSync('/etc/debian_version') ? readFileSync('/etc/debian_version', 'utf8') : '';
  return /^12(\.|$)/m.test(debian)
    ? undefined
    : 'it needs Debian 12: it runs its Cyrus 3.6 and its Postfix 3.7';
}

/** The program starts under this node and answers. */
function smoke(part, node) {
  return check(part, node, [
    '-e',
    `const { execFileSync } = require('node:child_process');
     const ask = (...words) => execFileSync(process.execPath, ['bin/mailctl.js', ...words], { encoding: 'utf8' });
     if (!/^mailctl \\d/.test(ask('--version'))) throw new Error('--version');
     if (!ask('--help').includes('Commands:')) throw new Error('--help');
     if (JSON.parse(ask('help', 'exit-codes', '-o', 'json')).exit_codes.length !== 8) throw new Error('help exit-codes');
     if (!ask('config', 'init').includes('mailctl.yaml')) throw new Error('config init');
     console.log('node ' + process.version + ': bin/mailctl.js answers');`,
  ]);
}

const parts = {
  types: () => check('types', bin('tsc'), ['--noEmit']),
  lint: () =>
    check('lint', bin('biome'), [
      'ci',
      '--error-on-warnings',
      ...(process.stdout.isTTY ? [] : ['--colors=off']),
      '.',
    ]),
  build: () => check('build', process.execPath, ['scripts/build.mjs']),
  // Before the unit tests: some of them want a real sshd, sudo, mandoc and a PostgreSQL server.
  packages: async () => {
    if (whyNoLab() !== undefined) return;
    await check('packages', bin('tsx'), ['test/lab/cli.ts', 'packages', 'mandoc', 'postgresql']);
    // A lab in a network of its own can fetch nothing.
    await check('mail servers', bin('tsx'), ['test/lab/cli.ts', 'servers', 'exim', 'mailman3']);
    console.log('the Debian packages that the tests need are there; of Postfix, the lab unpacks a copy');
  },
  unit: async () => {
    // Where the crash suite runs beneath, its quick part does, too.
    const folders = isBeneath ? ['test/unit', 'test/golden'] : [];
    await vitest('unit', ['--project', 'unit', ...folders]);
    await smoke('smoke', process.execPath);
  },
  nodes: async () => {
    const nodes = (process.env.MAILCTL_NODES ?? '').split(':').filter((path) => path !== '');
    for (const node of nodes) await smoke(`smoke ${node}`, node);
    // The crash suite is pure and long, and no version of Node changes what it plays.
    const args = ['--project', 'unit', 'test/unit', 'test/golden'];
    // One after the other: beside each other, real servers answer later than the tests wait.
    for (const node of nodes) await vitest(`unit ${node}`, args, { node });
  },
  // Some six million steps: all pairs of boundaries of the main stories.
  crash: async () => {
    const long = { MAILCTL_CRASH: 'long' };
    if (!isBeneath) {
      await vitest('crash, long', ['--project', 'unit', 'test/crash'], { env: long });
      return;
    }
    // Real processes with real deadlines cannot wait until nobody else wants the processor.
    const kill = 'test/crash/kill.test.ts';
    const pure = ['--project', 'unit', 'test/crash', `--exclude=${kill}`, '--maxWorkers=2'];
    for (const [length, env] of [
      ['quick', {}],
      ['long', long],
    ]) {
      await vitest(`crash, ${length}`, pure, { env, beside: true, beneath: true });
      await vitest(`crash, ${length}, kill`, ['--project', 'unit', kill], { env, beside: true });
    }
  },
  lab: async () => {
    const reason = whyNoLab();
    if (reason !== undefined) {
      if (isCi) fail('lab', `skipped, which CI may not: ${reason}`);
      else console.log(`\nlab: skipped, ${reason}`);
      return;
    }
    const { beside, alone } = labFiles(root);
    console.log(`\n== lab, ${beside.length} files beside each other, then ${alone.length} alone`);
    await playInLanes(beside, (file, env) =>
      vitest(`lab ${file}`, ['--project', 'lab', file], { env, before: ownNamespaces, beside: true }),
    );
    await quiet();
    await vitest('lab, alone', ['--project', 'lab', ...alone]);
  },
  replays: async () => {
    const reason = whyNoLab();
    await quiet();
    if (reason === undefined) await check('replays', bin('tsx'), ['test/replay/run.ts']);
    else if (isCi) fail('replays', `skipped, which CI may not: ${reason}`);
    else console.log(`\nreplays: skipped, ${reason}`);
  },
};

const words = process.argv.slice(2);
const isBeneath = words.includes('--beneath=crash');
const asked = words.filter((word) => word !== '--beneath=crash');
const unknown = asked.filter((name) => !(name in parts));
if (unknown.length > 0) {
  console.log(`no part ${unknown.join(', ')}; there are ${Object.keys(parts).join(' ')}`);
  process.exit(2);
}

async function timed(name) {
  const begun = performance.now();
  await parts[name]();
  took.push(`${name} ${((performance.now() - begun) / 1000).toFixed(0)} s`);
}

/** What runs beneath the others, once it has begun. */
let beneath;
/** Waits until nothing runs beneath any more. */
const quiet = async () => beneath;

/** Nothing to build or to compile any more: from here on there is much waiting. */
const BUSY = ['types', 'lint', 'build', 'packages'];

try {
  for (const name of asked.length > 0
    ? asked
    : ['types', 'lint', 'build', 'packages', 'unit', 'nodes', 'lab']) {
    if (isBeneath && !BUSY.includes(name)) beneath ??= timed('crash');
    await timed(name);
  }
  await quiet();
} finally {
  endAll();
  await rm(scratch, { recursive: true, force: true });
}
if (process.env.MAILCTL_COUNTS) await appendFile(process.env.MAILCTL_COUNTS, `${passed} ${failed}\n`);
if (process.env.MAILCTL_FAILED) {
  await appendFile(process.env.MAILCTL_FAILED, failedTests.map((line) => `${line}\n`).join(''));
}
if (failedTests.length > 0)
  console.log(`\nfailed tests:\n${failedTests.map((line) => `  ${line}`).join('\n')}`);
console.log(`\ntook: ${took.join(', ')}`);
console.log(failures.length === 0 ? 'all parts passed' : `failed parts: ${failures.join(', ')}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failures.length === 0 && failed === 0 ? 0 : 1;
