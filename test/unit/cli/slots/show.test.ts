import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { namedSlots } from '../../../../src/cli/slots/show.js';
import { slotDetail, slotDetailJson } from '../../../../src/cli/slots/slot-detail.js';
import { UsageError } from '../../../../src/errors.js';
import { createOutput } from '../../../../src/output/output.js';
import { type SlotDetail, slotShowScreen } from '../../../../src/output/screens/slot-show.js';
import { analyseSlot } from '../../../../src/slot/analysis.js';
import { openedLine, owedLine } from '../../../../src/slot/lane-record.js';
import type { Sample } from '../../../../src/slot/samples.js';
import type { FleetSight } from '../../../../src/slot/sight.js';
import type { Slot } from '../../../../src/slot/slot.js';
import { runCli } from '../../../support/run-cli.js';
import { AT, channelOf, sampleOf, sightOf, slotOf, stateFor } from '../../../support/slot-facts.js';
import { tempDir } from '../../../support/temp-dir.js';

const well = sightOf({ imap21: [stateFor('imap21', 'master')], imap22: [stateFor('imap22', 'replica')] });

function detailOf(sight: FleetSight, slot: Slot = slotOf(), samples: readonly Sample[] = []): SlotDetail {
  const view = analyseSlot(slot, { sight, samples, maxLagS: 300 });
  return slotDetail({ slot, view, sight, hosts: new Map(), samples });
}

async function screenOf(detail: SlotDetail, width = 80): Promise<string> {
  let text = '';
  const output = createOutput({
    format: 'table',
    color: false,
    columns: () => width,
    write: async (more) => {
      text += more;
    },
    isClosed: () => false,
  });
  await output.print({
    schema: 'x',
    document: () => ({}),
    rows: [],
    columns: [],
    screen: (canvas) => slotShowScreen(detail, AT * 1000, canvas),
  });
  return text;
}

test('a slot that is well fits a few lines and ends with what a move would do', async () => {
  expect((await screenOf(detailOf(well))).split('\n')).toEqual([
    'SLOT store1  ok   04:20:11Z  2 of 2 hosts',
    'HOST    DIRECTORY  RUNS AS  BOOTS AS  INSTANCE  ADDRESS   FREE',
    'imap21  master     master   master    store1    -        41.2G',
    'imap22  replica    replica  replica   store1    -        41.2G',
    'lag   imap22  fresh: 0s behind at 04:20:11Z, nothing waits, sync_client runs',
    'ports imap21  192.0.2.21: imap 143, lmtp 24',
    'ports imap22  192.0.2.22: sync 2005',
    'next  mailctl failover store1 --dry-run   what a move would do now',
    '',
  ]);
});

test('a stuck slot says how far, since when, what is quarantined and what was stored before', async () => {
  const master = stateFor('imap21', 'master', {
    channels: [channelOf({ pending: true, events: 41_220, oldestBirth: AT - 223_200, clientAlive: false })],
    quarantined: { files: 2, events: 12, oldestBirth: AT - 223_200 },
    services: [
      { name: 'imap', kind: 'imap', address: '', port: 143, listening: true },
      { name: 'sieve', kind: 'other', address: '', port: 4190, listening: false },
      { name: 'lmtpunix', kind: 'lmtp', address: '/run/lmtp', port: undefined, listening: true },
    ],
  });
  const sight = sightOf({ imap21: [master], imap22: [stateFor('imap22', 'replica')] });
  const samples = [
    sampleOf({ seenAt: (AT - 86_400) * 1000, at: AT - 86_400, pendingEvents: 9, oldestBirth: AT - 90_000 }),
    sampleOf({ pendingEvents: null, replicating: false }),
    sampleOf({ channel: '' }),
  ];
  const screen = await screenOf(detailOf(sight, slotOf(), samples));
  expect(screen).toContain('SLOT store1  CRIT replica stale');
  expect(screen).toContain('why   imap22 is 2d14h behind (limit 5m)');
  expect(screen).toContain(
    'lag   imap22  stale: 12 events are quarantined, 2d14h behind at 04:20:11Z,\n      41,232 events wait, no sync_client runs\n',
  );
  expect(screen).toContain('quarantined on imap21: 12 events in 2 files, the oldest 2d14h old');
  expect(screen).toContain('ports imap21  all addresses: imap 143, sieve 4190 SILENT, lmtpunix /run/lmtp');
  expect(screen).toMatch(/^04:19:11Z +imap21 to imap22 +\? +\? +0 +no sync_client$/m);
  expect(screen).toMatch(/^2026-03-11T04:20:11Z +imap21 to imap22 +1h +9 +0$/m);
  for (const line of screen.split('\n')) expect(line.length, line).toBeLessThanOrEqual(80);
});

test('a dead master: its host is named, what is known of the replica is old, and the failover is offered', async () => {
  const sight = sightOf({ imap21: undefined, imap22: [stateFor('imap22', 'replica')] });
  const screen = await screenOf(detailOf(sight, slotOf(), [sampleOf()]));
  expect(screen).toContain('SLOT store1  UNKN master unreachable   04:20:11Z  1 of 2 hosts');
  expect(screen).toMatch(/^imap21 +master +\? +\?/m);
  expect(screen).toContain('imap21  no ssh banner in 5 s');
  expect(screen).toContain('lag   imap22  unknown: its master is not seen, 0s behind at 04:19:11Z');
  expect(screen).toContain('next  mailctl failover imap21   all slots of a dead host at once');
});

test('leases, open lanes and debts are shown, and the lane that was left is what comes next', async () => {
  const open = {
    run: '7f3a',
    from: 'imap21',
    to: 'imap22',
    operator: 'ann',
    bastion: 'bastion1',
    at: '2026-03-12T04:18:00Z',
    judged: null,
  };
  const lease = {
    token: 3,
    run: '7f3a',
    operator: 'ann',
    bastion: 'bastion1',
    from: 'imap21',
    to: 'imap22',
    phase: 'prepare',
    expires: AT + 41,
  };
  const owed = {
    slot: 'store1',
    host: 'imap21',
    steps: ['stop', 'role', 'rejoin'],
    run: '6aaa',
    at: '2026-03-12T03:00:00Z',
    lastAlive: AT,
  };
  const replica = (expires: number) =>
    stateFor('imap22', 'replica', {
      lease: { ...lease, expires },
      laneLines: [
        owedLine(owed),
        openedLine(open),
        '{"kind":"began","run":"7f3a","step":"stop-old"}',
        'rubbish',
      ],
    });
  const held = detailOf(sightOf({ imap21: [stateFor('imap21', 'master')], imap22: [replica(AT + 41)] }));
  const screen = await screenOf(held);
  expect(screen).toContain('lease run 7f3a of ann on bastion1, prepare, expires in 41s, on imap22');
  expect(screen).toContain('lane  open: run 7f3a of ann on bastion1, imap21 to imap22,');
  expect(screen).toContain('last step stop-old');
  expect(screen).toContain('owed  imap21: stop, role, rejoin, since 2026-03-12T03:00:00Z, run 6aaa');
  expect(screen).toContain('imap22  1 line of its lane file cannot be read');
  expect(screen).toContain('next  mailctl runs attach 7f3a   on bastion1, where it is held');
  const left = await screenOf(
    detailOf(sightOf({ imap21: [stateFor('imap21', 'master')], imap22: [replica(AT - 60)] })),
  );
  expect(left).toContain('expired 1m ago');
  expect(left).toContain('next  mailctl failover store1   finishes what run 7f3a began');
});

test('a stray is what comes next, and a log that goes to no replica is named', async () => {
  const stray = stateFor('imap22', 'master', {
    channels: [channelOf({ syncHost: 'old9', pending: true, events: 3 })],
  });
  const screen = await screenOf(
    detailOf(sightOf({ imap21: [stateFor('imap21', 'master')], imap22: [stray] })),
  );
  expect(screen).toContain('CRIT two masters');
  expect(screen).toContain('next  mailctl rejoin imap22   stops its strays, brings their mail over');
  expect(screen).toContain('log on imap22: 3 events; it goes to no replica of this slot');
});

test('what hosts say cannot steer the terminal', async () => {
  const evil = stateFor('imap22', 'replica', { problem: 'x\x1b[2J\u202ey', running: null, role: null });
  const screen = await screenOf(
    detailOf(sightOf({ imap21: [stateFor('imap21', 'master')], imap22: [evil] })),
  );
  expect(screen).toContain('x\\x1b[2J\\u202ey');
  expect(screen).not.toMatch(/\x1b|\u202e/);
});

test('a narrow terminal wraps between facts', async () => {
  const screen = await screenOf(detailOf(well), 50);
  expect(screen).toContain(
    'lag   imap22  fresh: 0s behind at 04:20:11Z,\n      nothing waits, sync_client runs\n',
  );
});

test('the document has the fields of slots list and everything else', () => {
  const master = stateFor('imap21', 'master', {
    channels: [channelOf({ pending: true, events: 6, oldestBirth: AT - 2 })],
  });
  const sight = sightOf({ imap21: [master], imap22: undefined });
  const json = JSON.parse(JSON.stringify(slotDetailJson(detailOf(sight, slotOf(), [sampleOf()]))));
  expect(json).toMatchObject({
    slot: 'store1',
    master: { host: 'imap21', reachable: true, running: true, role: 'master' },
    replicas: [
      {
        host: 'imap22',
        reachable: false,
        freshness: 'unknown',
        lag_s: 2,
        pending_events: 6,
        observed_at: '2026-03-12T04:20:11Z',
      },
    ],
    verdict: 'replica-unknown',
    owed: [],
    state: 'normal',
    version: 1,
    strays: [],
    open_lane: null,
    owed_steps: [],
    next: 'mailctl failover store1 --dry-run',
  });
  expect(json.instances[0]).toMatchObject({
    host: 'imap21',
    directory_role: 'master',
    reachable: true,
    services: [{ name: 'imap', port: 143, listening: true }, { name: 'lmtp' }],
    channels: [
      { channel: '', replica: 'imap22', pending: true, pending_events: 6, oldest_at: '2026-03-12T04:20:09Z' },
    ],
    quarantined: { files: 0, events: 0, oldest_at: null },
    lease: null,
    error: null,
  });
  expect(json.instances[1]).toMatchObject({
    host: 'imap22',
    reachable: false,
    running: null,
    error: 'imap22: no ssh banner in 5 s',
  });
  expect(json.samples).toEqual([
    {
      seen_at: '2026-03-12T04:19:11Z',
      observed_at: '2026-03-12T04:19:11Z',
      host: 'imap21',
      role: 'master',
      channel: 'imap22',
      running: true,
      pending_events: 0,
      lag_s: 0,
      quarantined_events: 0,
      replicating: true,
      problem: null,
    },
  ]);
});

test('a clock of a host that is out of all bounds is no time', () => {
  const sight = sightOf({
    imap21: [stateFor('imap21', 'master', { channels: [channelOf({ oldestBirth: 1e300 })] })],
    imap22: [],
  });
  expect(JSON.stringify(slotDetailJson(detailOf(sight)))).toContain('"oldest_at":null');
});

test('slots come in the order in which they were named; an unknown one is a usage error with what is near', () => {
  const slots = ['store1', 'store2', 'store10'].map((name) => slotOf(name));
  expect(namedSlots(['store10', 'store1'], slots).map(({ slot }) => slot)).toEqual(['store10', 'store1']);
  const refusal = (name: string, known: readonly Slot[]) => {
    try {
      namedSlots([name], known);
    } catch (error) {
      return error as UsageError;
    }
    throw new Error('it was accepted');
  };
  expect(refusal('stroe2', slots)).toBeInstanceOf(UsageError);
  expect(refusal('stroe2', slots)).toMatchObject({
    code: 'usage.slot',
    exitCode: 2,
    hint: expect.stringContaining('store2'),
  });
  expect(refusal('x\x1b[2J', slots)).toMatchObject({ hint: 'mailctl slots list' });
  expect(refusal('store1', [])).toMatchObject({ hint: 'mailctl slots import FILE' });
});

/** This machine as the only host of a slot that it does not run. */
async function lonelySite() {
  const dir = await tempDir();
  const config = join(dir, 'mailctl.yaml');
  const cyrus = {
    user: 'cyrus',
    config_dir: `${dir}/{slot}/conf`,
    imapd_conf: `${dir}/{slot}/role/imapd.conf`,
    cyrus_conf: `${dir}/{slot}/role/cyrus.conf`,
    pid_file: `${dir}/{slot}.pid`,
    role: { link: `${dir}/{slot}/role`, master: 'role.master', replica: 'role.replica' },
  };
  await writeFile(config, JSON.stringify({ hosts: { here: { transport: 'local' } }, stores: { cyrus } }), {
    mode: 0o600,
  });
  const cli = (...argv: readonly string[]) => runCli([...argv, '--config', config, '--state-dir', dir]);
  await writeFile(join(dir, 'slots.yaml'), '- {slot: store1, master: here}\n');
  expect((await cli('slots', 'import', join(dir, 'slots.yaml'))).code).toBe(0);
  return cli;
}

test('through the whole program: a slot that does not run is exit 1, and what was seen is stored', async () => {
  const cli = await lonelySite();
  const first = await cli('slots', 'show', 'store1', '-o', 'json');
  expect(first.code).toBe(1);
  expect(JSON.parse(first.stdout)).toMatchObject({
    schema: 'mailctl/slot-show/v1',
    slots: [{ slot: 'store1', master: { host: 'here', reachable: true }, verdict: 'no-master', samples: [] }],
    errors: [],
  });
  const second = JSON.parse((await cli('slots', 'show', 'store1', 'store1', '-o', 'json')).stdout);
  expect(second.slots).toHaveLength(1);
  expect(second.slots[0].samples).toMatchObject([{ host: 'here', channel: null }]);
  const tsv = (await cli('slots', 'show', 'store1')).stdout.trimEnd().split('\n');
  expect(tsv).toHaveLength(2);
  expect(tsv[1]).toMatch(/^store1\tno-master\there\tmaster\ttrue\t/);
});

test('through the whole program: an unknown slot is exit 2 with a document', async () => {
  const cli = await lonelySite();
  const { code, stdout, stderr } = await cli('slots', 'show', 'store1', 'stor1', '-o', 'json');
  expect(code).toBe(2);
  expect(stderr).toContain('hint: did you mean store1?');
  expect(JSON.parse(stdout)).toMatchObject({
    schema: 'mailctl/slot-show/v1',
    slots: [],
    errors: [{ code: 'usage.slot' }],
  });
});
