// A site's own sender: what its list may print, and what its commands are told.
import { describe, expect, it } from 'vitest';
import { parseExecLine } from '../../../../src/drivers/exec/parse-ndjson.js';
import { execQueue, parseActAnswer } from '../../../../src/drivers/exec/queue.js';
import type { QueueMessage } from '../../../../src/queue/message.js';
import { fakeTransport } from '../../../support/fake-transport.js';

const host = { name: 'out1', transport: 'ssh', groups: [] } as const;
const LIST = ['sender', 'list', '--json'];
const commands = {
  list: LIST,
  hold: ['sender', 'hold', "it's", '$(id)'],
  delete: ['sender', 'delete', '{run}', '{expires}', '{max_bytes}'],
};
const line = (more: object) =>
  JSON.stringify({ id: 'a1', state: 'deferred', arrival: 1000, sender: 'b@x', ...more });

describe('a line of the list', () => {
  it('is a message', () => {
    const text = line({
      size: 12,
      submitter: 'carl',
      recipients: ['a@x', { address: 'b@x', reason: 'busy' }, { address: 'a@x', reason: 'later' }, 7, null],
    });
    expect(parseExecLine('out1', 'out1', text)).toEqual({
      kind: 'message',
      message: {
        queue: 'out1',
        host: 'out1',
        id: 'a1',
        state: 'deferred',
        arrivedAt: 1000,
        sizeBytes: 12,
        sender: 'b@x',
        submitter: 'carl',
        recipients: [
          { address: 'a@x', reason: 'later' },
          { address: 'b@x', reason: 'busy' },
        ],
      },
    });
  });

  it('needs nothing but an id, and makes nothing up', () => {
    expect(parseExecLine('q', 'h', '\ufeff{"id":"x"}')).toMatchObject({
      kind: 'message',
      message: {
        state: 'unknown',
        arrivedAt: null,
        sizeBytes: 0,
        sender: null,
        submitter: null,
        recipients: [],
      },
    });
    expect(parseExecLine('q', 'h', '{"id":"x","sender":""}')).toMatchObject({ message: { sender: '' } });
  });

  it.each([
    [1000.9, 1000],
    ['2026-11-27T06:00:00Z', 1_795_759_200],
    ['2026-11-27T07:00:00.5+0100', 1_795_759_200],
    ['2026-11-27 06:00', null],
    ['tomorrow', null],
    [-5, null],
    [2 ** 60, null],
    [null, null],
  ])('arrival %j is %j', (arrival, arrivedAt) => {
    expect(parseExecLine('q', 'h', line({ arrival }))).toMatchObject({ message: { arrivedAt } });
  });

  it('says what the sender believes', () => {
    const parsed = parseExecLine('q', 'h', '{"believed":{"gmail":20,"__proto__":3,"x":-1,"y":"2"}}');
    expect(parsed).toEqual({
      kind: 'believed',
      open: new Map([
        ['gmail', 20],
        ['__proto__', 3],
      ]),
    });
  });

  it.each(['{', '[]', '3', 'null', '{"id":7}', '{"id":""}', '{"believed":[]}', '"x"'])(
    '%s is malformed',
    (text) => {
      expect(parseExecLine('q', 'h', text).kind).toBe('malformed');
    },
  );
});

describe('the driver', () => {
  const open = (fake = fakeTransport()) => ({
    fake,
    driver: execQueue({ transport: fake, host, name: 'out1', commands }),
  });

  it('lists by the command, counts what is no message, and keeps what is believed apart', async () => {
    const { fake, driver } = open();
    const stdout = `${line({})}\nnonsense\n\n{"believed":{"gmail":4}}\n${line({ id: 'a2' })}\n`;
    fake.expect({ host: 'out1', name: 'exec.list', args: LIST, readOnly: true }, { stdout });
    fake.expect({ host: 'out1', name: 'exec.list', args: LIST, readOnly: true }, { stdout });
    const seen: QueueMessage[] = [];
    expect(await driver.list((message) => seen.push(message))).toMatchObject({
      malformed: { lines: 1, first: { line: 2, what: 'not JSON' } },
    });
    expect(seen.map(({ id }) => id)).toEqual(['a1', 'a2']);
    expect(await driver.believed?.()).toEqual(new Map([['gmail', 4]]));
  });

  it('sends the ids of messages that are still the same, and no others', async () => {
    const { fake, driver } = open();
    fake.expect(
      { host: 'out1', name: 'exec.list', args: LIST },
      { stdout: `${line({})}\n${line({ id: 'a2', arrival: 2000 })}\n` },
    );
    fake.expect(
      {
        host: 'out1',
        name: 'exec.hold',
        args: ['sender', 'hold', "it's", '$(id)'],
        stdin: 'a1\n',
        readOnly: false,
      },
      { stdout: 'held\n{"changed":1}\n' },
    );
    const key = (id: string) => ({ id, arrivedAt: 1000, sender: 'b@x' });
    expect(await driver.act?.('hold', [key('a1'), key('a2'), key('a3'), key('a\nb')])).toEqual({
      changed: 1,
      gone: ['a2', 'a3'],
      failed: [{ id: 'a\nb', why: 'its id is not one line of text' }],
    });
  });

  it('deletes under the name of the run', async () => {
    const { fake, driver } = open();
    fake.expect({ host: 'out1', name: 'exec.list', args: LIST }, { stdout: `${line({})}\n` });
    fake.expect({
      host: 'out1',
      name: 'exec.delete',
      args: ['sender', 'delete', 'r1', '99', '5'],
      stdin: 'a1\n',
    });
    const save = { run: 'r1', expiresAt: 99.5, maxBytes: 5 };
    expect(await driver.act?.('delete', [{ id: 'a1', arrivedAt: 1000, sender: 'b@x' }], { save })).toEqual({
      changed: null,
      gone: [],
      failed: [],
    });
  });

  it('says what it cannot do', async () => {
    const { driver } = open();
    expect(driver.cannot('hold')).toBeNull();
    expect(driver.cannot('requeue')).toContain('names no requeue command');
    await expect(driver.retry(['a1'])).rejects.toThrow('names no command for flush');
    expect(driver.preview('hold')).toEqual(["sender hold 'it'\\''s' '$(id)'"]);
  });

  it('takes only answers about what was asked', () => {
    const stdout =
      '{"id":"x","gone":true}\n{"id":"a","failed":"no"}\n{"changed":-1}\n{\n{"id":"b","gone":true}\n';
    expect(parseActAnswer(stdout, new Set(['a', 'b']))).toEqual({
      changed: null,
      gone: ['b'],
      failed: [{ id: 'a', why: 'no' }],
    });
  });
});
