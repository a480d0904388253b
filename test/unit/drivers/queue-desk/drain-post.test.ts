// What goes to a mail host about a drain, and what comes back from one that lies.
import { expect, test } from 'vitest';
import { execQueue } from '../../../../src/drivers/exec/queue.js';
import { drainPost, parseFound } from '../../../../src/drivers/queue-desk/drain-post.js';
import type { Command, Transport } from '../../../../src/transport/transport.js';

const host = { name: 'out1', transport: 'ssh', groups: [] } as const;

test('an id that is more than a line does not become two messages of a manifest', async () => {
  const sent: string[] = [];
  const transport = {
    run: async (_host: unknown, { stdin }: Command) => {
      sent.push(String(stdin));
      return { status: 0, stdout: 'granted\n', stderr: '' };
    },
  } as unknown as Transport;
  const commands = { list: ['s', 'list'], hold: ['s', 'hold'], release: ['s', 'release'] };
  const options = { transport, host, name: 'out1', commands } as unknown as Parameters<typeof execQueue>[0];
  const way = await execQueue(options).drain?.();
  if (way === undefined || 'cannot' in way) throw new Error('no way');
  const post = drainPost(
    transport,
    () => host,
    () => way.side,
  );
  const key = (id: string) => ({ id, arrivedAt: 1, sender: null });
  const keys = [key('a1'), key('b1\nc1'), key('d1')];
  expect(await post.keep({ host: 'out1', queue: 'out1', software: 'exec' }, 'aaaa', '1', keys)).toBe(true);
  expect(sent).toEqual(['["a1",1,null]\ta1\n["d1",1,null]\td1\n']);
  // Nor of those of a driver that checks nothing.
  const careless = drainPost(
    transport,
    () => host,
    () => ({ ...way.side, line: ({ id }) => id }),
  );
  await careless.keep({ host: 'out1', queue: 'out1', software: 'exec' }, 'aaaa', '1', keys);
  expect(sent[1]).toBe(sent[0]);
});

test.each(['x; rm -rf ~', '-h', '\u001b[2J', 'd81c\n', 'D81C', '', 7])(
  'run %j is none: the key is shown',
  (run) => {
    const [found] = parseFound(
      `drain aaaa00000001 running 1 1 1\nstart ${JSON.stringify({ run })}\nnote {}\n`,
    );
    expect(found?.run).toBe('aaaa00000001');
  },
);
