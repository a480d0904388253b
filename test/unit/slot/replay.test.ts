// What a rejoin sends of an old master's disk, and what it leaves out.
import { describe, expect, it } from 'vitest';
import type { LeftoverEvent, Mailbox } from '../../../src/slot/driver.js';
import { conflictsOf, planReplay } from '../../../src/slot/replay.js';
import type { Placement } from '../../../src/slot/users.js';

const live = (name: string, uniqueId = name): Mailbox => ({ name, uniqueId, deleted: false });
/** A tombstone, or what waits for its clean-up when the name says so. */
const gone = (name: string, uniqueId: string): Mailbox => ({ name, uniqueId, deleted: true });

const event = (
  kind: LeftoverEvent['kind'],
  mailboxes: readonly string[],
  more: Partial<LeftoverEvent> = {},
): LeftoverEvent => ({
  kind,
  user: null,
  mailboxes,
  line: `${kind} ${mailboxes.join(' ')}`,
  count: 1,
  ...more,
});
const mailbox = (name: string, count = 1) => event('mailbox', [name], { count });

function plan(
  old: readonly Mailbox[],
  next: readonly Mailbox[],
  events: readonly LeftoverEvent[] = [],
  placement: (user: string) => Placement = () => 'unknown',
) {
  return planReplay({ leftovers: { events }, old, next, placement });
}

describe('what is sent', () => {
  it('is each mailbox that the logs name and both sides have, once', () => {
    const both = [live('user.ann'), live('user.ann.Sent'), live('user.ben')];
    const found = plan(both, both, [mailbox('user.ann', 4), mailbox('user.ann'), mailbox('user.ben')]);
    expect(found.replay).toEqual({ mailboxes: [['user.ann'], ['user.ben']], users: [], lines: [] });
    expect(found.users).toEqual(['ann', 'ben']);
    expect(found.dropped).toEqual([]);
  });

  it('is what only the old side has, also when no log knows of it', () => {
    const found = plan(
      [live('user.ann'), live('user.ann.New'), live('user.dot^x'), live('user.dot^x.Sub'), live('shared.a')],
      [live('user.ann')],
    );
    expect(found.replay.mailboxes).toEqual([['shared.a'], ['user.ann.New']]);
    expect(found.replay.users).toEqual(['dot.x']);
    expect(found.users).toEqual(['ann', 'dot.x']);
    expect(found.shared).toEqual(['shared.a']);
  });

  it('is both names of what the old side renamed, at once or by several steps', () => {
    const old = [live('user.ann'), live('user.ann.C', 'x'), gone('user.ann.A', 'x')];
    const next = [live('user.ann'), live('user.ann.A', 'x')];
    const events = [
      event('rename', ['user.ann.A', 'user.ann.B']),
      event('rename', ['user.ann.B', 'user.ann.C']),
      mailbox('user.ann.C'),
    ];
    expect(plan(old, next, events).replay.mailboxes).toEqual([['user.ann.A', 'user.ann.C']]);
  });

  it('is the delete of a folder, but never of an INBOX that the new master has served since', () => {
    const old = [
      live('user.ann'),
      gone('DELETED.user.ann.Out.6B01F0C1', 'out'),
      gone('DELETED.user.ben.6B01F0C2', 'ben'),
    ];
    const next = [live('user.ann'), live('user.ann.Out', 'out'), live('user.ben', 'ben')];
    const events = [
      event('rename', ['user.ann.Out', 'DELETED.user.ann.Out.6B01F0C1']),
      event('rename', ['user.ben', 'DELETED.user.ben.6B01F0C2']),
      event('deleted-user', [], { user: 'ben' }),
    ];
    const found = plan(old, next, [
      ...events,
      mailbox('DELETED.user.ann.Out.6B01F0C1'),
      mailbox('DELETED.user.ben.6B01F0C2'),
    ]);
    expect(found.replay.mailboxes).toEqual([['user.ann.Out', 'DELETED.user.ann.Out.6B01F0C1']]);
    expect(found.dropped).toEqual([]);
  });

  it('is the settings of users that both have, and not of what is left out', () => {
    const old = [live('user.ann'), live('user.ann.Gone', 'g'), live('user.new')];
    const next = [live('user.ann'), gone('user.ann.Gone', 'g'), gone('DELETED.user.ann.Gone.6B', 'g')];
    const settings = (user: string, ...names: string[]) => event('settings', names, { user });
    const found = plan(old, next, [
      settings('ann', 'user.ann'),
      settings('ann', 'user.ann.Gone'),
      settings('new', 'user.new'),
      event('settings', ['user.ann'], { line: 'QUOTA user.ann' }),
    ]);
    expect(found.replay.lines).toEqual(['QUOTA user.ann', 'settings user.ann']);
    expect(found.replay.users).toEqual(['new']);
  });

  it('is all mailboxes of a user whom a log names whole', () => {
    const both = [live('user.ann'), live('user.ann.A'), live('user.ben')];
    const found = plan(both, both, [event('user', [], { user: 'ann' })]);
    expect(found.replay.mailboxes).toEqual([['user.ann'], ['user.ann.A']]);
  });
});

describe('what is left out', () => {
  const carl = [live('user.carl', 'c'), live('user.carl.Sub', 's')];
  const withoutCarl = [
    gone('user.carl', 'c'),
    gone('DELETED.user.carl.6B01F3CD', 'c'),
    gone('user.carl.Sub', 's'),
    gone('DELETED.user.carl.Sub.6B01F3CD', 's'),
  ];

  it('is what the new master deleted, with the changes that nobody else has', () => {
    const found = plan(carl, withoutCarl, [mailbox('user.carl', 2)]);
    expect(found.replay).toEqual({ mailboxes: [], users: [], lines: [] });
    expect(found.dropped.map(({ mailbox: name, user, events }) => [name, user, events])).toEqual([
      ['user.carl', 'carl', 2],
      ['user.carl.Sub', 'carl', 0],
    ]);
  });

  it('is a new folder of a user whom the new master deleted', () => {
    const found = plan([...carl, live('user.carl.New', 'n')], withoutCarl, [mailbox('user.carl.New')]);
    expect(found.replay.mailboxes).toEqual([]);
    expect(found.dropped.map(({ mailbox: name }) => name)).toContain('user.carl.New');
  });

  it('is the same after the old side has taken the deletes, where a rejoin was interrupted', () => {
    const after = [
      gone('user.carl', 'c'),
      gone('DELETED.user.carl.6B01F3CD', 'c'),
      gone('user.carl.Sub', 's'),
      live('user.carl.New', 'n'),
    ];
    const found = plan(after, withoutCarl, [mailbox('user.carl', 2), mailbox('user.carl.New')]);
    expect(found.replay.mailboxes).toEqual([]);
    expect(found.dropped.map(({ mailbox: name, events }) => [name, events])).toEqual([
      ['user.carl', 2],
      ['user.carl.New', 1],
    ]);
  });

  it('is not a user who was deleted long ago and made anew on the old side', () => {
    const old = [gone('user.carl', 'before'), live('user.carl', 'now')];
    const found = plan(old, [gone('user.carl', 'before')], [mailbox('user.carl')]);
    expect(found.dropped).toEqual([]);
    expect(found.replay.mailboxes).toEqual([['user.carl']]);
  });

  it('is a user whom the site places elsewhere by now', () => {
    const both = [live('user.ann'), live('user.ben')];
    const placement = (user: string): Placement => (user === 'ben' ? 'elsewhere' : 'here');
    const found = plan(both, [live('user.ann')], [mailbox('user.ann'), mailbox('user.ben')], placement);
    expect(found.replay.mailboxes).toEqual([['user.ann']]);
    expect(found.dropped).toMatchObject([{ user: 'ben', events: 1 }]);
  });

  it('is the old name of what the new master renamed; the user is made equal instead', () => {
    const old = [live('user.ann'), live('user.ann.F', 'f')];
    const next = [live('user.ann'), live('user.ann.G', 'f'), gone('user.ann.F', 'f')];
    const found = plan(old, next, [mailbox('user.ann.F')]);
    expect(found.replay.mailboxes).toEqual([]);
    expect(found.dropped).toEqual([]);
    expect(found.users).toEqual(['ann']);
    expect(found.renamed).toEqual(['user.ann.F']);
  });
});

describe('one name with two ids', () => {
  const old = [live('user.ann'), live('user.new', 'old')];
  const next = [live('user.ann'), live('user.new', 'next')];

  it('is a conflict, and nothing of it is sent', () => {
    const found = plan(old, next, [mailbox('user.new'), event('settings', [], { user: 'new' })]);
    expect(found.replay).toEqual({ mailboxes: [], users: [], lines: [] });
    expect(found.conflicts).toEqual([{ mailbox: 'user.new', user: 'new', oldId: 'old', nextId: 'next' }]);
    expect(found.users).toEqual([]);
    expect(conflictsOf(old, next)).toEqual(found.conflicts);
  });

  it('is none where the new master deleted the one and made another', () => {
    const made = [live('user.ann'), live('user.new', 'next'), gone('DELETED.user.new.6B', 'old')];
    expect(conflictsOf(old, made)).toEqual([]);
    expect(plan(old, made, [mailbox('user.new')]).dropped).toMatchObject([{ mailbox: 'user.new' }]);
  });
});
