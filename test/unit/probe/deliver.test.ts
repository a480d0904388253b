// Handing a message over: what the server refused, what never came to an answer, and what may have been taken although
// its answer was lost, are three things.
import { createServer, connect as dial, type Server, type Socket } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { systemClock } from '../../../src/lib/clock.js';
import { canaryMail, handedFault, handOver } from '../../../src/probe/deliver.js';
import type { ConnectOptions, Flow, Vantage } from '../../../src/probe/vantage.js';

let server: Server | undefined;
afterEach(() => {
  server?.close();
});

/** A server that answers each line so; undefined: it hangs up. */
async function listen(answer: (line: string, isText: boolean) => string | null | undefined): Promise<number> {
  const made = createServer((socket: Socket) => {
    let isText = false;
    let buffer = '';
    socket.on('error', () => {});
    socket.write('220 mx\r\n');
    socket.on('data', (data) => {
      buffer += data.toString('latin1');
      for (let at = buffer.indexOf('\r\n'); at !== -1; at = buffer.indexOf('\r\n')) {
        const line = buffer.slice(0, at);
        buffer = buffer.slice(at + 2);
        if (isText && line !== '.') continue;
        const said = answer(line, isText);
        isText = line === 'DATA';
        if (said === undefined) socket.destroy();
        else if (said !== null) socket.write(`${said}\r\n`);
      }
    });
  });
  server = made;
  await new Promise<void>((resolve) => made.listen(0, '127.0.0.1', resolve));
  const address = made.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const vantage = {
  name: 'probe.example.net',
  connect: ({ address, port }: ConnectOptions) =>
    new Promise<Flow>((resolve, reject) => {
      const socket = dial(port, address);
      socket.once('connect', () => resolve(socket as unknown as Flow));
      socket.once('error', reject);
    }),
} as unknown as Vantage;

function hand(port: number) {
  const mail = canaryMail({
    sender: 'a@example.net',
    recipient: 'b@example.net',
    host: 'mx',
    id: '1',
    now: 0,
  });
  const target = { destination: 'x', host: null, address: '127.0.0.1', family: 4 as const, port };
  return handOver(vantage, { source: null, interface: null }, target, mail, systemClock);
}

const good = (line: string) => (line === 'DATA' ? '354 go' : '250 ok');

it('is taken', async () => {
  const handed = await hand(await listen(good));
  expect(handed).toMatchObject({ ok: true, isOpen: false, code: 250 });
  expect(handedFault(handed)).toBeNull();
});

it('may have been taken when the answer to the final dot does not come', async () => {
  const handed = await hand(await listen((line) => (line === '.' ? undefined : good(line))));
  expect(handed).toMatchObject({ ok: false, isOpen: true, phase: 'data', code: null });
  expect(handedFault(handed)).toBeNull();
});

it('is refused by a word, and by nothing else', async () => {
  const refused = await hand(await listen((line) => (line.startsWith('RCPT') ? '550 no' : good(line))));
  expect(refused).toMatchObject({ ok: false, isOpen: false, phase: 'rcpt', code: 550 });
  expect(handedFault(refused)).toBe('refused');
  const late = await hand(await listen((line) => (line === '.' ? '554 spam' : good(line))));
  expect(late).toMatchObject({ isOpen: false, phase: 'data', code: 554 });
  expect(handedFault(late)).toBe('refused');
  const gone = await hand(await listen((line) => (line.startsWith('MAIL') ? undefined : good(line))));
  expect(handedFault(gone)).toBe('failed');
  const closed = await hand(1);
  expect(closed).toMatchObject({ phase: 'connect', code: null });
  expect(handedFault(closed)).toBe('failed');
});
