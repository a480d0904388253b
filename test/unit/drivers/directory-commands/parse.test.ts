import { describe, expect, it } from 'vitest';
import { parseDirectoryGet, parseDirectoryList } from '../../../../src/drivers/directory-commands/parse.js';
import { ParseError } from '../../../../src/errors.js';

const WHERE = 'output of site-dir';
const list = async (output: string) =>
  (await parseDirectoryList(output, WHERE)).map(({ slot, master, instances, state }) => [
    slot,
    master,
    instances
      .slice(1)
      .map(({ host }) => host)
      .join(),
    state,
  ]);

describe('parseDirectoryList', () => {
  const wanted = [
    ['store1', 'imap21', 'imap22,imap23', undefined],
    ['store2', 'imap22', '', 'readonly:imap23'],
  ];
  const objects = [
    { slot: 'store1', master: 'imap21', replicas: ['imap22', { host: 'imap23' }] },
    { slot: 'store2', master: 'imap22', replicas: [], state: 'readonly:imap23', rack: 4 },
  ];

  it.each([
    ['a JSON array', JSON.stringify(objects)],
    ['a JSON array over lines', JSON.stringify(objects, null, 2)],
    ['a JSON document', JSON.stringify({ slots: objects, count: 2 })],
    ['JSON lines', `${objects.map((item) => JSON.stringify(item)).join('\n')}\n\n`],
    ['JSON lines with CR', `\uFEFF${objects.map((item) => JSON.stringify(item)).join('\r\n')}\r\n`],
    [
      'YAML',
      '- slot: store1\n  master: imap21\n  replicas: [imap22, imap23]\n- {slot: store2, master: imap22, state: "readonly:imap23", rack: 4}\n',
    ],
    [
      'YAML in brackets',
      '[{slot: store1, master: imap21, replicas: [imap22, imap23]}, {slot: store2, master: imap22, state: "readonly:imap23"}]',
    ],
    ['tabs', 'store1\timap21\timap22,imap23\nstore2\timap22\t\treadonly:imap23\n'],
    [
      'tabs with a header, comments and CR',
      '# map\r\nslot\tmaster\treplicas\tstate\r\n\r\nstore1\timap21\timap22, imap23\r\nstore2\timap22\t\treadonly:imap23\r\n',
    ],
  ])('reads %s', async (_, output) => {
    expect(await list(output)).toEqual(wanted);
  });

  it('reads one slot as JSON on one line, and one line of tabs', async () => {
    expect(await list('{"slot":"s","master":"a"}\n')).toEqual([['s', 'a', '', undefined]]);
    expect(await list('s\ta')).toEqual([['s', 'a', '', undefined]]);
  });

  it.each(['', '\n', '\uFEFF\r\n\r\n', '# none yet\n', '[]', '{"slots":[]}'])(
    'takes %j for no slots',
    async (output) => {
      expect(await list(output)).toEqual([]);
    },
  );

  it.each([
    ['s1\ta\tb\ngarbage\n', `${WHERE}: line 2: expected slot TAB master`],
    ['s1\ta\tb\tnormal\tmore\n', `${WHERE}: line 1: expected slot TAB master`],
    ['# x\n\ns1\ta\tb\ns2\t\tb\n', `${WHERE}: line 4: slot "s2": host "" must not be empty`],
    ['s1\ta\ts2\ta\n', `${WHERE}: line 1: slot "s1": unknown state "a"`],
    ['s1\ta\tb,,c\n', `${WHERE}: line 1: slot "s1": host "" must not be empty`],
    ['s1\ta\n-rf\ta\n', `${WHERE}: line 2: slot "-rf" must not begin with "-"`],
    ['s1\ta\ns1\tb\n', `${WHERE}: line 2: slot "s1" is listed twice`],
    ['s1\ta\ns\u001b[2J\tb\n', `${WHERE}: line 2: slot "s\\u001b[2J" holds a control character`],
    ['{"slot":"s","master":"a"}\n{"slot":"t"\n', `${WHERE}: line 2: no valid JSON`],
    ['{"slot":"s","master":"a"}\n{"slot":"t"}\n', `${WHERE}: line 2: slot "t" has no master`],
    ['{"slot":"s","master":"a"}\n"x"\n', `${WHERE}: line 2: expected {slot, master, replicas}`],
    [
      '[{"slot":"s","master":"a"},{"slot":"../x","master":"a"}]',
      `${WHERE}: entry 2: slot "../x" must not hold a "/"`,
    ],
    ['[{"slot":"s","master":"a"},', `${WHERE}: line 1`],
    ['- slot: s\n  master: a\n- slot: t\n', `${WHERE}: line 3: slot "t" has no master`],
    ["ldap_bind: Can't contact LDAP server (-1)\n", `${WHERE}: line 1: expected a list of slots`],
    ['\u001b]0;title\u0007 \u009b31m', `${WHERE}: line 1`],
    ['{"slots":{"a":1}}', `${WHERE}: expected a list of slots`],
    ['null', `${WHERE}: line 1: expected a list`],
    ['7', `${WHERE}: line 1: expected a list`],
  ])('says which line of %j it does not understand', async (output, wanted) => {
    const error = await parseDirectoryList(output, WHERE).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ParseError);
    expect((error as Error).message).toContain(wanted);
    expect((error as Error).message).not.toMatch(/[\p{Cc}]/u);
    expect((error as Error).message.length).toBeLessThan(600);
  });

  it.each([
    'x'.repeat(1e7),
    'x\n'.repeat(5e6),
    '[['.repeat(100_000),
    '{"a":'.repeat(100_000),
    '- '.repeat(20_000),
    `[${','.repeat(1e7)}`,
    '- !!x y\n'.repeat(1e6),
    '{"slot":"s","master":"a"}\n'.repeat(100_000),
    `s\ta\t${'b,'.repeat(1e6)}`,
  ])(
    'is done with megabytes of nonsense in a moment (%#)',
    async (nonsense) => {
      await expect(parseDirectoryList(nonsense, WHERE)).rejects.toThrow(ParseError);
    },
    20_000,
  );

  it('reads a large directory as YAML no further than it is fast, and says what to print instead', async () => {
    const yaml = Array.from({ length: 5000 }, (_, i) => `- {slot: s${i}, master: a, replicas: [b]}`).join(
      '\n',
    );
    await expect(parseDirectoryList(yaml, WHERE)).rejects.toThrow('larger than 100000 characters');
    const tabs = Array.from({ length: 50_000 }, (_, i) => `s${i}\ta\tb`).join('\n');
    expect(await parseDirectoryList(tabs, WHERE)).toHaveLength(50_000);
  });
});

describe('parseDirectoryGet', () => {
  const get = (output: string) => parseDirectoryGet(output, 'store1', WHERE);

  it('reads a master and a state as words', () => {
    expect(get('imap21\n')).toEqual({ master: 'imap21', state: 'normal', entry: undefined });
    expect(get('  imap21\treadonly:imap22 \r\n')).toEqual({
      master: 'imap21',
      state: 'readonly:imap22',
      entry: undefined,
    });
  });

  it('reads JSON with and without the slot and its replicas', () => {
    expect(get('{"master":"imap21"}')).toEqual({ master: 'imap21', state: 'normal', entry: undefined });
    expect(
      get('{\n "slot":"store1","master":"imap21","replicas":["imap22"],"state":"readonly:imap22"}'),
    ).toMatchObject({
      master: 'imap21',
      state: 'readonly:imap22',
      entry: { slot: 'store1', instances: [{ host: 'imap21' }, { host: 'imap22' }] },
    });
    expect(get('[{"master":"imap21"}]')).toMatchObject({ master: 'imap21' });
  });

  it.each(['', '\n', ' \r\n', 'null'])('takes %j for a slot that is not there', (output) => {
    expect(get(output)).toBeUndefined();
  });

  it.each([
    ['imap21 normal now', 'at most two words'],
    ['imap21\nimap22', 'line 2: one line was expected'],
    ['imap21 broken', 'unknown state "broken"'],
    ['imap21 readonly:', 'unknown state "readonly:"'],
    ['-h', 'master "-h" must not begin with "-"'],
    ['imap\u001b[31m21', 'holds a control character'],
    ['{"master":', 'no valid JSON'],
    ['{}', 'has no master'],
    ['[]', 'exactly one slot was expected'],
    ['[{"master":"a"},{"slot":"t","master":"b"}]', 'exactly one slot was expected'],
    ['{"slot":"store2","master":"a"}', 'was asked for "store1" and answers for "store2"'],
    ['{"master":["a"]}', 'expected a host'],
    ['{"__proto__":{"master":"a"}}', 'has no master'],
  ])('does not believe %j', (output, wanted) => {
    expect(() => get(output)).toThrow(ParseError);
    expect(() => get(output)).toThrow(wanted);
  });
});
