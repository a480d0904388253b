/** `queue stats` beside the server's own figures, qshape's table cell by cell, and an MX that is gone. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeUnless } from '../support/unless.js';
import { fail, inHost, type Lab, takeDown, up, whyNoLab } from './lab.js';
import { mailctl, mailctlJson } from './mailctl.js';

const reason = whyNoLab();

interface Stats {
  readonly complete: boolean;
  readonly total: {
    readonly messages: number;
    readonly recipients: number;
    readonly size_bytes: number;
    readonly states: object;
  };
  readonly groups: readonly {
    readonly key: string;
    readonly recipients: number;
    readonly ages: readonly { readonly recipients: number }[];
  }[];
  readonly errors: readonly { readonly host: string; readonly code: string }[];
}

// Mail that waits, of four ages: the age of a message is its arrival's, which its queue id does not tell.
const FILL = `postconf -e defer_transports=smtp,lmtp && postfix reload
for i in 1 2 3 4 5 6; do
  printf 'Subject: x\\n\\nhi\\n' | sendmail -f "s$i@x.example" "u$i@gmail.com" "v$i@Gmail.com" "w$i@d$((i % 2)).example"
done
i=0
until [ "$(postqueue -j | grep -c '"deferred"')" = 6 ]; do i=$((i + 1)); [ $i -lt 100 ] || exit 1; sleep 0.1; done`;

describeUnless(reason, 'queue stats', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await up({ forTests: true, slots: 1 });
  }, 120_000);
  afterAll(async () => {
    if ((lab as Lab | undefined) !== undefined) await takeDown(lab.paths);
  });

  test('agrees with postqueue, and with qshape in every cell', async () => {
    await inHost(lab, 'mx1', ['sh', '-c', FILL]);
    const { code, json } = await mailctlJson<Stats>(lab, ['queue', 'stats', '--by', 'domain']);
    expect(code).toBe(0);
    expect(json.total).toMatchObject({ messages: 6, recipients: 18, states: { deferred: 6 } });
    const { stdout: text } = await inHost(lab, 'mx1', ['sh', '-c', 'qshape deferred']);
    const shape = text
      .trim()
      .split('\n')
      .slice(2)
      .map((line) => line.trim().split(/ +/))
      .map(([domain = '', ...cells]) => [domain, cells.map(Number)] as const);
    const ours = json.groups.map(
      ({ key, recipients, ages }) => [key, [recipients, ...ages.map((age) => age.recipients)]] as const,
    );
    expect(new Map(ours)).toEqual(new Map(shape));
  });

  test('an MX that is gone is named, and is no zero', async () => {
    await fail(lab, 'mx1');
    const { code, json } = await mailctlJson<Stats>(lab, ['queue', 'stats']);
    expect(code).toBe(3);
    expect(json.complete).toBe(false);
    expect(json.errors.map(({ host }) => host)).toEqual(['mx1']);
    expect((await mailctl(lab, ['queue', 'list'])).code).toBe(3);
  });
});
