// Queues that a host turns out to have, and the listing of a lone one in the same go, by a real shell over programs made
// for it.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findScript } from '../../../src/queue/find.js';
import { runCli } from '../../support/run-cli.js';
import { tempDir } from '../../support/temp-dir.js';

const LINE =
  '{"queue_name": "deferred", "queue_id": "A1", "arrival_time": 1795291580, "message_size": 22, "forced_expire": false, "sender": "a@b", "recipients": [{"address": "u@x.example"}]}';

/** A folder for PATH with these programs; what the machine has of mail servers is not on it. */
async function programs(all: Readonly<Record<string, string>>) {
  const dir = join(await tempDir(), 'bin');
  mkdirSync(dir);
  for (const [name, text] of Object.entries(all)) {
    writeFileSync(join(dir, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(dir, name), 0o755);
  }
  return dir;
}

const stats = async (all: Readonly<Record<string, string>>) => {
  const PATH = `${await programs(all)}:${process.env.PATH ?? ''}`;
  const env = { PATH, XDG_CONFIG_HOME: '/nonexistent', XDG_STATE_HOME: await tempDir() };
  const { code, stdout, stderr } = await runCli(['queue', 'stats', '-o', 'json'], { env });
  return { code, stderr, document: JSON.parse(stdout) };
};

const POSTQUEUE = `echo '${LINE}'`;
const queuesOf = (document: { hosts: { queue: string; messages: number }[] }) =>
  document.hosts.map(({ queue, messages }) => [queue.replace(/^[^:]*/, 'HOST'), messages]);

describe('a host without a configuration', () => {
  it('has its only queue listed', async () => {
    for (const postmulti of [
      'exit 1',
      'echo "-               -               y         /etc/postfix"',
      'echo "a-name -  y /etc/postfix"',
    ]) {
      const { code, document } = await stats({ postqueue: POSTQUEUE, postmulti });
      expect([code, queuesOf(document)]).toEqual([0, [['HOST', 1]]]);
      expect(document.groups[0].key).toBe('x.example');
    }
  });

  it('has each of several instances listed by itself', async () => {
    const postmulti =
      'printf "%s\\n" "- - y /etc/postfix" "out - y /etc/postfix out" "- - y /srv/postfix-in" "bad;name - y /x"';
    const postqueue = `echo "$MAIL_CONFIG" >&2; ${POSTQUEUE}`;
    const { document } = await stats({ postqueue, postmulti });
    expect(queuesOf(document).map(([queue]) => queue)).toEqual([
      'HOST:postfix',
      'HOST:out',
      'HOST:postfix-in',
    ]);
  });

  it('whose server is down is told, whose listing fails or is cut has an error, and neither is a zero', async () => {
    const down = await stats({
      postqueue: `echo 'postqueue: warning: Mail system is down -- accessing queue directly' >&2; ${POSTQUEUE}`,
    });
    expect([down.code, down.document.errors[0].code, down.document.total.messages]).toEqual([
      3,
      'queue.down',
      1,
    ]);
    const failed = await stats({ postqueue: "echo 'fatal: no such thing' >&2; exit 69" });
    expect(failed.code).toBe(3);
    expect(failed.document.errors[0].message).toMatch(/listing its queue/);
    const cut = await stats({ postqueue: `echo '${LINE}'; echo; printf '{"queue_na'` });
    expect([cut.code, cut.document.total.messages, cut.document.total.malformed]).toEqual([3, 1, 1]);
  });
});

it.each(['sh', 'bash'])(
  'finds are told line by line by %s, whatever they print and however they end',
  (shell) => {
    const script = findScript([
      { name: 'a', find: `echo '*'; printf ' x  y\\n\\nz"$(no)\\n'; exit 3` },
      { name: 'b', find: 'IFS=b; set -f; no-such-program || read -r line; echo b1' },
      { name: 'c', find: '[ -e / ] && echo c/*' },
      { name: 'd', find: undefined },
    ]);
    const { stdout, status } = spawnSync(shell, ['-c', script], { encoding: 'utf8', cwd: '/' });
    expect(stdout).toBe('a\t*\na\t x  y\na\tz"$(no)\nb\tb1\nc\tc/*\n');
    expect(status).toBe(0);
  },
);
