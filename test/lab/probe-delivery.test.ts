/** A delivery on real servers: handed to Postfix, filed by Cyrus, found by IMAP, removed; and what is not sent at all. */
import fs from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { describeUnless } from '../support/unless.js';
import { type Lab, takeDown, up, whyNoLab } from './lab.js';
import { mailctl, mailctlJson } from './mailctl.js';

interface DeliveryDocument {
  readonly deliveries: readonly {
    readonly delivery: string;
    readonly verdict: string;
    readonly message_id: string | null;
    readonly folder: string | null;
    readonly hops: readonly { readonly by: string | null; readonly seconds: number | null }[];
    readonly cleaned: boolean | null;
    readonly why: string | null;
    readonly handed: { readonly code: number | null; readonly phase: string } | null;
  }[];
}

describeUnless(whyNoLab(), 'mailctl probe delivery', () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await up({ slots: 1, forTests: true });
    const file = lab.paths.mailctlYaml;
    const config = parse(fs.readFileSync(file, 'utf8')) as Record<string, unknown>;
    const { stores } = config as { stores: { test_account: { user: string; password_file: string } } };
    const imap = { server: '198.51.100.21:10143', ...stores.test_account };
    const mail = {
      to: 'probe@store1.lab.example',
      from: 'probe@store1.lab.example',
      host: 'mx1',
      timeout: '20s',
    };
    config.deliveries = {
      good: { ...mail, imap: { ...imap, from: 'imap21' } },
      // Over the network without TLS: no password leaves.
      'in-the-clear': { ...mail, imap: { ...imap, from: 'mx1' } },
      lost: { ...mail, to: 'nobody@store1.lab.example', timeout: '3s', imap: { ...imap, from: 'imap21' } },
    };
    fs.writeFileSync(file, stringify(config));
  });
  afterAll(async () => {
    if (lab !== undefined) await takeDown(lab.paths);
  });

  test('a message is found in INBOX with its hops, and removed', async () => {
    const { code, json } = await mailctlJson<DeliveryDocument>(lab, ['probe', 'delivery', 'good']);
    expect(code).toBe(0);
    const [seen] = json.deliveries;
    expect(seen).toMatchObject({
      verdict: 'delivered',
      folder: 'INBOX',
      cleaned: true,
      handed: { code: 250 },
    });
    expect(seen?.hops.map(({ by }) => by)).toEqual(['mx1.lab.example', 'imap.lab.example']);
  });

  test('what cannot be looked into gets no message, and what is lost is told by its name', async () => {
    const { code, json } = await mailctlJson<DeliveryDocument>(lab, [
      'probe',
      'delivery',
      'in-the-clear',
      'lost',
    ]);
    expect(code).toBe(3);
    const [clear, lost] = json.deliveries;
    expect(clear).toMatchObject({ verdict: 'unknown', message_id: null, handed: null });
    expect(clear?.why).toContain('nothing was sent');
    expect(lost).toMatchObject({ verdict: 'not-seen', message_id: expect.stringMatching(/^<mailctl\..*>$/) });
  });

  test('a name that is none is a mistake', async () => {
    expect((await mailctl(lab, ['probe', 'delivery', 'nope'])).code).toBe(2);
  });
});
