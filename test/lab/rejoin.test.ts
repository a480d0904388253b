/** A host that was failed over comes back: everything that was only on its disk, and nothing that was deleted since. */
import fs from 'node:fs';
import path from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { describeUnless } from '../support/unless.js';
import { fail, type Lab, lag, returnHost, runningRole, sleep, takeDown, up, whyNoLab } from './lab.js';
import { append, asUser, contentOf } from './mail-users.js';
import { mailctlJson, startMailctl } from './mailctl.js';

const reason = whyNoLab();

interface RejoinDocument {
  readonly schema: string;
  readonly run: string | null;
  readonly outcome: string;
  readonly slots: readonly {
    readonly slot: string;
    readonly host: string;
    readonly outcome: string;
    readonly replayed_events: number | null;
    readonly new_users: readonly string[];
    readonly dropped: readonly { readonly mailbox: string; readonly events: number }[];
    readonly conflicts: readonly { readonly mailbox: string }[];
    readonly not_brought: readonly { readonly who: string; readonly why: string }[];
    readonly kept_in: string | null;
  }[];
}

const rejoin = (lab: Lab, ...words: string[]) => mailctlJson<RejoinDocument>(lab, ['rejoin', ...words]);

/** The hosts of each slot's story: its master, and where it went. */
interface Story {
  readonly slot: string;
  readonly next: string;
  /** Message-IDs that must be there in the end, by user and folder. */
  readonly wanted: Map<string, string[]>;
}

const want = ({ wanted }: Story, user: string, folder: string, id: string) =>
  void wanted.set(`${user} ${folder}`, [...(wanted.get(`${user} ${folder}`) ?? []), id]);

/** What both sides have in common. */
async function begin(lab: Lab, story: Story): Promise<void> {
  await asUser(lab, story.slot, 'imap21', 'ann', async (session) => {
    for (const folder of ['Gone', 'There', 'Here', 'Out', "it's (odd)"]) {
      await session.command(`CREATE "${folder}"`);
      const id = await append(session, folder);
      if (folder === 'There') want(story, 'ann', 'Renamed there', id);
      if (folder === 'Here') want(story, 'ann', 'Renamed here', id);
      if (folder.startsWith('it')) want(story, 'ann', folder, id);
    }
  });
  await asUser(lab, story.slot, 'imap21', 'ben', async (session) => {
    await append(session, 'INBOX');
    for (let n = 0; n < 2; n++) want(story, 'ben', 'INBOX', await append(session, 'INBOX'));
  });
  await asUser(lab, story.slot, 'imap21', 'carl', (session) => append(session, 'INBOX'));
}

/** What happens on the old master after its replication has stopped. */
async function onlyThere(lab: Lab, story: Story): Promise<void> {
  const { slot } = story;
  await lag(lab, slot, { messages: 1, user: 'probe' });
  await asUser(lab, slot, 'imap21', 'ann', async (session) => {
    want(story, 'ann', 'INBOX', await append(session, 'INBOX'));
    await append(session, 'Gone');
    want(story, 'ann', 'Renamed there', await append(session, 'There'));
    want(story, 'ann', 'Renamed here', await append(session, 'Here'));
    want(story, 'ann', "it's (odd)", await append(session, "it's (odd)"));
    await session.command('RENAME Here "Renamed here"');
    await session.command('DELETE Out');
  });
  await asUser(lab, slot, 'imap21', 'ben', async (session) =>
    want(story, 'ben', 'INBOX', await append(session, 'INBOX')),
  );
  await asUser(lab, slot, 'imap21', 'carl', (session) => append(session, 'INBOX'));
  await asUser(lab, slot, 'imap21', 'cyrus', (session) => session.command('CREATE user/new.user'));
  await asUser(lab, slot, 'imap21', 'new.user', async (session) => {
    await session.command('CREATE Sub');
    want(story, 'new.user', 'INBOX', await append(session, 'INBOX'));
    want(story, 'new.user', 'Sub', await append(session, 'Sub'));
  });
}

/** What happens on the new master while the old one is away. */
async function onlyHere(lab: Lab, story: Story): Promise<void> {
  const { slot, next } = story;
  await asUser(lab, slot, next, 'ann', async (session) => {
    want(story, 'ann', 'INBOX', await append(session, 'INBOX'));
    await session.command('DELETE Gone');
    await session.command('RENAME There "Renamed there"');
    await session.command('CREATE Made');
    want(story, 'ann', 'Made', await append(session, 'Made'));
  });
  await asUser(lab, slot, next, 'ben', async (session) => {
    await session.command('SELECT INBOX');
    await session.command('STORE 1 +FLAGS (\\Deleted)');
    await session.command('EXPUNGE');
    want(story, 'ben', 'INBOX', await append(session, 'INBOX'));
  });
  await asUser(lab, slot, next, 'cyrus', async (session) => {
    await session.command('SETACL user/carl cyrus lrswipkxtecda');
    await session.command('DELETE user/carl');
    await session.command('CREATE user/eve');
  });
  await asUser(lab, slot, next, 'eve', async (session) =>
    want(story, 'eve', 'INBOX', await append(session, 'INBOX')),
  );
}

/** Every message that is wanted is on the master, in its folder, and nothing else of these users is. */
async function expectWhole(lab: Lab, story: Story): Promise<void> {
  for (const user of ['ann', 'ben', 'eve', 'new.user']) {
    const content = await contentOf(lab, story.slot, story.next, user);
    const wanted = [...story.wanted]
      .filter(([key]) => key.startsWith(`${user} `))
      .map(([key, ids]) => [key.slice(user.length + 1), ids.toSorted()] as const);
    const folders = new Map(wanted);
    if (!folders.has('INBOX')) folders.set('INBOX', []);
    expect(new Map([...content].sort()), `${story.slot} ${user}`).toEqual(new Map([...folders].sort()));
  }
  const gone = await contentOf(lab, story.slot, story.next, 'carl');
  expect([...gone.keys()], `${story.slot}: carl was deleted`).toEqual([]);
}

/** All copies are equal by content, and all slots are well. */
async function expectEqual(lab: Lab): Promise<void> {
  const verified = await mailctlJson<{
    copies: readonly { slot: string; replica: string; state: string; reason: string | null }[];
  }>(lab, ['replication', 'verify']);
  expect(verified.json.copies.map(({ slot, replica, state }) => `${slot} ${replica} ${state}`)).toEqual(
    verified.json.copies.map(({ slot, replica }) => `${slot} ${replica} equal`),
  );
  const listed = await mailctlJson<{ slots: readonly { slot: string; verdict: string }[] }>(lab, [
    'slots',
    'list',
  ]);
  expect(listed.json.slots.map(({ verdict }) => verdict)).toEqual(listed.json.slots.map(() => 'healthy'));
  expect(listed.code).toBe(0);
}

/** Kills the rejoin when its journal has so many lines; `home` is a state directory in which it is the only run. */
async function killAt(lab: Lab, words: readonly string[], lines: number, home: string): Promise<string> {
  const { child, ended } = startMailctl(lab, words, { env: { XDG_STATE_HOME: home } });
  let over = false;
  void ended.then(() => {
    over = true;
  });
  const dir = path.join(home, 'mailctl', 'runs');
  for (;;) {
    const [file] = fs.existsSync(dir) ? fs.readdirSync(dir) : [];
    const found =
      file === undefined ? 0 : fs.readFileSync(path.join(dir, file), 'utf8').split('\n').length - 1;
    if (found >= lines || over) {
      child.kill('SIGKILL');
      const ran = await ended;
      if (ran.code !== null) throw new Error(`it ended before it could be killed: ${ran.stderr}`);
      return (file as string).replace('.ndjson', '');
    }
    await sleep(2);
  }
}

describeUnless(reason, 'a rejoin on real servers', () => {
  let lab: Lab | undefined;
  afterEach(async () => {
    if (lab !== undefined) await takeDown(lab.paths);
    lab = undefined;
  });

  test('brings every message and user over and resurrects nothing, also when it is killed in the middle', async () => {
    const here = await up({ slots: 3, forTests: true });
    lab = here;
    const stories = here.slots.map(
      ({ slot, replicas }): Story => ({ slot, next: replicas[0] as string, wanted: new Map() }),
    );
    await Promise.all(stories.map((story) => begin(here, story)));
    await sleep(2000);
    await Promise.all(stories.map((story) => onlyThere(here, story)));
    await fail(here, 'imap21');
    const accepted = stories.flatMap(({ slot }) => ['--accept-loss', slot]);
    const moved = await mailctlJson(here, ['failover', 'imap21', ...accepted, '--yes']);
    expect(moved.code, moved.stderr).toBe(0);
    await Promise.all(stories.map((story) => onlyHere(here, story)));
    const refused = await rejoin(here, 'imap21', '--yes');
    expect(refused.code).toBe(4);
    await returnHost(here, 'imap21', { boot: true });

    // In the middle of its steps: a resume, and another bastion that knows nothing of it.
    const [first, second, third] = stories as [Story, Story, Story];
    const homes = ['a', 'b'].map((name) => path.join(here.paths.dir, `home-${name}`)) as [string, string];
    const resumed = await killAt(here, ['rejoin', first.slot, '--yes'], 13, homes[0]);
    const left = await killAt(here, ['rejoin', second.slot, '--yes'], 17, homes[1]);
    const again = await mailctlJson<RejoinDocument>(here, ['runs', 'resume', resumed, '--yes'], {
      env: { XDG_STATE_HOME: homes[0] },
    });
    expect(
      again.json.slots.map(({ outcome }) => outcome),
      again.stderr,
    ).toEqual(['partial']);
    const other = await rejoin(here, second.slot, '--take-over', left, '--yes');
    expect(
      other.json.slots.map(({ outcome }) => outcome),
      other.stderr,
    ).toEqual(['partial']);
    const last = await rejoin(here, 'imap21', '--yes');
    expect(
      last.json.slots.map(({ slot }) => slot),
      last.stderr,
    ).toEqual([third.slot]);
    expect(last.code).toBe(3);
    const [document] = last.json.slots;
    expect(document?.new_users).toEqual(['new.user']);
    expect(document?.dropped.map(({ mailbox }) => mailbox)).toEqual(['user.ann.Gone', 'user.carl']);
    expect(document?.not_brought).toEqual([]);
    expect(document?.kept_in).toBe(`/srv/${third.slot}/conf/sync/rejoin/kept`);
    for (const story of stories) await expectWhole(here, story);
    await expectEqual(here);
    const nothing = await rejoin(here, 'imap21', '--yes');
    expect(nothing.code).toBe(0);
    expect(nothing.json.slots).toEqual([]);
  });

  test('brings both hosts of two replicas back, with an address of its own each, by sudo', async () => {
    const here = await up({ slots: 1, replicas: 2, layout: 'addresses', forTests: true });
    lab = here;
    const story: Story = { slot: 'store1', next: 'imap22', wanted: new Map() };
    await begin(here, story);
    await sleep(2000);
    await onlyThere(here, story);
    await fail(here, 'imap21');
    const moved = await mailctlJson(here, [
      'failover',
      'imap21',
      '--to',
      'imap22',
      '--accept-loss',
      'store1',
      '--yes',
    ]);
    expect(moved.code, moved.stderr).toBe(0);
    await onlyHere(here, story);
    await returnHost(here, 'imap21', { boot: true });
    const back = await rejoin(here, 'store1', '--yes');
    expect(
      back.json.slots.map(({ host }) => host),
      back.stderr,
    ).toContain('imap21');
    expect(back.json.slots.flatMap(({ not_brought }) => not_brought)).toEqual([]);
    await expectWhole(here, story);
    await expectEqual(here);
    const roles = here.slots[0]?.instances.map((one) => runningRole(here, one));
    expect(roles?.toSorted()).toEqual(['master', 'replica', 'replica']);
  });
});
