/**
 * Every fault that a provider or a server may have, on the real thing: `mailctl probe` names it, the hop behind which
 * it sits, and nothing that is well, in its time. Two faults are there at once, on different providers or servers.
 */
// alone: how long a packet takes on its way is what it is about.
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { describeUnless } from '../support/unless.js';
import { whyNoLab } from './lab.js';
import {
  type Fault,
  type ProbeDocument,
  parseFault,
  setFaults,
  startUplinksMailctl,
  type Uplinks,
  uplinksDown,
  uplinksMailctl,
  uplinksProbe,
  uplinksUp,
} from './uplinks.js';

/** A verdict in 10 s, with its hop in 12. */
const JUDGED_MS = 10_000;
const WITH_HOP_MS = 12_000;

/** What a provider's row shall say, in each family: its verdict, and the hop's two addresses where there is one. */
type Row = readonly [verdict: string, hop?: readonly [four: string, six: string]];

const level3 = ['198.51.100.14', '2001:db8:b::2'] as const;
const cogent = ['192.0.2.18', '2001:db8:a::3'] as const;
const telia2 = ['203.0.113.18', '2001:db8:c::3'] as const;

describeUnless(whyNoLab(), 'mailctl probe, on a network of providers', () => {
  let lab: Uplinks;
  beforeAll(async () => {
    lab = await uplinksUp();
  });
  afterEach(async () => {
    await setFaults(lab, []);
  });
  afterAll(async () => {
    if (lab !== undefined) await uplinksDown(lab.paths);
  });

  const put = (...faults: readonly string[]) => {
    const parsed: readonly Fault[] = faults.map((text) => parseFault(lab, text.split(' ')));
    return setFaults(lab, parsed);
  };

  /** Rows as they are told; providers that are not named are well. */
  const expectRows = (document: ProbeDocument, rows: Readonly<Record<string, Row>>) => {
    for (const { uplink, family, verdict, hop, evidence } of document.verdicts) {
      const [wanted, hops] = rows[uplink] ?? ['ok'];
      const where = `${uplink} v${family}: ${JSON.stringify(evidence)}`;
      expect(`${where} ${verdict}`).toBe(`${where} ${wanted}`);
      expect(`${where} ${hop?.address ?? null}`).toBe(`${where} ${hops?.[family === 4 ? 0 : 1] ?? null}`);
    }
    expect(document.verdicts).toHaveLength(6);
    expect(document.judged_after_ms).toBeLessThan(JUDGED_MS);
    expect(document.took_ms).toBeLessThan(WITH_HOP_MS);
  };

  test.each<[title: string, faults: readonly string[], rows: Readonly<Record<string, Row>>]>([
    ['nothing is wrong', [], {}],
    [
      'loss of 30 %, and packets above 500 bytes dropped both ways',
      ['level3 loss n=30 dir=out', 'cogent size n=500 hop=3'],
      { level3: ['lossy', level3], cogent: ['hangs', cogent] },
    ],
    [
      'loss of 5 %, and large packets dropped outwards',
      ['level3 loss n=5', 'cogent size n=500 hop=3 dir=out'],
      { level3: ['lossy', level3], cogent: ['hangs', cogent] },
    ],
    [
      'large packets dropped inwards, and connections that die after some packets',
      ['level3 size n=500 dir=in', 'cogent dies n=12 hop=3'],
      { level3: ['hangs', level3], cogent: ['hangs', cogent] },
    ],
    [
      'an MTU hole, and a smaller MTU that is told',
      ['level3 mtu n=1400 mute=true', 'cogent mtu n=1400 hop=3'],
      { level3: ['mtu', level3] },
    ],
    [
      'a dead member of an ECMP group, and a black hole',
      ['telia blackhole hop=2 member=1', 'level3 blackhole'],
      { telia: ['hangs', telia2], level3: ['unreachable', level3] },
    ],
    [
      'every other flow dead, and 200 ms more one way',
      ['cogent share n=2 hop=3', 'level3 delay ms=200 dir=out'],
      { cogent: ['hangs', cogent], level3: ['slow', level3] },
    ],
    [
      'a dead way back, and an administrator who prohibits',
      ['level3 blackhole dir=in', 'cogent prohibited hop=3'],
      { level3: ['unreachable', level3], cogent: ['unreachable', cogent] },
    ],
    [
      'port 25 reset, and port 25 dropped',
      ['level3 reset', 'cogent filter hop=3'],
      { level3: ['unreachable', level3], cogent: ['unreachable', cogent] },
    ],
    [
      'port 25 answered by somebody else; hops that are silent, or answer seldom',
      ['level3 intercept inline=true', 'cogent silent hop=2', 'telia limit hop=3'],
      { level3: ['intercepted', level3] },
    ],
  ])('%s', async (_, faults, rows) => {
    await put(...faults);
    const { json, code } = await uplinksProbe(lab);
    expectRows(json, rows);
    expect(code).toBe(Object.keys(rows).length === 0 ? 0 : 1);
    expect(json.destinations.map(({ verdict }) => verdict)).toEqual(['ok', 'ok', 'ok']);
  });

  test.each<[title: string, faults: readonly string[], words: readonly string[]]>([
    [
      'codes at the banner',
      ['gmail.example code reply=421_4.7.0_try_later', 'microsoft.example code reply=554_no'],
      [],
    ],
    [
      'codes at RCPT and at STARTTLS',
      [
        'gmail.example code at=rcpt reply=450_4.2.0_later',
        'microsoft.example code at=starttls reply=454_4.7.0_no',
      ],
      ['--rcpt'],
    ],
    ['connections reset, or refused', ['gmail.example reset at=accept', 'microsoft.example refused'], []],
    ['resets in the middle', ['gmail.example reset at=ehlo', 'microsoft.example reset at=tls'], []],
    ['no banner, and none after EHLO', ['gmail.example silent', 'microsoft.example hang at=ehlo'], []],
    [
      'hangs in TLS, and at RCPT',
      ['gmail.example hang at=tls', 'microsoft.example hang at=rcpt'],
      ['--rcpt'],
    ],
    [
      "certificates that expired, or are another's",
      ['gmail.example certificate reply=expired', 'microsoft.example certificate reply=wrong-name'],
      [],
    ],
    [
      'a tarpit, and a banner without an end',
      ['gmail.example tarpit ms=3000', 'microsoft.example endless'],
      [],
    ],
    [
      'a line of a megabyte, and an EHLO without an end',
      ['gmail.example long-line', 'microsoft.example endless at=ehlo'],
      [],
    ],
  ])('servers: %s', async (_, faults, words) => {
    await put(...faults);
    const { json, code } = await uplinksProbe(lab, words);
    expect(json.destinations.map(({ destination, verdict }) => `${destination} ${verdict}`)).toEqual([
      'gmail remote',
      'microsoft remote',
      'yahoo ok',
    ]);
    // No uplink is blamed, and in IPv6 nothing is left to judge by.
    for (const { uplink, family, verdict, hop } of json.verdicts) {
      expect(`${uplink} v${family} ${verdict}`).toBe(
        `${uplink} v${family} ${family === 4 ? 'ok' : 'unknown'}`,
      );
      expect(hop).toBeNull();
    }
    expect(code).toBe(1);
    expect(json.took_ms).toBeLessThan(WITH_HOP_MS);
  });

  test('one server that refuses one provider only is no fault of the provider', async () => {
    await put('yahoo.example code from=telia reply=421_4.7.0_[TSS04]_this_address');
    const { json } = await uplinksProbe(lab);
    expectRows(json, {});
    const cell = json.cells.find(({ uplink, destination }) => uplink === 'telia' && destination === 'yahoo');
    expect(cell).toMatchObject({ verdict: 'refused', family: 4 });
    expect(cell?.evidence).toContain('[TSS04] this address');
  });

  test('texts of servers reach no terminal as they are', async () => {
    await put('gmail.example escapes', 'microsoft.example nul', 'yahoo.example escapes at=ehlo');
    const screen = await uplinksMailctl(lab, ['probe', '-o', 'table']);
    expect(screen.stdout + screen.stderr).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]/);
  });

  test('the ways side by side: where the bad one parts from the good', async () => {
    await put('level3 size n=500');
    const { stdout, code } = await uplinksMailctl(lab, ['probe', 'route', 'gmail.example', '-o', 'json']);
    const { routes } = JSON.parse(stdout) as {
      routes: readonly {
        uplink: string;
        verdict: string;
        hop: { ttl: number; name: string } | null;
        joins: unknown;
      }[];
    };
    expect(code).toBe(1);
    expect(
      routes.map(({ uplink, verdict, hop }) => `${uplink} ${verdict} ${hop?.ttl ?? '-'} ${hop?.name ?? '-'}`),
    ).toEqual(['cogent ok - -', 'level3 hangs 2 ae5.r2.level3.example', 'telia ok - -']);
    expect(routes[1]?.joins).toEqual({ ttl: 3, with: ['cogent', 'telia'] });
  });

  test('interrupted, it leaves nothing on the host', async () => {
    await put('level3 blackhole');
    const running = startUplinksMailctl(lab, ['probe']);
    await new Promise((resolve) => setTimeout(resolve, 2500));
    running.child.kill('SIGINT');
    const { code } = await running.ended;
    expect(code).not.toBe(0);
    const { inMailHost } = await import('./uplinks.js');
    const { waitUntil } = await import('./run.js');
    const isGone = async () =>
      (await inMailHost(lab, ['ps', '-eo', 'args'])).stdout.match(/sub errqueue/) === null;
    expect(await waitUntil(isGone, 10_000, 200)).toBe(true);
  });
});
