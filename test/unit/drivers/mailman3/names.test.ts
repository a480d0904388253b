// What names of queue files say: those of a real spool, those that end a runner, and those that are nobody's.
import { describe, expect, it } from 'vitest';
import { parseQueueFile, poisonIn } from '../../../../src/drivers/mailman3/names.js';
import { fixture } from '../../../support/fake-transport.js';

const SHA = '98ef2cc3705eb45ce841f6be0afeb4a81235ae19';
const STEM = `1795289292.6499434+${SHA}`;
const parse = (path: string, type = 'f') => parseQueueFile('lists1', 'lists1', `${type} ${path}`);
const message = (path: string) => {
  const parsed = parse(path);
  if (parsed.kind !== 'message') throw new Error(`${path}: ${parsed.kind}`);
  return parsed.message;
};

describe('a name of a queue file', () => {
  it('of a real spool is a message, each', () => {
    const paths = fixture('mailman3/queue-files-3.3.8.txt')
      .trim()
      .split('\n')
      .map((line) => line.replace(/^queue\//, ''));
    expect(paths.length).toBe(9);
    for (const path of paths) expect(parse(path)).toMatchObject({ kind: 'message', poison: null });
  });

  it('gives the queue, the second it came into it, and nothing that it does not say', () => {
    expect(message(`out/${STEM}.pck`)).toEqual({
      queue: 'lists1:out',
      host: 'lists1',
      id: `out/${STEM}`,
      state: 'incoming',
      arrivedAt: 1_795_289_292,
      sizeBytes: 0,
      sender: null,
      submitter: null,
      recipients: [],
    });
  });

  it.each([
    [`out/${STEM}.pck`, 'incoming'],
    [`out/${STEM}.bak`, 'active'],
    [`retry/${STEM}.pck`, 'deferred'],
    [`shunt/${STEM}.pck`, 'shunt'],
    [`bad/${STEM}.psv`, 'corrupt'],
    [`.mailctl-hold/out/${STEM}.pck`, 'hold'],
    ['out/poison.pck', 'corrupt'],
  ])('%s is %s', (path, state) => {
    expect(message(path).state).toBe(state);
  });

  it('keeps its id while it is worked on and while it is held', () => {
    const ids = [`out/${STEM}.pck`, `out/${STEM}.bak`, `.mailctl-hold/out/${STEM}.pck`].map(
      (path) => message(path).id,
    );
    expect(new Set(ids)).toEqual(new Set([`out/${STEM}`]));
  });

  it.each([
    `out/${STEM}.pck.tmp`,
    `out/${STEM}.psv`,
    'out/README',
    'out/.pck',
    'out/x',
    '.mailctl-hold/out',
    '.mailctl-hold/manifest',
    '.mailctl-deleted/r1',
  ])('%s is none of a message', (path) => {
    expect(parse(path).kind).toBe('ignored');
  });

  it.each(['line.pck', 'a/b/c.pck', '', 'p\u001b[2J/x.pck'])('%j is malformed', (path) => {
    expect(parse(path).kind).toBe('malformed');
  });

  it('says that a name ends the runner that lists it, wherever there is a runner', () => {
    expect(parse('out/nothing.pck')).toMatchObject({ poison: 'no + in it' });
    expect(parse(`in/abc+${SHA}.pck`)).toMatchObject({ poison: 'no time before the +' });
    expect(parse('in/a.bak')).toMatchObject({ poison: 'no + in it' });
    expect(parse('out/a.pck', 'd')).toMatchObject({ poison: 'no + in it' });
    expect(parse('bad/a.psv')).toMatchObject({ poison: null });
    expect(parse('shunt/a.pck')).toMatchObject({ poison: null });
  });

  it.each(['1', '1.', '.5', '1e5', ' 1 ', '1_000', 'inf', '-nan', '1.5E-3'])(
    'float(%j) is no poison',
    (when) => {
      expect(poisonIn(`${when}+x`)).toBeNull();
    },
  );

  it.each(['', '.', '1__0', '0x10', '1e', 'e5', '1,5', 'infi', '1'.repeat(300_000)])(
    'float of %#. fails',
    (when) => {
      expect(poisonIn(`${when}+x`)).not.toBeNull();
    },
  );
});
