// The driver over recorded and made-up answers. fixtures/cyrus/3.6/observe.txt is the answer of a host with two
// masters of Cyrus 3.6.1 (Debian 12), one replica each; most service names are left out.
import { describe, expect, it } from 'vitest';
import type { CyrusConfig } from '../../../../src/config/config.js';
import { cyrusStore } from '../../../../src/drivers/cyrus/store.js';
import { CommandError, MailctlError, ParseError, TransportError } from '../../../../src/errors.js';
import type { Grip, StoreDriver } from '../../../../src/slot/driver.js';
import type { Command } from '../../../../src/transport/transport.js';
import { fakeClock } from '../../../support/fake-clock.js';
import { type FakeTransport, fakeTransport, fixture } from '../../../support/fake-transport.js';
import { host, instance, state } from '../../../support/slot-sight.js';

const US = '\u001f';
const config: CyrusConfig = {
  user: 'cyrus',
  configDir: '/srv/{slot}/conf',
  imapdConf: '/srv/{slot}/role/imapd.conf',
  cyrusConf: '/srv/{slot}/role/cyrus.conf',
  pidFile: '/run/cyrus/{slot}.pid',
  role: {
    kind: 'link',
    link: '/srv/{slot}/role',
    master: 'role.master',
    replica: 'role.replica',
    readonly: 'role.readonly',
  },
  start: 'builtin',
  stop: 'builtin',
  stopTimeoutMs: 15_000,
  plannedStopTimeoutMs: 120_000,
  admin: undefined,
};
const imap21 = host('imap21');
const slots = [instance('store1', 'imap21'), instance('store2', 'imap21')];
const store1 = slots[0] as (typeof slots)[0];
const grip: Grip = { run: '7f3a', token: 4, phase: 'prepare' };

function storeOf(more: Partial<CyrusConfig> = {}): {
  readonly transport: FakeTransport;
  readonly store: StoreDriver;
} {
  const transport = fakeTransport();
  return {
    transport,
    store: cyrusStore({ config: { ...config, ...more }, transport, clock: fakeClock({ auto: true }) }),
  };
}

const file = (slot: string, name: string) => `/srv/${slot}/${name}`;
const asked = (index: number, slot: string) =>
  [
    String(index),
    'cld',
    `/run/cyrus/${slot}.pid`,
    file(slot, 'conf'),
    '',
    '',
    ...['master', 'replica', 'readonly'].flatMap((role) => [
      file(slot, `role.${role}/imapd.conf`),
      file(slot, `role.${role}/cyrus.conf`),
    ]),
    file(slot, 'role'),
  ].join(US);
const stdin = `${asked(0, 'store1')}\n${asked(1, 'store2')}\n`;
const answer = fixture('cyrus/3.6/observe.txt');

/** Lets one act be asked, and answers it. */
function acting(
  transport: FakeTransport,
  reply: (fields: readonly string[]) => string | Error,
): (readonly string[])[] {
  const calls: (readonly string[])[] = [];
  const { run } = transport;
  transport.run = async (...args: Parameters<typeof run>) => {
    const [on, command, options] = args;
    if (command.name !== 'cyrus.act') return run.apply(transport, args);
    expect(on.name).toBe('imap21');
    expect(command).toMatchObject({ readOnly: false, privileged: true, args: [] } satisfies Partial<Command>);
    for (const line of (command.stdin ?? '').trimEnd().split('\n')) {
      const fields = line.split(US);
      calls.push(fields.slice(1));
      const said = reply(fields);
      if (said instanceof Error) throw said;
      for (const record of said === '' ? [] : said.split('\n')) options?.onLine?.(record);
    }
    return { status: 0, stdout: '', stderr: 'sh: something odd' };
  };
  return calls;
}

describe('observe', () => {
  it('asks for all instances in one read-only trip, and reads a real answer', async () => {
    const { transport, store } = storeOf();
    transport.expect(
      { host: 'imap21', name: 'cyrus.observe', readOnly: true, privileged: true, stdin },
      { stdout: answer },
    );
    const states = await store.observe(imap21, slots);
    for (const [index, [slot, replica]] of [
      ['store1', 'imap22'],
      ['store2', 'imap23'],
    ].entries()) {
      expect(states[index]).toMatchObject({
        slot,
        host: 'imap21',
        at: 1795304692,
        running: true,
        started: true,
        role: 'master',
        configuredRole: 'master',
        logging: true,
        problem: null,
        lease: null,
        laneLines: [],
        freeBytes: 12335544 * 1024,
        channels: [{ channel: '', syncHost: replica, pending: false, clientAlive: true }],
        quarantined: { files: 0, events: 0 },
      });
    }
    expect(
      states[0]?.services.map(({ name, address, port, listening }) => [name, address, port, listening]),
    ).toEqual([
      ['imap', '198.51.100.21', 10143, true],
      ['lmtp', '198.51.100.21', 10124, true],
    ]);
  });

  it('asks nobody for nothing', async () => {
    expect(await storeOf().store.observe(imap21, [])).toEqual([]);
  });

  it('never takes a cut answer for a state: every cut is told, or nothing is missing', async () => {
    const lines = answer.split('\n');
    for (let cut = 0; cut < lines.length - 2; cut += 7) {
      const { transport, store } = storeOf();
      transport.expect(
        { host: 'imap21', name: 'cyrus.observe', stdin },
        { stdout: `${lines.slice(0, cut).join('\n')}\n${(lines[cut] ?? '').slice(0, 5)}` },
      );
      await expect(store.observe(imap21, slots)).rejects.toThrow(ParseError);
    }
  });

  it('is not led astray by records of instances that were not asked for, or by no records at all', async () => {
    const odd = ['99', 'x', '__proto__', 'constructor', '']
      .map((number) => `${number}${US}pid${US}1`)
      .join('\n');
    const { transport, store } = storeOf();
    transport.expect(
      { host: 'imap21', name: 'cyrus.observe', stdin },
      { stdout: `${odd}\nnonsense\n${US}${US}\n${answer}` },
    );
    expect((await store.observe(imap21, slots))[1]).toMatchObject({ running: true, role: 'master' });
  });

  it('passes on that a host is away', async () => {
    const { transport, store } = storeOf();
    transport.expect(
      { host: 'imap21', name: 'cyrus.observe', stdin },
      new TransportError('imap21', 'unreachable', 'imap21 does not answer'),
    );
    await expect(store.observe(imap21, slots)).rejects.toMatchObject({ kind: 'unreachable' });
  });

  it('knows where a slot’s users reach an instance, by its master configuration', async () => {
    const { transport, store } = storeOf();
    transport.expect({ host: 'imap21', name: 'cyrus.observe', stdin }, { stdout: answer });
    const [one] = await store.observe(imap21, slots);
    const ports = store.masterPorts(one as NonNullable<typeof one>);
    expect(ports).toEqual([
      { address: '198.51.100.21', port: 10143, kind: 'imap' },
      { address: '198.51.100.21', port: 10124, kind: 'lmtp' },
    ]);
    expect(storeOf().store.masterPorts(state('store9', 'imap21', 'replica'))).not.toContainEqual(
      expect.objectContaining({ kind: 'sync' }),
    );
  });
});

describe('an act', () => {
  it('carries token, run, phase, a hold behind its own deadline, and its line for the lane', async () => {
    const { transport, store } = storeOf();
    const calls = acting(transport, ([n]) => `${n}${US}ok`);
    await store.stop(imap21, store1, { ...grip, record: '{"kind":"began"}' }, true);
    await store.setRole(imap21, store1, grip, 'replica');
    await store.giveLeaseBack(imap21, store1, grip, ['{"kind":"owed"}']);
    expect(calls.map(([verb, dir, token, run, phase]) => [verb, dir, token, run, phase])).toEqual([
      ['stop-builtin', '/srv/store1/conf', '4', '7f3a', 'prepare'],
      ['set-link', '/srv/store1/conf', '4', '7f3a', 'prepare'],
      ['back', '/srv/store1/conf', '4', '7f3a', 'prepare'],
    ]);
    expect(Number(calls[0]?.[5])).toBeGreaterThan(120);
    expect(calls[0]?.slice(6, 9)).toEqual(['{"kind":"began"}', '120', '/run/cyrus/store1.pid']);
    expect(calls[1]?.slice(6, 9)).toEqual(['-', '/srv/store1/role', 'role.replica']);
    expect(calls[2]?.slice(6)).toEqual(['-', '{"kind":"owed"}']);
  });

  it('that was refused says what the host said, and one whose answer is lost says no such thing', async () => {
    const of = (reply: (fields: readonly string[]) => string | Error) => {
      const { transport, store } = storeOf();
      acting(transport, reply);
      return store.setRole(imap21, store1, grip, 'replica').catch((error: unknown) => error);
    };
    const no = await of(([n]) => `${n}${US}no${US}it is running (pid 7)`);
    expect(no).toBeInstanceOf(CommandError);
    expect(no).toMatchObject({ detail: 'it is running (pid 7)' });
    const held = await of(([n]) =>
      [
        n,
        'held',
        '9',
        '9c01',
        'bob',
        'bastion2',
        'imap21',
        'imap22',
        'commit',
        '1795304700',
        '1795304692',
      ].join(US),
    );
    expect(held).toBeInstanceOf(MailctlError);
    expect(held).toMatchObject({
      code: 'slot.lease-lost',
      message: expect.stringMatching(/run 9c01 of bob on bastion2 has it/),
    });
    expect(await of(() => '')).toMatchObject({ kind: 'lost' });
    expect(await of(() => `7${US}ok\nnonsense\n${US}ok`)).toMatchObject({ kind: 'lost' });
    expect(await of(() => new TransportError('imap21', 'timeout', 'no answer'))).toMatchObject({
      kind: 'timeout',
    });
  });

  it('goes with others that are ready, and each has its own answer', async () => {
    const { transport, store } = storeOf();
    const calls = acting(transport, ([n, verb]) =>
      verb === 'stop-builtin' ? `${n}${US}ok` : `${n}${US}no${US}never`,
    );
    const results = await Promise.allSettled([
      store.stop(imap21, store1, grip, true),
      store.setRole(imap21, slots[1] as typeof store1, grip, 'replica'),
      store.stop(imap21, slots[1] as typeof store1, grip, false),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(calls).toHaveLength(3);
  });

  it('fills a site’s own commands in, word by word', async () => {
    const { transport, store } = storeOf({
      start: ['svc', 'up', '{instance}', '{role}', '{slot} {host}'],
      stop: ['svc', 'down', '{instance}'],
      role: { kind: 'command', set: ['role', '{instance}', '{role}'], get: ['role', '{instance}'] },
    });
    const calls = acting(transport, ([n]) => `${n}${US}ok`);
    await store.start(imap21, store1, grip, 'master');
    await store.stop(imap21, store1, grip, false);
    await store.setRole(imap21, store1, grip, 'replica');
    expect(calls.map((call) => [call[0], ...call.slice(8)])).toEqual([
      ['run', 'svc', 'up', 'store1', 'master', 'store1 imap21'],
      ['run', 'svc', 'down', 'store1'],
      ['run', 'role', 'store1', 'replica'],
    ]);
  });

  it('is not sent with a control character in a name: it would be two fields, or two calls', async () => {
    const { store } = storeOf();
    for (const slot of ['a\nb', `a${US}b`, 'a\u0000b']) {
      await expect(store.setRole(imap21, instance(slot, 'imap21'), grip, 'replica')).rejects.toThrow(
        /control character/,
      );
    }
  });
});

describe('a lease', () => {
  const wish = {
    run: '7f3a',
    operator: 'ann',
    bastion: 'b1',
    from: 'imap21',
    to: 'imap22',
    phase: 'prepare',
    takeOver: ['dead'],
    record: '{}',
  };
  it('is granted with a token, or held by another with the seconds that are left', async () => {
    const { transport, store } = storeOf();
    const calls = acting(transport, ([n]) => `${n}${US}granted${US}12`);
    expect(await store.takeLease(imap21, store1, wish)).toEqual({ granted: true, token: 12 });
    expect(calls[0]).toEqual([
      'take',
      '/srv/store1/conf',
      '7f3a',
      'ann',
      'b1',
      'imap21',
      'imap22',
      'prepare',
      '60',
      '{}',
      'dead',
    ]);
    const other = storeOf();
    acting(other.transport, ([n]) =>
      [n, 'held', '9', '9c01', 'bob', 'b2', 'imap21', 'imap22', 'commit', '1795304700', '1795304692'].join(
        US,
      ),
    );
    expect(await other.store.takeLease(imap21, store1, wish)).toMatchObject({
      granted: false,
      secondsLeft: 8,
      held: { run: '9c01', token: 9 },
    });
  });
});

describe('preview', () => {
  it('shows each act’s commands, and no secret', () => {
    const { store } = storeOf();
    const shown = (['stop', 'start', 'set-role', 'drain', 'lease', 'give-back', 'serving'] as const).map(
      (act) => store.preview(act, store1, 'replica').join('\n'),
    );
    expect(shown[1]).toBe(
      'cyrmaster -C /srv/store1/role/imapd.conf -M /srv/store1/role/cyrus.conf -p /run/cyrus/store1.pid -d',
    );
    expect(shown[2]).toBe('ln -sfn role.replica /srv/store1/role');
    for (const text of shown) expect(text).not.toBe('');
  });
});
