// The wrapper and the conversation, against the real sh and timeout of this machine.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TransportError } from '../../../src/errors.js';
import type { Host } from '../../../src/fleet/host.js';
import { systemClock } from '../../../src/lib/clock.js';
import { localTransport } from '../../../src/transport/local.js';
import type { Command, RunOptions } from '../../../src/transport/transport.js';
import { waitFor } from '../../support/sshd.js';
import { describeUnless, notRoot } from '../../support/unless.js';

const here: Host = { name: 'here', transport: 'local', groups: [] };
let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'mailctl-local-'));
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function command(script: string, more: Partial<Command> = {}): Command {
  return { name: 'test', script, args: [], readOnly: true, privileged: false, timeoutMs: 5000, ...more };
}

interface Settings {
  readonly sudo?: string | false;
  readonly env?: Record<string, string>;
}

function transport({ sudo = false, env = { PATH: process.env.PATH ?? '/usr/bin:/bin' } }: Settings = {}) {
  return localTransport({ clock: systemClock, env, sudoFor: () => sudo, helloMs: 5000 });
}

const run = (asked: Command, options?: RunOptions) => transport().run(here, asked, options);
const failure = (promise: Promise<unknown>): Promise<TransportError> =>
  promise.then(
    (value) => Promise.reject(new Error(`no error, but ${JSON.stringify(value)}`)),
    (error) => error,
  );

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

const nasty = [
  '',
  ' ',
  "it's",
  "''",
  '"',
  '$(touch /tmp/mailctl-pwned)',
  '`id`',
  '$HOME',
  '-n',
  '--',
  'a\nb',
  'a\r\nb',
  '\\',
  "\\'",
  '*',
  '~',
  '!x',
  ';true',
  '\u001b[31m',
  '\u001ehello 0',
  'ü€😀',
  '%s',
  'a'.repeat(60_000),
];

describe('a script on this machine', () => {
  it('gives its stdout, its stderr and its status as they are', async () => {
    const result = await run(command('printf "out\\nlast"; echo err >&2; exit 3'));
    expect(result).toEqual({ status: 3, stdout: 'out\nlast', stderr: 'err\n' });
  });

  it.each([0, 1, 2, 124, 125, 126, 127, 130, 137, 143, 255])('may end with status %i', async (status) => {
    expect(await run(command(`exit ${status}`))).toEqual({ status, stdout: '', stderr: '' });
  });

  it('gets every argument intact', async () => {
    const { stdout } = await run(command('for a in "$@"; do printf "%s\\0" "$a"; done', { args: nasty }));
    expect(stdout.split('\0').slice(0, -1)).toEqual(nasty);
  });

  it('refuses an argument with a NUL, and a command line that is too long', async () => {
    await expect(run(command('true', { args: ['a\0b'] }))).rejects.toThrow('NUL');
    const error = await failure(run(command('true', { args: ['a'.repeat(140_000)] })));
    expect(error.code).toBe('transport.too-long');
    expect(error.message).toContain('test');
  });

  it('reads a megabyte of stdin, and its own end of file', async () => {
    const stdin = 'line of data\n'.repeat(80_000);
    for (const readOnly of [true, false]) {
      const { stdout } = await run(command('wc -c; cat', { stdin, readOnly }));
      expect(stdout.trim()).toBe(String(stdin.length));
    }
  });

  it('that reads no stdin does not disturb', async () => {
    const { stdout } = await run(command('echo done', { stdin: 'x'.repeat(1_000_000), readOnly: false }));
    expect(stdout).toBe('done\n');
  });

  it('without stdin reads end of file at once', async () => {
    for (const readOnly of [true, false]) {
      expect((await run(command('cat; echo end', { readOnly }))).stdout).toBe('end\n');
    }
  });

  it('runs in C locale, in /, with the sbin folders on its path and only the environment given', async () => {
    const { stdout } = await transport({ env: { PATH: '/usr/bin:/bin', LC_ALL: 'de_DE.UTF-8', A: 'b' } }).run(
      here,
      command('echo "$LC_ALL $PWD $PATH $A $HOME."'),
    );
    expect(stdout).toBe('C / /usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin b .\n');
  });

  it('is a process group of its own', async () => {
    const { stdout } = await run(command('ps -o pgid= -p $$'));
    expect(Number(stdout)).not.toBe(process.pid);
    expect(Number(stdout)).toBeGreaterThan(1);
  });

  it('is not waited for by what it left behind with its streams', async () => {
    const begun = systemClock.monotonic();
    const { stdout } = await run(command('sleep 4 & echo $!'));
    expect(systemClock.monotonic() - begun).toBeLessThan(2000);
    process.kill(Number(stdout), 'SIGKILL');
  });

  it('cannot forge the words of the wrapper', async () => {
    const script =
      'f() { printf "\\036rc 0000000000000000 0\\n\\036end 0000000000000000 0\\n"; }; f; f >&2; exit 7';
    const result = await run(command(script));
    expect(result.status).toBe(7);
    expect(result.stdout).toBe('\u001erc 0000000000000000 0\n\u001eend 0000000000000000 0\n');
    expect(result.stderr).toBe(result.stdout);
  });

  it('begins with its own arguments and no variable of the wrapper, whether words stand before it or not', async () => {
    const script =
      'echo "$0 $# $1 $(set | grep -c "^[a-z]=")"; f() { echo "$1"; }; f b; trap "echo bye" EXIT; exit 4';
    for (const within of [undefined, ['env']]) {
      const { stdout, status } = await run(command(script, { within, args: ['a'] }));
      expect([stdout, status]).toEqual(['sh 1 a 0\nb\nbye\n', 4]);
    }
  });

  it('with a mistake in it ends with what its shell says', async () => {
    const { status, stderr } = await run(command('echo (('));
    expect(status).toBe(2);
    expect(stderr).toMatch(/syntax|unexpected/i);
  });

  it('runs within the words put before it', async () => {
    const { stdout } = await run(command('echo "$IN $1"', { within: ['env', 'IN=a b'], args: ['c'] }));
    expect(stdout).toBe('a b c\n');
  });

  it('is unsupported where those words fail', async () => {
    const error = await failure(
      run(command('true', { within: ['sh', '-c', 'echo no such container >&2; exit 1'] })),
    );
    expect(error).toMatchObject({ kind: 'unsupported', detail: 'no such container' });
  });

  it('that acts is unsupported without timeout(1); what reads has its deadline from us', async () => {
    const bare = transport({ env: { PATH: dir } });
    const error = await failure(bare.run(here, command('true', { readOnly: false })));
    expect(error).toMatchObject({ kind: 'unsupported', detail: 'there is no timeout(1)' });
    expect((await bare.run(here, command('echo read'))).stdout).toBe('read\n');
    const late = await failure(bare.run(here, command('while :; do :; done', { timeoutMs: 300 })));
    expect(late.kind).toBe('timeout');
  });
});

describe('output', () => {
  it('comes line by line, with characters that straddle chunks', async () => {
    const lines: string[] = [];
    const script = 'printf "\\303"; sleep 0.1; printf "\\274\\n\\nx"; sleep 0.1; printf "y\\nlast"';
    const { stdout } = await run(command(script), { onLine: (line) => lines.push(line) });
    expect(lines).toEqual(['ü', '', 'xy', 'last']);
    expect(stdout).toBe('');
  });

  it('above its limit is an error that says so', async () => {
    const error = await failure(run(command('yes', { maxBytes: 10_000 })));
    expect(error.code).toBe('transport.output');
    expect(error.message).toContain('test');
  });

  it('on stderr is cut, and the status still comes', async () => {
    const result = await run(command('head -c 3000000 /dev/zero | tr "\\0" e >&2; exit 4'));
    expect(result.status).toBe(4);
    expect(result.stderr.length).toBe(256 * 1024);
  });

  it('ends with the error of who reads it', async () => {
    const onLine = () => {
      throw new Error('cannot parse');
    };
    await expect(run(command('yes'), { onLine })).rejects.toThrow('cannot parse');
  });

  it('of many megabytes arrives whole', async () => {
    let count = 0;
    await run(command('seq 1 300000'), {
      onLine: (line) => {
        count += 1;
        if (line !== String(count)) throw new Error(`line ${count} is ${line}`);
      },
    });
    expect(count).toBe(300_000);
  });
});

describe('a dialogue', () => {
  /** Says its lines, each when the last one was answered; answers what came. */
  function talk(script: string, lines: readonly string[], more: Partial<Command> = {}) {
    const rest = [...lines];
    let heard = '';
    let stdin: NodeJS.WritableStream | undefined;
    const next = () => {
      const line = rest.shift();
      if (line === undefined) stdin?.end();
      else stdin?.write(line);
    };
    const ended = run(command(script, more), {
      dialogue: {
        onOpen: (stream) => {
          stdin = stream;
          next();
        },
        onData: (data) => {
          heard += data.toString('latin1');
          next();
        },
      },
    });
    return ended.then((result) => ({ ...result, heard }));
  }

  it('is spoken both ways until its stdin ends', async () => {
    const { heard, status, stdout } = await talk('while read -r l; do echo "you said $l"; done; exit 3', [
      'a\n',
      'b\n',
    ]);
    expect(heard).toBe('you said a\nyou said b\n');
    expect(status).toBe(3);
    expect(stdout).toBe('');
  });

  it('is spoken by what changes something as well, after the word to begin', async () => {
    const { heard } = await talk('read -r l; echo "$l"', ['x\n'], { readOnly: false });
    expect(heard).toBe('x\n');
  });

  it('bytes that look like the beginning of a marker are not held back for ever', async () => {
    const { heard } = await talk('printf \'x\\036\'; read -r l; echo "$l"', ['answer\n', 'more\n']);
    expect(heard).toBe('x\x1eanswer\n');
  });

  it('ends by its deadline whatever it waits for', async () => {
    const error = await failure(
      run(command('cat', { timeoutMs: 1000 }), { dialogue: { onOpen: () => {}, onData: () => {} } }),
    );
    expect(error.kind).toBe('timeout');
  });
});

describe('a deadline', () => {
  it('ends the script and is told from a status 124 of its own', async () => {
    const begun = systemClock.monotonic();
    const error = await failure(run(command('echo some; sleep 60', { timeoutMs: 1000 })));
    expect(error).toMatchObject({ kind: 'timeout', code: 'transport.timeout', host: 'here' });
    expect(error.message).toBe('here: test was ended after its 1s');
    expect(systemClock.monotonic() - begun).toBeLessThan(4000);
  });

  it.each([true, false])(
    'ends children that ignore TERM although the script obeys; it reads: %s',
    async (readOnly) => {
      const file = join(dir, `pid-${readOnly}`);
      const script = '(trap "" TERM; echo $$ >"$1"; sleep 30; sleep 30) & echo $! >"$1"; wait';
      const error = await failure(run(command(script, { timeoutMs: 1000, args: [file], readOnly })));
      expect(error.kind).toBe('timeout');
      const pid = Number(readFileSync(file, 'utf8'));
      await waitFor(() => isGone(pid), 'the end of the child');
    },
    15_000,
  );

  it.each([true, false])(
    'ends a script that ignores TERM; it reads: %s',
    async (readOnly) => {
      const script = 'trap "" TERM; while :; do sleep 1; done';
      const error = await failure(run(command(script, { timeoutMs: 1000, readOnly })));
      expect(error.kind).toBe('timeout');
    },
    15_000,
  );

  it('is not what a script killed by others met: that outcome is unknown', async () => {
    const error = await failure(run(command('kill -KILL $$')));
    expect(error.kind).toBe('lost');
  });
});

describe('the word to stop', () => {
  it('before the beginning begins nothing', async () => {
    const file = join(dir, 'never');
    const stop = AbortSignal.abort();
    const error = await failure(run(command('touch "$1"', { args: [file] }), { signal: stop }));
    expect(error).toMatchObject({ kind: 'interrupted' });
    expect(() => readFileSync(file)).toThrow();
  });

  it('ends a running script and what it started', async () => {
    const stop = new AbortController();
    let pid = 0;
    const error = await failure(
      run(command('sleep 30 & echo $!; wait'), {
        signal: stop.signal,
        onLine: (line) => {
          pid = Number(line);
          stop.abort();
        },
      }),
    );
    expect(error.kind).toBe('interrupted');
    await waitFor(() => isGone(pid), 'the end of sleep');
  });
});

const noSudo = notRoot ?? (existsSync('/usr/bin/sudo') ? undefined : 'there is no /usr/bin/sudo');
describeUnless(noSudo, 'sudo', () => {
  it('runs privileged scripts as the user, and no others', async () => {
    const as = transport({ sudo: 'nobody' });
    const privileged = command('id -un', { privileged: true, readOnly: false, stdin: 'x' });
    expect((await as.run(here, privileged)).stdout).toBe('nobody\n');
    expect((await as.run(here, command('id -un'))).stdout).toBe('root\n');
  });

  it('is left out where we are that user already', async () => {
    const env = { PATH: '/usr/bin:/bin' };
    const { stdout } = await transport({ sudo: 'root', env }).run(
      here,
      command('echo "$SUDO_USER."', { privileged: true }),
    );
    expect(stdout).toBe('.\n');
  });

  it('that refuses is told from a script that fails', async () => {
    const error = await failure(
      transport({ sudo: 'no-such-user' }).run(here, command('exit 1', { privileged: true })),
    );
    expect(error).toMatchObject({ kind: 'sudo' });
    expect(error.detail).toContain('no-such-user');
    const failed = await transport({ sudo: 'nobody' }).run(here, command('exit 1', { privileged: true }));
    expect(failed.status).toBe(1);
  });

  it('keeps the deadline of what it runs', async () => {
    const asked = command('sleep 30', { privileged: true, timeoutMs: 1000 });
    const error = await failure(transport({ sudo: 'nobody' }).run(here, asked));
    expect(error.kind).toBe('timeout');
  });
});
