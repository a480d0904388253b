// Acts through the command on every kind of server, and what may come between: a typed count, an id that is used again
// while the plan is looked at, a full disk, a limit, two operators, a kill in the middle, an end that has passed.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { describeUnless } from '../support/unless.js';
import { hostFile } from './hostfile.js';
import { inHost, type Lab, productEnv, takeDown, up, waitUntil, whyNoLab } from './lab.js';
import { mailctl, mailctlJson, startMailctl } from './mailctl.js';
import type { HostName } from './spec.js';

const MANY = 12_000;
const EXIM = 40;
const bin = fileURLToPath(new URL('../../bin/mailctl.js', import.meta.url));

interface ChangeDocument {
  readonly outcome: string;
  readonly run: string | null;
  readonly queues: readonly {
    readonly done: number;
    readonly counted: number | null;
    readonly gone: number;
  }[];
  readonly error?: { readonly code: string };
}

// A sender of the site's own: a file for each message, below folders of its states.
const SENDER = String.raw`#!/bin/sh
cd /srv/sender || exit 1
move() { n=0; while read -r id; do [ -e "$1/$id" ] && mv "$1/$id" "$2/$id" && n=$((n + 1)); done; echo "{\"changed\": $n}"; }
case $1 in
list) for state in deferred hold; do for f in $state/*; do [ -e "$f" ] && printf '{"id": "%s", "state": "%s", "arrived_at": 1795288814, "sender": "a@x.example", "recipients": [{"address": "b@y.example", "delay_reason": "busy"}]}\n' "$(basename "$f")" $state; done; done ;;
hold) move deferred hold ;;
release) move hold deferred ;;
flush) n=0; while read -r id; do n=$((n + 1)); done; echo "{\"changed\": $n}" ;;
delete) mkdir -p "saved/$2"; move deferred "saved/$2" ;;
restore) move "saved/$2" deferred ;;
esac
exit 0
`;

const ENQUEUE = `
from mailman.core.initialize import initialize
initialize("/etc/mailman3/mailman.cfg")
from mailman.config import config
from email import message_from_string
from mailman.email.message import Message
for i in range(5):
    text = "From: ann%d@example.net\\nSubject: test\\nMessage-ID: <m%d@example.net>\\n\\nbody\\n" % (i, i)
    config.switchboards["out"].enqueue(message_from_string(text, Message), listid="l.example.com", recipients={"a@example.org"})
`;

describeUnless(whyNoLab(), 'acts by the command', () => {
  let lab: Lab;
  const sh = async (host: HostName, script: string, input?: string) =>
    (await inHost(lab, host, ['sh', '-c', script], input === undefined ? {} : { input })).stdout.trim();
  const configure = (queue: object) => {
    const config = parse(fs.readFileSync(lab.paths.mailctlYaml, 'utf8')) as {
      hosts: Record<string, { queues?: unknown[] }>;
    };
    const site = Object.fromEntries(
      ['list', 'hold', 'release', 'flush'].map((act) => [act, ['/usr/local/bin/sender', act]]),
    );
    const saving = Object.fromEntries(
      ['delete', 'restore'].map((act) => [act, ['/usr/local/bin/sender', act, '{run}']]),
    );
    const mx1 = { ...config.hosts.mx1, queues: ['postfix', { driver: 'exec', ...site, ...saving }] };
    fs.writeFileSync(lab.paths.mailctlYaml, stringify({ ...config, queue, hosts: { ...config.hosts, mx1 } }));
  };
  /** State to how many, of a queue. */
  const states = async (queue: string): Promise<Readonly<Record<string, number>>> => {
    const [host = ''] = queue.split(':');
    const { stdout } = await mailctl(lab, ['queue', 'list', '-H', host, '--queue', queue, '-o', 'ndjson']);
    const sums: Record<string, number> = {};
    for (const line of stdout.split('\n').filter(Boolean)) {
      const { state } = JSON.parse(line) as { state: string };
      sums[state] = (sums[state] ?? 0) + 1;
    }
    return sums;
  };
  const act = (words: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    mailctlJson<ChangeDocument>(lab, ['queue', ...words, '--yes'], { env });
  /** On a terminal, which script(1) makes: answers when it asks. */
  const onTerminal = async (words: readonly string[], answer: string, before = async () => {}) => {
    const line = [process.execPath, bin, ...words].map((word) => `'${word}'`).join(' ');
    const child = spawn('script', ['-qefc', line, '/dev/null'], {
      env: { ...process.env, ...productEnv(lab), COLUMNS: '120' },
    });
    let text = '';
    child.stdout.on('data', (piece) => {
      text += piece;
    });
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    await waitUntil(() => /q quit/.test(text), 30_000);
    await before();
    child.stdin.write(`${answer}\n`);
    const code = await Promise.race([
      ended,
      waitUntil(() => /again|is not \d/.test(text), 30_000).then(() => null),
    ]);
    if (code === null) child.stdin.write('q\n');
    return { code: await ended, text };
  };

  beforeAll(async () => {
    lab = await up({ slots: 1, forTests: true, mtas: ['exim', 'mailman3'] });
    configure({ confirm_above: 100 });
    await sh(
      'mx1',
      'mkdir -p /srv/sender/deferred /srv/sender/hold; cd /srv/sender/deferred; touch a1 a2 a3 a4',
    );
    await sh('mx1', 'cat > /usr/local/bin/sender; chmod 755 /usr/local/bin/sender', SENDER);
    await sh('mx1', `perl - ${MANY} deferred short`, hostFile('fill-queue.pl'));
    const batch = Array.from(
      { length: EXIM },
      (_, at) => `MAIL FROM:<ann${at}@x.example>\nRCPT TO:<b@y.example>\nDATA\nSubject: t\n\nhello\n.\n`,
    );
    await sh('exim1', 'exim4 -odq -bS > /dev/null', `HELO x\n${batch.join('')}QUIT\n`);
    await sh(
      'lists1',
      'mkdir -p /run/mailman3 /var/log/mailman3; chown -R list:list /run/mailman3 /var/log/mailman3 /var/lib/mailman3',
    );
    await sh(
      'lists1',
      'cat > /tmp/enqueue.py; exec setpriv --reuid=list --regid=list --init-groups python3 /tmp/enqueue.py',
      ENQUEUE,
    );
  }, 120_000);
  afterAll(async () => {
    if (lab !== undefined) await takeDown(lab.paths);
  });

  test.each([
    ['exim1', EXIM],
    ['lists1:out', 5],
    ['mx1:exec', 4],
  ])(
    '%s is held, released, deleted and brought back',
    async (queue, count) => {
      const [host = ''] = queue.split(':');
      const these = ['-H', host, '--queue', queue];
      const before = await states(queue);
      const held = await act(['hold', ...these]);
      expect([held.code, held.json.queues[0]?.done, held.stderr]).toEqual([0, count, expect.anything()]);
      expect(await states(queue)).toEqual({ hold: count });
      const released = await act(['release', '--run', held.json.run ?? '']);
      expect([released.code, released.json.queues[0]?.done]).toEqual([0, count]);
      expect(await states(queue)).toEqual(before);
      const deleted = await act(['delete', ...these, '--expire', '1h']);
      expect([deleted.code, deleted.json.queues[0]?.done]).toEqual([0, count]);
      expect(await states(queue)).toEqual({});
      const back = await act(['restore', deleted.json.run ?? '']);
      expect([back.code, back.json.queues[0]?.done]).toEqual([0, count]);
      expect(await states(queue)).toEqual(before);
      expect((await mailctlJson(lab, ['queue', 'holds'])).json).toMatchObject({ holds: [], deleted: [] });
    },
    60_000,
  );

  test('many are counted by whoever confirms, and an id that is used again meanwhile is left alone', async () => {
    const words = ['queue', 'hold', '-H', 'mx1', '--queue', 'mx1:postfix'];
    const wrong = await onTerminal(words, String(MANY - 1));
    expect(wrong.text).toContain(`is not ${MANY}`);
    expect(await states('mx1:postfix')).toEqual({ deferred: MANY });
    // Another message gets the name of the first one: its own content, whose arrival and sender are others.
    const swap = `cd /var/spool/postfix/deferred && set -- $(find . -type f | head -n 400) && one=$1 && shift &&
      for two; do cmp -n 200 -s $one $two || break; done && cp -p $one /tmp/one && cp -p $two $one && basename $one`;
    let id = '';
    const right = await onTerminal(words, String(MANY), async () => {
      id = await sh('mx1', swap);
    });
    expect([right.code, await states('mx1:postfix')]).toEqual([3, { hold: MANY - 1, deferred: 1 }]);
    expect(await sh('mx1', 'find /var/spool/postfix/deferred -type f -printf "%f"')).toBe(id);
    await sh('mx1', `cp -p /tmp/one $(find /var/spool/postfix/deferred -name ${id})`);
    const run = /run ([0-9a-f]{4})|plan ([0-9a-f]{4})/.exec(right.text);
    const released = await act(['release', '--run', run?.[1] ?? run?.[2] ?? '']);
    expect(released.json.queues[0]?.done).toBe(MANY - 1);
  }, 90_000);

  test('what cannot be saved is not deleted: a full disk, and a limit', async () => {
    const spool = '/var/spool/exim4';
    await sh(
      'exim1',
      `cp -a ${spool} /tmp/spool && mount -t tmpfs -o size=2m,mode=750 spool ${spool} && cp -a /tmp/spool/. ${spool}/ &&
       chown --reference=/tmp/spool ${spool} && { dd if=/dev/zero of=${spool}/full bs=4k 2> /dev/null || true; }`,
    );
    const full = await act(['delete', '-H', 'exim1', '--all']);
    expect(full.code).not.toBe(0);
    expect(full.stdout + full.stderr).toMatch(/No space left/);
    expect(await sh('exim1', 'exim -bpc')).toBe(String(EXIM));
    await sh('exim1', `rm ${spool}/full`);
    const resumed = await mailctlJson<ChangeDocument>(lab, ['runs', 'resume', full.json.run ?? '', '--yes']);
    expect([resumed.code, resumed.json.queues[0]?.done]).toEqual([0, EXIM]);
    expect((await act(['restore', full.json.run ?? ''])).code).toBe(0);

    configure({ confirm_above: 100, keep_at_most: '1k' });
    const limited = await act(['delete', '-H', 'exim1', '--all']);
    expect([limited.code, limited.json.outcome]).not.toEqual([0, 'done']);
    expect(limited.stdout + limited.stderr).toMatch(/bytes to save/);
    expect(await sh('exim1', 'exim -bpc')).toBe(String(EXIM));
    configure({ confirm_above: 100 });
  }, 60_000);

  test('two operators at once: one does it, the other is told who; a kill in the middle loses nothing', async () => {
    const elsewhere = path.join(lab.paths.dir, 'elsewhere');
    fs.mkdirSync(elsewhere, { recursive: true, mode: 0o700 });
    const words = ['hold', '-H', 'mx1', '--queue', 'mx1:postfix'];
    const both = await Promise.all([act(words), act([...words, '--state-dir', elsewhere])]);
    expect(await states('mx1:postfix')).toEqual({ hold: MANY });
    expect(both.reduce((sum, { json }) => sum + (json.queues[0]?.counted ?? 0), 0)).toBe(MANY);
    for (const { code } of both) expect([0, 3, 6]).toContain(code);
    expect(both.some(({ code }) => code === 0)).toBe(true);

    // While postsuper works on the first part, the process dies, and the act on the host goes on without it.
    const { child, ended } = startMailctl(lab, [
      'queue',
      'release',
      '-H',
      'mx1',
      '--queue',
      'mx1:postfix',
      '--yes',
    ]);
    await waitUntil(
      async () => Number(await sh('mx1', 'ls /var/spool/postfix/hold | wc -l')) < MANY - 200,
      60_000,
    );
    child.kill('SIGKILL');
    await ended;
    const { stdout } = await mailctl(lab, ['runs', 'list']);
    const run = /^([0-9a-f]+)\tqueue-release\t\S+\tincomplete/m.exec(stdout)?.[1] ?? '';
    const resumed = await mailctlJson<ChangeDocument>(lab, ['runs', 'resume', run, '--yes']);
    expect([resumed.code, resumed.json.outcome]).toEqual([0, 'done']);
    expect(await states('mx1:postfix')).toEqual({ deferred: MANY });

    // Ctrl-C ends after the part in hand, and says how to go on.
    const second = startMailctl(lab, ['queue', 'hold', '-H', 'mx1', '--queue', 'mx1:postfix', '--yes']);
    await waitUntil(async () => Number(await sh('mx1', 'ls /var/spool/postfix/hold | wc -l')) > 200, 60_000);
    second.child.kill('SIGINT');
    const stopped = await second.ended;
    expect([stopped.code, stopped.stderr + stopped.stdout]).toEqual([
      130,
      expect.stringMatching(/mailctl runs resume [0-9a-f]{4}/),
    ]);
    expect(await states('mx1:postfix')).toEqual({ hold: 10_000, deferred: MANY - 10_000 });
    const [, id = ''] = /runs resume ([0-9a-f]+)/.exec(stopped.stderr + stopped.stdout) ?? [];
    expect((await mailctl(lab, ['runs', 'resume', id, '--yes'])).code).toBe(0);
    expect(await states('mx1:postfix')).toEqual({ hold: MANY });
  }, 120_000);

  test('the timer removes deleted messages when their time is over, and not before', async () => {
    const deleted = await act(['delete', '-H', 'exim1', '--all', '--expire', '1h']);
    expect(deleted.code).toBe(0);
    expect((await mailctlJson(lab, ['queue', 'tend', '-H', 'exim1'])).json).toMatchObject({ done: [] });
    const past = Math.floor(Date.now() / 1000) - 100;
    await sh('exim1', `for one in /var/spool/exim4/mailctl-saved/*/; do echo ${past} > "$one.expires"; done`);
    await sh(
      'exim1',
      `sed -i 's/"until":[0-9]*/"until":${past}/' /var/lib/mailctl/queues/exim/runs/*/record`,
    );
    // The run that was refused above is over, too: it has saved nothing.
    type Tend = {
      readonly done: readonly { run: string; what: string; outcome: string; messages: number }[];
    };
    const ours = { run: deleted.json.run, what: 'expired' };
    const owed = (await mailctlJson<Tend>(lab, ['queue', 'tend', '-H', 'exim1', '--dry-run'])).json;
    expect(owed.done).toContainEqual(expect.objectContaining({ ...ours, outcome: 'owed', messages: EXIM }));
    const { done } = (await mailctlJson<Tend>(lab, ['queue', 'tend', '-H', 'exim1'])).json;
    expect(done).toContainEqual(expect.objectContaining({ ...ours, outcome: 'done' }));
    expect(done.reduce((sum, { messages }) => sum + messages, 0)).toBe(EXIM);
    expect(
      await sh('exim1', 'ls /var/spool/exim4/mailctl-saved /var/lib/mailctl/queues/exim/runs'),
    ).not.toMatch(/[0-9a-f]{12}/);
  }, 60_000);
});
