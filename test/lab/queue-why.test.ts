/** Why mail waits and what was refused at once, from mx1's real Postfix and its log, against a receiver of ours. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeUnless } from '../support/unless.js';
import { fail, inHost, type Lab, takeDown, up, waitUntil, whyNoLab } from './lab.js';
import { mailctl, mailctlJson } from './mailctl.js';
import { type Receiver, startReceiver } from './receiver.js';
import { bastionAddress } from './spec.js';

interface Why {
  readonly schema: string;
  readonly complete: boolean;
  readonly queue: { readonly messages: number };
  readonly log: {
    readonly sent: number;
    readonly bounced: number;
    readonly destinations: readonly {
      readonly destination: string;
      readonly sent: number;
      readonly bounced: number;
    }[];
  } | null;
  readonly causes: readonly {
    readonly cause: string;
    readonly title: string;
    readonly code: string;
    readonly act: string | null;
    readonly messages: number;
    readonly waiting: { readonly messages: number };
    readonly log: { readonly deferred: number; readonly bounced: number };
    readonly our_addresses: readonly string[];
    readonly first_seen: string | null;
    readonly destinations: readonly { readonly destination: string }[];
  }[];
  readonly errors: readonly unknown[];
}

describeUnless(whyNoLab(), 'queue why', () => {
  let lab: Lab;
  let receiver: Receiver;
  const shell = async (script: string) => (await inHost(lab, 'mx1', ['sh', '-c', script])).stdout;
  const send = (count: number, recipient: string) =>
    shell(
      `for i in $(seq ${count}); do printf 'Subject: t\\n\\nt\\n' | sendmail -f ann@example.net "$0"; done`.replace(
        '"$0"',
        recipient,
      ),
    );

  beforeAll(async () => {
    lab = await up({ slots: 1, forTests: true });
    receiver = await startReceiver(
      2525,
      {
        'blocked.example':
          "550 5.7.1 Unfortunately, messages from [192.0.2.14] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150).",
        'limited.example':
          '451 4.7.650 The mail server [192.0.2.14] has been temporarily rate limited due to IP reputation. (S775)',
        'busy.example': '421 4.3.2 Service not available, closing transmission channel',
        'grey.example': '450 4.2.0 <x@grey.example>: Recipient address rejected: Greylisted, see help',
        'odd.example': '450 4.9.9 \u001b]0;pwned\u0007 the moon is wrong for 10.1.2.3',
      },
      { hangsAt: 'hangs.example' },
    );
    await shell(
      `postconf -e transport_maps= 'relayhost = [${bastionAddress}]:2525' minimal_backoff_time=1h maximal_backoff_time=1h queue_run_delay=1h default_destination_recipient_limit=1 smtp_destination_concurrency_failed_cohort_limit=0 && postfix reload 2> /dev/null`,
    );
  }, 120_000);
  afterAll(async () => {
    await receiver?.close();
    await takeDown();
  });

  test('a blocklisted address is seen by the log alone: the queue is empty', async () => {
    await send(3, 'bo@blocked.example');
    await send(2, 'bo@ok.example');
    await waitUntil(
      async () => (await shell('grep -c status=bounced /var/log/mail.log || true')).trim() === '3',
      20_000,
    );
    await waitUntil(async () => receiver.taken() >= 2, 20_000);
    const why = await mailctlJson<Why>(lab, ['queue', 'why', '--no-dns']);
    expect(why.code).toBe(0);
    expect(why.json.schema).toBe('mailctl/queue-why/v1');
    expect(why.json.causes.find(({ cause }) => cause === 'blocklist-microsoft')).toMatchObject({
      title: 'our IP blocklisted, S3150',
      code: '550 5.7.1',
      act: 'delist',
      messages: 3,
      waiting: { messages: 0 },
      our_addresses: ['192.0.2.14'],
      destinations: [{ destination: 'blocked.example' }],
    });
    expect(why.json.log?.destinations).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ destination: 'blocked.example', bounced: 3, sent: 0 }),
        expect.objectContaining({ destination: 'ok.example', sent: 2 }),
      ]),
    );
  }, 60_000);

  test('what waits is told by cause, with what clears it, and agrees with the queue', async () => {
    await send(4, 'bo@limited.example');
    await send(2, 'bo@grey.example');
    await send(1, 'bo@odd.example');
    await send(1, 'bo@busy.example');
    const waiting = async () =>
      (await shell('postqueue -j')).split('\n').filter((line) => line.includes('delay_reason')).length;
    await waitUntil(async () => (await waiting()) === 8, 20_000);
    const { json } = await mailctlJson<Why>(lab, ['queue', 'why', '--no-dns']);
    const of = (id: string) => json.causes.find(({ cause }) => cause === id);
    expect(of('rate-limit-reputation')).toMatchObject({
      code: '451 4.7.650',
      waiting: { messages: 4 },
      log: { deferred: 4 },
    });
    expect(of('greylisting')).toMatchObject({ code: '450 4.2.0', waiting: { messages: 2 } });
    expect(of('their-side-busy')).toMatchObject({ code: '421 4.3.2', waiting: { messages: 1 } });
    expect(json.causes.reduce((sum, { waiting: one }) => sum + one.messages, 0)).toBe(8);
    expect(of('rate-limit-reputation')?.first_seen).not.toBeNull();

    const screen = await mailctl(lab, ['queue', 'why', '--no-dns', '-o', 'table']);
    expect(screen.stdout).toContain('NO: delist');
    expect(screen.stdout).toMatch(/rate limit by rep.* slowly/);
    expect(screen.stdout).not.toContain('\u001b');
    const narrow = await mailctlJson<Why>(lab, ['queue', 'why', '--no-dns', '--destination', 'grey*']);
    expect(narrow.json.queue.messages).toBe(2);
    expect(narrow.json.causes.map(({ cause }) => cause)).toEqual(['greylisting']);
  }, 60_000);

  test('connections that hang are seen with how long they have been quiet', async () => {
    await send(3, 'bo@hangs.example');
    expect(await waitUntil(() => receiver.open() >= 3, 20_000)).toBe(true);
    interface Connections {
      readonly destinations: readonly {
        readonly destination: string;
        readonly open: number;
        readonly believed: number | null;
        readonly waiting: number;
        readonly states: readonly { readonly state: string; readonly longest_quiet_s: number | null }[];
      }[];
    }
    const words = ['queue', 'connections', '--port', '2525', '--no-dns', '-H', 'mx1'];
    const { code, json } = await mailctlJson<Connections>(lab, words);
    expect(code).toBe(0);
    const far = json.destinations.find(({ destination }) => destination === bastionAddress);
    expect(far).toMatchObject({ open: receiver.open(), believed: null });
    expect(far?.states.find(({ state }) => state === 'established')?.longest_quiet_s).not.toBeNull();
    expect(json.destinations.find(({ destination }) => destination === 'hangs.example')?.waiting).toBe(3);
    const screen = await mailctl(lab, [...words, bastionAddress, '-o', 'table']);
    expect(screen.stdout).toContain(`${receiver.open()} established`);
  }, 60_000);

  test('a host that is away is named once, and the exit code is 3', async () => {
    await fail(lab, 'imap21');
    const words = ['queue', 'why', '--no-dns', '-H', 'mx1', '-H', 'imap21'];
    const { code, json } = await mailctlJson<Why>(lab, words);
    expect(code).toBe(3);
    expect(json.complete).toBe(false);
    expect(json.errors).toMatchObject([{ host: 'imap21' }]);
    expect(json.causes.length).toBeGreaterThan(0);
  }, 60_000);
});
