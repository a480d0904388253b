import { describe, expect, it } from 'vitest';
import { differingUsers, userOf } from '../../../src/slot/mailbox-lists.js';

const box = (name: string, uniqueId: string, deleted = false) => ({ name, uniqueId, deleted });

describe('differingUsers', () => {
  it('finds none in equal lists, in whatever order they come', () => {
    const here = [box('user.ann', 'a'), box('user.bob', 'b'), box('user.bob.Sent', 'c')];
    expect(differingUsers(here, here.toReversed())).toEqual([]);
  });

  it('finds a user lost by silent loss, a folder only there, and a mailbox created on both sides', () => {
    const here = [box('user.ann', 'a'), box('user.bob', 'b'), box('user.carol', 'c')];
    const there = [box('user.bob', 'b'), box('user.bob.Extra', 'e'), box('user.carol', 'X')];
    expect(differingUsers(here, there)).toEqual(['ann', 'bob', 'carol']);
  });

  it('does not count tombstones, on either side', () => {
    const here = [box('user.ann', 'a'), box('user.gone', 'g', true)];
    const there = [box('user.ann', 'a'), box('user.old', 'o', true)];
    expect(differingUsers(here, there)).toEqual([]);
  });

  it('counts a mailbox that is live on one side and a tombstone on the other', () => {
    expect(differingUsers([box('user.ann', 'a')], [box('user.ann', 'a', true)])).toEqual(['ann']);
  });

  it('leaves out mailboxes that are no user’s', () => {
    expect(differingUsers([box('shared.news', 's')], [])).toEqual([]);
  });
});

describe('userOf', () => {
  it.each([
    ['user.bob', 'bob'],
    ['user.bob.Sent Items', 'bob'],
    ['user.d^e.Drafts', 'd.e'],
    ['user/bob/x', 'bob'],
    ['example.org!user.bob.x', 'bob@example.org'],
    ['user', ''],
    ['users.bob', ''],
    ['shared.user.bob', ''],
    ['DELETED.user.bob.6B01F0C1', ''],
    ['user.', ''],
    ['', ''],
  ])('%s belongs to %j', (mailbox, user) => {
    expect(userOf(mailbox)).toBe(user);
  });
});
