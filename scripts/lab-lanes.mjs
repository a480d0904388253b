// The lab's tests in lanes beside each other. A lab mostly waits: for Cyrus to stop, for a connect that nobody answers.
// Each file of tests gets a network, mounts and processes of its own, so that two labs never meet, and a folder of
// its lane. A file that measures time has a line `// alone: why` and is played when nothing else runs.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** As many labs at once. A third one would only wait for the other two on two cores. */
export const LANES = 2;

/** What takes longest goes first, so that no lane ends long before the other. */
const LONG = [
  'failover',
  'kill',
  'matrix',
  'waiting',
  'read-only',
  'queue-trend',
  'poison',
  'choice',
  'queue-change',
  'queue-acts',
  'rejoin',
  'state',
  'status',
  'queue-postfix',
];

/** The lab's test files: those that may stand beside another, the longest first, and those that may not. */
export function labFiles(root) {
  const names = readdirSync(join(root, 'test/lab')).filter((name) => name.endsWith('.test.ts'));
  const files = names.map((name) => `test/lab/${name}`);
  const isAlone = (file) => /^\/\/ alone: \S/m.test(readFileSync(join(root, file), 'utf8'));
  const rank = (file) => {
    const at = LONG.findIndex((name) => file === `test/lab/${name}.test.ts`);
    return at === -1 ? LONG.length : at;
  };
  return {
    beside: files.filter((file) => !isAlone(file)).sort((a, b) => rank(a) - rank(b)),
    alone: files.filter(isAlone),
  };
}

/** Words to put before a command: it runs in namespaces of its own, and all that it started ends with it. */
export const ownNamespaces = [
  'unshare',
  ...['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private'],
  ...['sh', '-c', 'ip link set lo up; "$0" "$@"; exit $?'],
];

/** Plays all files, `LANES` at a time; `play` gets a file and the environment of its lane. */
export async function playInLanes(files, play) {
  const left = [...files];
  const lane = async (number) => {
    for (let file = left.shift(); file !== undefined; file = left.shift())
      await play(file, { MAILCTL_LAB_DIR: `/tmp/mailctl-lab-${number}` });
  };
  await Promise.all(Array.from({ length: LANES }, (_, index) => lane(index + 1)));
}

/** Makes a process and all that it starts use only what nobody else wants, where the system can do that. */
export function beneathAll(command, args, options) {
  const before = process.platform === 'linux' ? ['chrt', '--idle', '0'] : ['nice', '-n', '19'];
  // In a session of its own it competes as one group; that is put behind all others as well.
  const words = ['sh', '-c', 'echo 19 2>/dev/null >/proc/self/autogroup; exec "$0" "$@"', ...before];
  const [first, ...rest] = [...words, command, ...args];
  return spawn(first, rest, { ...options, detached: true });
}
