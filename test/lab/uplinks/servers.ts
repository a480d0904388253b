/**
 * The world's mail servers and name servers in one process, each on its address: SMTP with STARTTLS that never takes
 * a message, and every way to misbehave that the faults know. Run in the world's network namespace with the lab's
 * folder as its argument; faults come as one line of JSON over a socket.
 */
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import type { ServerFault } from './faults.js';
import { startNameServers } from './name-server.js';
import { type ServerSpec, type UplinksSpec, uplinksPaths } from './spec.js';

const paths = uplinksPaths(process.argv[2]);
const spec = JSON.parse(fs.readFileSync(path.join(paths.run, 'plan.json'), 'utf8')) as UplinksSpec;
let faults: readonly ServerFault[] = [];

const contexts = new Map<string, tls.SecureContext>();
function context(kind: string): tls.SecureContext {
  const read = (file: string) => fs.readFileSync(path.join(paths.certificates, file));
  let made = contexts.get(kind);
  if (made === undefined) {
    made = tls.createSecureContext({ key: read('leaf.key'), cert: read(`${kind}.pem`) });
    contexts.set(kind, made);
  }
  return made;
}

const providerOf = new Map(
  spec.providers.flatMap(({ name, source4, source6 }) => [
    [source4, name],
    [source6, name],
  ]),
);

const clean = (address = '') => address.replace(/^::ffff:/, '');

/** Serves one connection. */
function serve(server: ServerSpec | undefined, accepted: net.Socket): void {
  const from = providerOf.get(clean(accepted.remoteAddress));
  const mine = faults.filter(
    (fault) =>
      (fault.server === '*' || fault.server === server?.domain) &&
      (fault.from === undefined || fault.from === from),
  );
  const has = (kind: ServerFault['kind'], at?: string) =>
    mine.find((fault) => fault.kind === kind && (at === undefined || (fault.at ?? 'banner') === at));
  const name = server?.name ?? 'transparent.proxy.example';
  const tarpit = has('tarpit')?.ms;
  let socket: net.Socket = accepted;
  let isTls = false;
  let pending = '';
  let chain = Promise.resolve();
  const timers = new Set<NodeJS.Timeout>();
  const wait = (ms: number) =>
    new Promise<void>((resolve) => {
      timers.add(setTimeout(resolve, ms));
    });
  const end = () => {
    for (const timer of timers) clearTimeout(timer);
  };
  const tame = (one: net.Socket) => one.on('error', end).on('close', end);
  tame(accepted);
  accepted.setNoDelay(true);

  const write = async (text: string) => {
    if (tarpit !== undefined) await wait(tarpit);
    const drip = has('drip');
    if (drip === undefined) {
      if (socket.writable) socket.write(text, 'latin1');
      return;
    }
    for (const letter of text) {
      if (!socket.writable) return;
      socket.write(letter, 'latin1');
      await wait(drip.ms ?? 50);
    }
  };

  /** Does what a fault demands at this point of the dialogue; false: the server goes on as usual. */
  const misbehave = async (at: string): Promise<boolean> => {
    const late = has('late', at);
    if (late) await wait(late.ms ?? 5000);
    const code = has('code', at);
    if (code) {
      await write(`${(code.reply ?? '421').replaceAll('_', ' ')}\r\n`);
      if (/^(421|554)/.test(code.reply ?? '421') && (at === 'banner' || at === 'ehlo')) socket.end();
      return true;
    }
    if (has('hang', at)) return true;
    if (has('close', at)) {
      socket.end();
      return true;
    }
    if (has('reset', at)) {
      accepted.resetAndDestroy();
      return true;
    }
    const endless = has('endless', at);
    if (endless) {
      await flood(endless.reply ?? (at === 'banner' ? '220-' : '250-'));
      return true;
    }
    if (has('long-line', at)) {
      await write(`${at === 'banner' ? '220' : '250'} `);
      for (let sent = 0; sent < 1_000_000 && socket.writable; sent += 10_000) {
        socket.write('x'.repeat(10_000));
        await wait(20);
      }
      await write('\r\n');
      return true;
    }
    if (has('nul', at)) {
      await write(`${at === 'banner' ? '220' : '250'} ${name} \0\0 ESMTP\r\n`);
      return true;
    }
    if (has('escapes', at)) {
      await write(`${at === 'banner' ? '220' : '250'} \x1b[2J\x1b]0;owned\x07\x9b31m ${name} \u202e\r\n`);
      return true;
    }
    return false;
  };

  // As fast as the other side reads, and no faster.
  const flood = async (prefix: string) => {
    const block = prefix === '' ? 'x'.repeat(16_384) : `${prefix}${'and more'.repeat(8)}\r\n`.repeat(200);
    while (socket.writable) {
      if (!socket.write(block))
        await new Promise<void>((resolve) => {
          socket.once('drain', resolve);
          socket.once('close', () => resolve());
        });
      // Not so fast that the lab's own lines are full.
      await wait(50);
    }
  };

  const greet = async () => {
    if (has('silent')) return;
    if (await misbehave('banner')) return;
    const own = has('banner')?.reply?.replaceAll('_', ' ');
    await write(own === undefined ? `220 ${name} ESMTP\r\n` : `${own}\r\n`);
  };

  const ehlo = async () => {
    if (await misbehave(isTls ? 'ehlo2' : 'ehlo')) return;
    const words = [
      name,
      ...(has('no-pipelining') ? [] : ['PIPELINING']),
      'SIZE 52428800',
      ...(isTls || server === undefined || has('no-starttls') ? [] : ['STARTTLS']),
      'ENHANCEDSTATUSCODES',
      '8BITMIME',
    ];
    await write(words.map((word, at) => `250${at === words.length - 1 ? ' ' : '-'}${word}\r\n`).join(''));
  };

  const startTls = async () => {
    if (await misbehave('starttls')) return;
    accepted.removeListener('data', hear);
    // Data must not be read as plain text any more once the other side was told to begin.
    accepted.pause();
    await write('220 2.0.0 Ready to start TLS\r\n');
    if (has('hang', 'tls')) return void accepted.resume();
    if (has('reset', 'tls')) return void accepted.once('data', () => accepted.resetAndDestroy()).resume();
    if (has('garbage', 'tls')) {
      accepted.resume();
      accepted.write('this is no TLS\r\n'.repeat(40));
      return;
    }
    const secure = new tls.TLSSocket(accepted, {
      isServer: true,
      secureContext: context(has('certificate')?.reply ?? 'good'),
    });
    tame(secure);
    socket = secure;
    isTls = true;
    pending = '';
    secure.on('data', hear);
  };

  const command = async (line: string) => {
    const verb = line.trim().split(/[\s:]/)[0]?.toUpperCase() ?? '';
    if (verb === 'EHLO' || verb === 'HELO') return ehlo();
    if (verb === 'STARTTLS' && !isTls && server !== undefined) return startTls();
    if (verb === 'MAIL') return (await misbehave('mail')) ? undefined : write('250 2.1.0 Ok\r\n');
    if (verb === 'RCPT') return (await misbehave('rcpt')) ? undefined : write('250 2.1.5 Ok\r\n');
    if (verb === 'RSET') return (await misbehave('big')) ? undefined : write('250 2.0.0 Ok\r\n');
    if (verb === 'NOOP') return write('250 2.0.0 Ok\r\n');
    if (verb === 'DATA') return write('554 5.7.1 this server takes no mail\r\n');
    if (verb === 'QUIT') {
      await write('221 2.0.0 Bye\r\n');
      socket.end();
      return;
    }
    return write('500 5.5.2 Error: bad syntax\r\n');
  };

  function hear(chunk: Buffer): void {
    pending += chunk.toString('latin1');
    if (pending.length > 100_000) return void socket.destroy();
    for (let at = pending.indexOf('\n'); at >= 0; at = pending.indexOf('\n')) {
      const line = pending.slice(0, at);
      pending = pending.slice(at + 1);
      chain = chain.then(() => command(line));
      // What follows in clear text behind STARTTLS is not for us.
      if (/^starttls\b/i.test(line)) break;
    }
  }

  socket.on('data', hear);
  void greet();
}

/** The listeners of one server: they are gone while it refuses connections. */
interface Listener {
  readonly server: ServerSpec | undefined;
  readonly address: string;
  readonly listener: net.Server;
}

const listeners: Listener[] = [];
function listen({ address, listener }: Listener): Promise<void> {
  return new Promise((resolve, reject) => {
    listener.once('error', reject);
    listener.listen({ host: address, port: 25, backlog: 511 }, () => resolve());
  });
}

const addresses: [ServerSpec | undefined, string][] = [
  ...spec.servers.flatMap((server): [ServerSpec, string][] => [
    [server, server.four],
    ...(server.six === undefined ? [] : [[server, server.six] satisfies [ServerSpec, string]]),
  ]),
  [undefined, spec.interceptor.four],
  [undefined, spec.interceptor.six],
];
for (const [server, address] of addresses) {
  const listener = net.createServer({ allowHalfOpen: false }, (socket) => {
    // A reset at once, before the first byte.
    const now = faults.find(
      ({ kind, at, server: who, from }) =>
        kind === 'reset' &&
        at === 'accept' &&
        (who === '*' || who === server?.domain) &&
        (from === undefined || from === providerOf.get(clean(socket.remoteAddress))),
    );
    if (now) {
      socket.on('error', () => {});
      socket.resetAndDestroy();
    } else serve(server, socket);
  });
  listeners.push({ server, address, listener });
}
await Promise.all(listeners.map(listen));
await startNameServers(spec);

async function setFaults(next: readonly ServerFault[]): Promise<void> {
  faults = next;
  for (const one of listeners) {
    const refuses = faults.some(
      ({ kind, server }) =>
        kind === 'refused' && one.server && (server === '*' || server === one.server.domain),
    );
    if (refuses && one.listener.listening) one.listener.close();
    else if (!refuses && !one.listener.listening) await listen(one);
  }
}

fs.rmSync(paths.servers, { force: true });
net
  .createServer((socket) => {
    let said = '';
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      said += chunk.toString();
      if (!said.endsWith('\n')) return;
      setFaults(JSON.parse(said) as ServerFault[]).then(
        () => socket.end('ok\n'),
        (error: Error) => socket.end(`${error.message}\n`),
      );
    });
  })
  .listen(paths.servers, () => process.stdout.write('ready\n'));
