// An SMTP server of the tests that behaves as it is told: well, or in one of the ways in which real and hostile ones do
// not. It listens on the loopback, with a certificate made for the run.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/** What is amiss with it. */
export type PeerFault =
  | 'none'
  | 'no-banner'
  | 'endless-line'
  | 'endless-reply'
  | 'dripping-reply'
  | 'no-smtp'
  | 'nul-and-escapes'
  | '421-banner'
  | '554-banner'
  | 'hang-ehlo'
  | 'old-helo'
  | 'no-pipelining'
  | '454-starttls'
  | 'hang-tls'
  | 'garbage-tls'
  | 'reset-tls'
  | 'said-behind-starttls'
  | '450-rcpt'
  | 'hang-rcpt'
  | 'close-ehlo'
  | 'hang-up-at-quit'
  | 'tarpit';

/** One that runs. */
export interface SmtpPeer {
  readonly port: number;
  /** Every line that was said to it, of all connections. */
  readonly heard: string[];
  /** Bytes that it could get rid of. */
  sent(): number;
  close(): Promise<void>;
}

let pair: { readonly key: Buffer; readonly cert: Buffer } | undefined;

/** A certificate for mx.example.net with a chain above one packet: its names fill it. */
export function certificate(): { readonly key: Buffer; readonly cert: Buffer } {
  if (pair !== undefined) return pair;
  const dir = mkdtempSync(join(tmpdir(), 'mailctl-cert-'));
  const names = Array.from(
    { length: 60 },
    (_, index) => `DNS:mx${index}.a-long-name-for-a-big-certificate.example.net`,
  );
  const words = [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '30',
    '-subj',
    '/CN=mx.example.net',
  ];
  execFileSync(
    'openssl',
    [
      ...words,
      ...['-addext', `subjectAltName=DNS:mx.example.net,${names.join(',')}`],
      ...['-keyout', join(dir, 'key'), '-out', join(dir, 'cert')],
    ],
    { stdio: 'ignore' },
  );
  pair = { key: readFileSync(join(dir, 'key')), cert: readFileSync(join(dir, 'cert')) };
  rmSync(dir, { recursive: true });
  return pair;
}

/** Starts one on 127.0.0.1, or on another address of the loopback. */
export async function smtpPeer(fault: PeerFault, address = '127.0.0.1'): Promise<SmtpPeer> {
  const heard: string[] = [];
  const sockets = new Set<Socket>();
  let sent = 0;
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => {
      sent += socket.bytesWritten;
      sockets.delete(socket);
    });
    serve(socket, fault, heard, false);
  });
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  return {
    port: (server.address() as AddressInfo).port,
    heard,
    sent: () => [...sockets].reduce((sum, socket) => sum + socket.bytesWritten, sent),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function serve(stream: Duplex, fault: PeerFault, heard: string[], isSecure: boolean): void {
  const say = (text: string) => stream.write(text);
  const flood = (text: string) => {
    const more = () => {
      while (!stream.destroyed && stream.write(text));
    };
    stream.on('drain', more);
    more();
  };
  if (!isSecure && !greet(stream, fault, say, flood)) return;
  let buffer = '';
  let isOver = false;
  stream.on('error', () => {});
  stream.on('data', (data: Buffer) => {
    buffer += data.toString('latin1');
    for (let end = buffer.indexOf('\n'); end !== -1 && !isOver; end = buffer.indexOf('\n')) {
      const line = buffer.slice(0, end).replace(/\r$/, '');
      buffer = buffer.slice(end + 1);
      heard.push(line);
      if (fault === 'tarpit') setTimeout(() => answer(line), 3000);
      else answer(line);
    }
  });
  const answer = (line: string) => {
    const word = line.trim().split(' ')[0]?.toUpperCase();
    if (word === 'EHLO') ehlo(stream, fault, isSecure, say);
    else if (word === 'STARTTLS') {
      isOver = startTls(stream as Socket, fault, heard, say);
    } else if (word === 'RCPT' && fault === '450-rcpt') say('450 4.7.1 Greylisted\r\n');
    else if (word === 'RCPT' && fault === 'hang-rcpt') return;
    else if (word === 'QUIT') {
      if (fault === 'hang-up-at-quit') stream.destroy();
      else {
        say('221 2.0.0 Bye\r\n');
        stream.end();
      }
    } else say('250 2.0.0 Ok\r\n');
  };
}

/** False: nothing more is said. */
function greet(
  stream: Duplex,
  fault: PeerFault,
  say: (text: string) => void,
  flood: (text: string) => void,
): boolean {
  switch (fault) {
    case 'no-banner':
      stream.on('data', () => {});
      return false;
    case 'endless-line':
      flood('x'.repeat(100_000));
      return false;
    case 'endless-reply':
      flood('220-more\r\n'.repeat(1000));
      return false;
    case 'dripping-reply': {
      const timer = setInterval(() => say('220-more\r\n'), 500);
      stream.on('close', () => clearInterval(timer));
      return false;
    }
    case 'no-smtp':
      say('SSH-2.0-OpenSSH_9.2\r\n');
      return false;
    case 'nul-and-escapes':
      say('220 mx\0.example.net \x1b]0;owned\x07\x1b[2J\u202e ESMTP\r\n');
      return true;
    case '421-banner':
      say('421 4.3.2 Too many connections\r\n');
      return true;
    case '554-banner':
      say('554 5.7.1 Your address is listed\r\n');
      return true;
    default:
      say('220 mx.example.net ESMTP\r\n');
      return true;
  }
}

function ehlo(stream: Duplex, fault: PeerFault, isSecure: boolean, say: (text: string) => void): void {
  if (fault === 'hang-ehlo') return;
  if (fault === 'close-ehlo') {
    stream.end();
    return;
  }
  if (fault === 'old-helo') {
    say('502 5.5.2 Command not recognized\r\n');
    return;
  }
  const words = ['mx.example.net', ...(fault === 'no-pipelining' ? [] : ['PIPELINING']), 'SIZE 10240000'];
  if (!isSecure) words.push('STARTTLS');
  say([...words.map((word) => `250-${word}\r\n`), '250 8BITMIME\r\n'].join(''));
}

/** True: the clear text is over. */
function startTls(socket: Socket, fault: PeerFault, heard: string[], say: (text: string) => void): boolean {
  if (fault === '454-starttls') {
    say('454 4.7.0 TLS not available\r\n');
    return false;
  }
  say(`220 2.0.0 Ready\r\n${fault === 'said-behind-starttls' ? '250 injected\r\n' : ''}`);
  socket.removeAllListeners('data');
  if (fault === 'hang-tls') socket.on('data', () => {});
  else if (fault === 'garbage-tls') socket.write('this is no TLS at all\r\n');
  else if (fault === 'reset-tls') socket.once('data', () => socket.resetAndDestroy());
  else serve(new TLSSocket(socket, { isServer: true, ...certificate() }), fault, heard, true);
  return true;
}
