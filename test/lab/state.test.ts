/** The directory on a real PostgreSQL server: a failover by it, without it, told later; and the map off the hosts. */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { noPostgres, startPostgres, type TestPostgres } from '../support/postgres.js';
import { describeUnless } from '../support/unless.js';
import { fail, type Lab, returnHost, runningRole, takeDown, up, whyNoLab } from './lab.js';
import { type MailctlOptions, mailctl, mailctlJson } from './mailctl.js';

interface FailoverDocument {
  readonly run: string | null;
  readonly outcome: string;
  readonly slots: readonly {
    readonly slot: string;
    readonly outcome: string;
    readonly gate: string | null;
  }[];
  readonly errors: readonly { readonly code: string; readonly hint: string | null }[];
}

describeUnless(whyNoLab() ?? noPostgres, 'a directory on a server', () => {
  let lab: Lab;
  let server: TestPostgres;
  let site: MailctlOptions;
  let other: MailctlOptions;
  beforeAll(async () => {
    [lab, server] = await Promise.all([up({ slots: 3, forTests: true }), startPostgres()]);
    await server.psql("CREATE ROLE ann LOGIN PASSWORD 's3cret'");
    await server.psql('CREATE DATABASE site OWNER ann');
    const base = path.join(lab.paths.dir, 'postgres');
    fs.mkdirSync(base, { recursive: true });
    fs.writeFileSync(path.join(base, 'db.pw'), 's3cret\n', { mode: 0o600 });
    const text = fs
      .readFileSync(lab.paths.mailctlYaml, 'utf8')
      .replace(
        /directory:\n {2}url: .*\n/,
        `directory:\n  url: postgres://ann@127.0.0.1:${server.port}/site\n  password_file: db.pw\nstate:\n  url: sqlite:samples.db\n`,
      );
    fs.writeFileSync(path.join(base, 'mailctl.yaml'), text, { mode: 0o600 });
    const env = (home: string) => ({
      env: { MAILCTL_CONFIG: path.join(base, 'mailctl.yaml'), XDG_STATE_HOME: path.join(base, home) },
    });
    site = env('home');
    other = env('other');
  });
  afterAll(async () => {
    await server?.dispose();
    if (lab !== undefined) await takeDown(lab.paths);
  });
  const failover = (words: readonly string[], options = site) =>
    mailctlJson<FailoverDocument>(lab, ['failover', ...words], options);
  const masters = async () =>
    (await server.psql('SELECT slot, master FROM slots ORDER BY slot', 'site')).split('\n');
  const roles = (host: string) =>
    lab.slots.map(({ instances }) => {
      const instance = instances.find((one) => one.host === host);
      return instance === undefined ? 'none' : runningRole(lab, instance);
    });

  test('is filled by an import, and failed over by', async () => {
    const imported = await mailctl(lab, ['slots', 'import', lab.paths.slotsYaml, '--yes'], site);
    expect([imported.code, imported.stderr]).toEqual([0, '']);
    expect((await mailctl(lab, ['slots', 'list'], site)).code).toBe(0);
    const there = await failover(['imap21', '--yes']);
    expect([there.code, there.json.outcome]).toEqual([0, 'done']);
    expect(await masters()).toEqual(['store1|imap22', 'store2|imap23', 'store3|imap22']);
    const back = await failover(['imap22', 'imap23', '--yes']);
    expect([back.code, back.json.outcome]).toEqual([0, 'done']);
    expect(`${there.stdout}${there.stderr}`).not.toContain('s3cret');
  });

  test('lost: it is rebuilt from the hosts', async () => {
    await server.psql('DELETE FROM slots; DELETE FROM instances', 'site');
    const found = await mailctl(lab, ['slots', 'discover', '--yes'], site);
    expect([found.code, found.stderr]).toEqual([0, '']);
    expect(await masters()).toEqual(['store1|imap21', 'store2|imap21', 'store3|imap21']);
    expect((await mailctl(lab, ['slots', 'list'], site)).code).toBe(0);
  });

  test('away: refused before anything is stopped, with the whole command that would go on', async () => {
    await server.stop('immediate');
    const refused = await failover(['imap21', '--yes']);
    expect([refused.code, refused.json.outcome]).toEqual([4, 'refused']);
    expect(refused.stderr + refused.stdout).toMatch(
      /by the copy of .* ago and tell it later: mailctl failover imap21 --yes -o json --directory-later/,
    );
    // Another bastion that has never listed it has no copy to go by.
    const without = await failover(['imap21', '--yes', '--directory-later'], other);
    expect(without.code).toBe(4);
    expect(without.stderr + without.stdout).toContain('no copy of it was kept here either');
    expect(roles('imap21')).toEqual(['master', 'master', 'master']);
  });

  test('away, and the host is dead: only what was seen with own eyes goes, and the name is told later', async () => {
    await fail(lab, 'imap21');
    const refused = await failover(['imap21', '--directory-later', '--yes']);
    expect([refused.code, refused.json.slots.map(({ gate }) => gate)]).toEqual([
      4,
      ['not-proven-dead', 'not-proven-dead', 'not-proven-dead'],
    ]);
    const gone = await failover(['imap21', '--directory-later', '--fenced', 'console: off', '--yes']);
    expect([gone.code, gone.json.outcome]).toEqual([5, 'incomplete']);
    expect([roles('imap22'), roles('imap23')]).toEqual([
      ['master', 'none', 'master'],
      ['none', 'master', 'none'],
    ]);
    // Nothing is said twice while it is away, and nothing is undone.
    const again = await mailctl(lab, ['runs', 'resume', gone.json.run ?? '', '--yes'], site);
    expect(again.code).not.toBe(0);
    expect([roles('imap22'), roles('imap23')]).toEqual([
      ['master', 'none', 'master'],
      ['none', 'master', 'none'],
    ]);
    await server.start();
    expect(await masters()).toEqual(['store1|imap21', 'store2|imap21', 'store3|imap21']);
    // One slot is given to somebody else meanwhile: it is never overwritten.
    await server.psql(
      "UPDATE slots SET master = 'imap9', version = version + 1 WHERE slot = 'store3'",
      'site',
    );
    // The old host boots and brings its masters up, and the directory still names it.
    await returnHost(lab, 'imap21', { boot: true });
    expect(roles('imap21')).toEqual(['master', 'master', 'master']);
    const told = await failover(['store1', '--yes'], other);
    expect([told.code, told.json.outcome]).toEqual([6, 'busy']);
    // Another bastion, without the journal: the stray is stopped, the directory told.
    const taken = await failover(['store1', '--take-over', gone.json.run ?? '', '--yes'], other);
    expect([taken.code, taken.json.outcome]).toEqual([0, 'done']);
    expect((await masters())[0]).toBe('store1|imap22');
    expect(roles('imap21')[0]).toBe('stopped');
    const resumed = await mailctl(lab, ['runs', 'resume', gone.json.run ?? '', '--yes'], site);
    expect(resumed.code).toBe(5);
    expect(await masters()).toEqual(['store1|imap22', 'store2|imap23', 'store3|imap9']);
  });
});
