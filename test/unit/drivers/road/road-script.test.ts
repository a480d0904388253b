import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { expect, it, onTestFinished } from 'vitest';
import { ROAD_SCRIPT } from '../../../../src/drivers/road/road-script.js';
import { tempDir } from '../../../support/temp-dir.js';

const PLAIN = Buffer.from('\0probe\0p w').toString('base64');
const ADDRESS = '127.0.0.2';

interface Frontend {
  readonly caps: string;
  readonly tls?: { readonly key: Buffer; readonly cert: Buffer };
}

/** A frontend that takes one login, and notes what it heard. */
async function frontend({ caps, tls }: Frontend, heard: string[]): Promise<number> {
  const sockets = new Set<Socket>();
  const talk = (socket: Socket | TLSSocket, isTls: boolean) => {
    let text = '';
    socket.on('error', () => {});
    socket.on('data', function take(data) {
      text += data.toString('latin1');
      for (let at = text.indexOf('\r\n'); at >= 0; at = text.indexOf('\r\n')) {
        const line = text.slice(0, at);
        text = text.slice(at + 2);
        heard.push(`${isTls ? 'tls' : 'plain'} ${line}`);
        const [tag] = line.split(' ');
        if (/CAPABILITY$/.test(line))
          socket.write(`* CAPABILITY IMAP4rev1${isTls ? '' : caps}\r\n${tag} OK done\r\n`);
        else if (/STARTTLS$/.test(line) && tls !== undefined) {
          socket.write(`${tag} OK go\r\n`);
          socket.off('data', take);
          talk(new TLSSocket(socket, { isServer: true, ...tls }), true);
          return;
        } else if (/AUTHENTICATE PLAIN$/.test(line)) socket.write('+ \r\n');
        else if (line === PLAIN) socket.write('a1 OK in\r\n');
        else if (/LOGOUT$/.test(line)) socket.end(`* BYE\r\n`);
        else socket.write(`${tag} NO not so\r\n`);
      }
    });
  };
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.write('* OK ready\r\n');
    talk(socket, false);
  });
  await new Promise<void>((resolve) => server.listen(0, ADDRESS, resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function certificate(subject: string) {
  const dir = await tempDir();
  const [key, cert] = [join(dir, 'key.pem'), join(dir, 'cert.pem')];
  const words = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', '/CN=x'];
  const more = ['-addext', `subjectAltName=${subject}`, '-keyout', key, '-out', cert];
  execFileSync('openssl', [...words, ...more], { stdio: 'ignore' });
  return { file: cert, tls: { key: readFileSync(key), cert: readFileSync(cert) } };
}

async function log(port: number, env: { readonly [name: string]: string } = {}): Promise<readonly string[]> {
  const child = spawn('sh', ['-c', ROAD_SCRIPT], { env: { ...process.env, LC_ALL: 'C', ...env } });
  let out = '';
  child.stdout.on('data', (data) => {
    out += data;
  });
  child.stdin.end(`${['0', 'imap', ADDRESS, String(port), PLAIN, '"probe" "p w"'].join('\u001f')}\n`);
  await new Promise((resolve) => child.on('close', resolve));
  return out.trimEnd().split('\u001f').slice(1);
}

it('a login goes as the frontend takes it: in the clear only where it does not refuse that', {
  timeout: 60_000,
}, async () => {
  const heard: string[] = [];
  expect(await log(await frontend({ caps: '' }, heard))).toMatchObject([
    'ok',
    expect.stringContaining('a1 OK'),
  ]);
  const none = await log(await frontend({ caps: ' LOGINDISABLED' }, heard));
  expect(none).toMatchObject([
    'failed',
    expect.stringMatching(/^logins only over TLS on port \d+, and no STARTTLS/),
  ]);
});

it('over TLS, and only to whom the certificate names', { timeout: 60_000 }, async () => {
  const good = await certificate(`IP:${ADDRESS}`);
  const other = await certificate('DNS:elsewhere.example');
  const caps = ' STARTTLS LOGINDISABLED';
  const heard: string[] = [];
  const trusted = await log(await frontend({ caps, tls: good.tls }, heard), { SSL_CERT_FILE: good.file });
  expect(trusted).toMatchObject(['ok', expect.stringContaining('a1 OK')]);
  expect(heard).toContain(`tls ${PLAIN}`);
  heard.length = 0;
  const unknown = await log(await frontend({ caps, tls: good.tls }, heard));
  expect(unknown).toMatchObject(['failed', expect.stringMatching(/verify error.*self.signed/)]);
  const wrong = await log(await frontend({ caps, tls: other.tls }, heard), { SSL_CERT_FILE: other.file });
  expect(wrong).toMatchObject(['failed', expect.stringMatching(/verify error.*(IP address|mismatch)/i)]);
  expect(heard.filter((line) => line.includes(PLAIN))).toEqual([]);
});
