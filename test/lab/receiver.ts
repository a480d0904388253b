/**
 * A receiver of mail on the bastion that answers each recipient as a test wants it: some providers' own words. It
 * takes as many connections as come, keeps them open as long as the sender does, and counts what it has taken.
 */
import net from 'node:net';
import { bastionAddress } from './spec.js';

/** One that runs. */
export interface Receiver {
  readonly port: number;
  /** Messages that were accepted. */
  taken(): number;
  /** Connections open now. */
  open(): number;
  close(): Promise<void>;
}

/** Starts one. `answers`: the reply to RCPT by the recipient's domain; what is not named is accepted. */
export async function startReceiver(
  port: number,
  answers: Readonly<Record<string, string>>,
  { hangsAt }: { readonly hangsAt?: string } = {},
): Promise<Receiver> {
  let taken = 0;
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => socket.destroy());
    const say = (line: string) => socket.write(`${line}\r\n`);
    let isData = false;
    let pending = '';
    say('220 receiver.example ESMTP');
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      pending += chunk;
      for (let end = pending.indexOf('\r\n'); end >= 0; end = pending.indexOf('\r\n')) {
        const line = pending.slice(0, end);
        pending = pending.slice(end + 2);
        if (isData) {
          if (line !== '.') continue;
          isData = false;
          taken += 1;
          say('250 2.0.0 taken');
          continue;
        }
        const verb = line.slice(0, 4).toUpperCase();
        const domain = /@([^>]*)>/.exec(line)?.[1] ?? '';
        if (verb === 'RCPT' && domain === hangsAt) continue;
        if (verb === 'RCPT') say(answers[domain] ?? '250 2.1.5 ok');
        else if (verb === 'DATA') {
          isData = true;
          say('354 go on');
        } else if (verb === 'QUIT') socket.end('221 2.0.0 bye\r\n');
        else say('250 2.0.0 ok');
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(port, bastionAddress, resolve));
  return {
    port,
    taken: () => taken,
    open: () => sockets.size,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
