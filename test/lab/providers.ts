/**
 * Mailbox providers on addresses of their own beside the bastion, each the MX of several domains: they count open
 * connections exactly, refuse those above their limit, take their time for a message, can turn hostile while they
 * run, and know how often each message came. mx1 sends to them at port 25; a domain is a nexthop of its own there.
 */
import net from 'node:net';
import { inHost } from './host.js';
import { hostFile } from './hostfile.js';
import { run } from './run.js';
import type { HostName, Lab } from './spec.js';

/** `refuse`: 421 to every connection and message. `defer`: 451 4.7.1 to every recipient. */
export type Mood = 'well' | 'refuse' | 'defer';

/** What a provider is. */
export interface ProviderSpec {
  readonly name: string;
  readonly domains: readonly string[];
  /** Connections that it takes at once. */
  readonly limit: number;
  /** Time that it takes for a message. */
  readonly ms: number;
  /** Half of that to half as much again, in turns that repeat. */
  readonly uneven?: boolean | undefined;
}

/** One that runs. What `set` has not changed is as it was. */
export interface Provider {
  readonly name: string;
  readonly address: string;
  readonly domains: readonly string[];
  /** Connections open now, by its own count. */
  open(): number;
  /** The most that were open at once, those above the limit included, since the last `reset`. */
  most(): number;
  /** Connections that it turned away. */
  refused(): number;
  /** Connections that came. */
  connections(): number;
  /** Recipients that it deferred. */
  deferred(): number;
  /** Messages that it took. */
  taken(): number;
  /** How often each message came: `ID RECIPIENT`, the id by its header X-Lab-Id. */
  readonly seen: ReadonlyMap<string, number>;
  /** Milliseconds from the first message since the last `reset` to the newest. */
  tookMs(): number;
  set(change: { readonly mood?: Mood; readonly limit?: number; readonly ms?: number }): void;
  /** Starts all counts anew, except `seen`. */
  reset(): void;
}

/** All of a lab. */
export interface Providers {
  readonly all: readonly Provider[];
  of(name: string): Provider;
  /** Messages that came more than once. */
  twice(): readonly string[];
  taken(): number;
  close(): Promise<void>;
}

const PORT = 25;
const FIRST_ADDRESS = 61;
const MOST = 30;

/** Most mail for one provider behind four domains, some for another, the rest for many small ones behind a third. */
export const threeProviders: readonly ProviderSpec[] = [
  {
    name: 'gmail',
    domains: ['gmail.com', 'googlemail.com', 'hosted1.example', 'hosted2.example'],
    limit: 20,
    ms: 60,
  },
  { name: 'microsoft', domains: ['outlook.com', 'hotmail.com'], limit: 20, ms: 60 },
  { name: 'rest', domains: ['d1.example', 'd2.example', 'd3.example'], limit: 20, ms: 20 },
];

/** How a backlog is spread over the domains of `threeProviders`: 65 % to one provider. */
export const threeShares = {
  'gmail.com': 30,
  'googlemail.com': 15,
  'hosted1.example': 12,
  'hosted2.example': 8,
  'outlook.com': 15,
  'hotmail.com': 10,
  'd1.example': 4,
  'd2.example': 3,
  'd3.example': 3,
} as const;

/** `destinations` of mailctl.yaml for providers. */
export function destinationsOf(providers: readonly ProviderSpec[]): Readonly<Record<string, object>> {
  return Object.fromEntries(
    providers.map(({ name, domains, limit }) => [name, { domains: [...domains], connections: limit }]),
  );
}

/** Starts them, and tells mx1 where they are. They end with `close`; their addresses go with the lab. */
export async function startProviders(
  lab: Lab,
  specs: readonly ProviderSpec[] = threeProviders,
): Promise<Providers> {
  if (specs.length > MOST) throw new Error(`at most ${MOST} providers`);
  const started = await Promise.all(
    specs.map(async (spec, at) => {
      const address = `198.51.100.${FIRST_ADDRESS + at}`;
      await run(['ip', 'addr', 'replace', `${address}/24`, 'dev', 'mclab0']);
      return startProvider(spec, address);
    }),
  );
  const all = started.map(({ provider }) => provider);
  await routeTo(lab, all);
  return {
    all,
    of(name) {
      const found = all.find((one) => one.name === name);
      if (found === undefined) throw new Error(`no provider ${name}`);
      return found;
    },
    twice: () => all.flatMap(({ seen }) => [...seen].filter(([, times]) => times > 1).map(([key]) => key)),
    taken: () => all.reduce((sum, one) => sum + one.taken(), 0),
    async close() {
      await Promise.all(started.map((one) => one.close()));
    },
  };
}

// Every domain has a nexthop of its own, as by MX lookups: for the queue manager they are as many destinations.
async function routeTo(lab: Lab, all: readonly Provider[]): Promise<void> {
  const names = all.map(({ address, domains }) => `${address} ${domains.map(mxOf).join(' ')}\n`).join('');
  const routes = all.flatMap(({ domains }) => domains.map((domain) => `${domain} smtp:[${mxOf(domain)}]\n`));
  const settings = [
    'transport_maps=texthash:/etc/lab/providers',
    'queue_run_delay=300s',
    'minimal_backoff_time=300s',
    'maximal_backoff_time=4000s',
    'transport_retry_time=60s',
    'smtp_connect_timeout=5s',
  ];
  const script = `grep -v ' mx\\..*lab-provider' /etc/hosts > /tmp/hosts.lab
sed 's/$/ # lab-provider/' >> /tmp/hosts.lab && cat /tmp/hosts.lab > /etc/hosts
postconf -e ${settings.map((one) => `'${one}'`).join(' ')} && postfix reload 2> /dev/null`;
  await inHost(lab, 'mx1', ['sh', '-c', 'mkdir -p /etc/lab && cat > /etc/lab/providers'], {
    input: routes.join(''),
  });
  await inHost(lab, 'mx1', ['sh', '-c', script], { input: names });
}

const mxOf = (domain: string): string => `mx.${domain}`;

/**
 * Puts a backlog into mx1's queue as cleanup and bounce write it: deferred, a next try in two hours, every message
 * with one recipient and an X-Lab-Id. Some 10,000 a second.
 */
export async function fillQueue(
  lab: Lab,
  count: number,
  options: {
    readonly shares?: Readonly<Record<string, number>>;
    readonly name?: string;
    readonly queue?: 'deferred' | 'hold';
    readonly ids?: 'long' | 'short';
    readonly host?: HostName;
  } = {},
): Promise<void> {
  const shares = Object.entries(options.shares ?? threeShares).map(([domain, share]) => `${domain}=${share}`);
  const words = [String(count), options.queue ?? 'deferred', options.ids ?? 'short'];
  await inHost(lab, options.host ?? 'mx1', ['perl', '-', ...words, shares.join(','), options.name ?? 'm'], {
    input: hostFile('fill-queue.pl'),
    timeoutMs: 300_000,
  });
}

/** Messages per queue folder of a Postfix host. */
export async function queueCounts(
  lab: Lab,
  host: HostName = 'mx1',
): Promise<Readonly<Record<string, number>>> {
  const script =
    'cd "$(postconf -hx queue_directory)" && for q in incoming active deferred hold; do echo "$q $(find $q -type f | wc -l)"; done';
  const { stdout } = await inHost(lab, host, ['sh', '-c', script]);
  return Object.fromEntries(
    stdout
      .trim()
      .split('\n')
      .map((line) => line.split(' '))
      .map(([queue = '', count]) => [queue, Number(count)]),
  );
}

interface Counts {
  most: number;
  refused: number;
  connections: number;
  deferred: number;
  taken: number;
  firstAt: number;
  lastAt: number;
}

const none = (): Counts => ({
  most: 0,
  refused: 0,
  connections: 0,
  deferred: 0,
  taken: 0,
  firstAt: 0,
  lastAt: 0,
});

/** One alone, where a test wants it: the far side of a server that sends everything to one port. */
export async function startProvider(spec: ProviderSpec, address: string, port = PORT) {
  let { limit, ms } = spec;
  let turn = 0;
  const takes = () => {
    turn += 1;
    return spec.uneven === true ? ms * (0.5 + ((turn * 7919) % 101) / 100) : ms;
  };
  let mood: Mood = 'well';
  let counts = none();
  const seen = new Map<string, number>();
  const sockets = new Set<net.Socket>();
  /** Connections that hold a place: from the kernel's word that one came to its word that it goes. */
  const inside = new Set<net.Socket>();
  /** Those and the ones that are being turned away. */
  const present = new Set<net.Socket>();

  const admit = (socket: net.Socket) => {
    counts.connections += 1;
    present.add(socket);
    counts.most = Math.max(counts.most, present.size);
    if (mood === 'refuse' || inside.size >= limit) {
      counts.refused += 1;
      socket.on('end', () => leave(socket)).resume();
      socket.end(`421 4.7.0 ${spec.name} too many connections from you, try again later\r\n`);
      // Without a reader its end is never heard, and it would count for ever.
      socket.resume();
      return;
    }
    inside.add(socket);
    converse(socket);
  };
  const converse = (socket: net.Socket) => {
    const say = (text: string) => socket.write(`${text}\r\n`);
    let text = '';
    let isBusy = false;
    // A sender may say that nothing more comes before it has our answer to its last message: Exim does.
    let isHalfClosed = false;
    const goodbye = () => {
      if (isBusy) return;
      leave(socket);
      socket.end();
    };
    let body: string[] | undefined;
    let id = '';
    let recipients: string[] = [];
    const takeMessage = () => {
      const now = performance.now();
      counts.taken += 1;
      if (counts.firstAt === 0) counts.firstAt = now;
      counts.lastAt = now;
      for (const one of recipients) {
        const key = `${id} ${one}`;
        seen.set(key, (seen.get(key) ?? 0) + 1);
      }
      say('250 2.0.0 taken');
    };
    const onLine = (line: string) => {
      if (body !== undefined) {
        if (line !== '.') {
          if (body.length < 50) body.push(line);
          return;
        }
        id = body.map((one) => /^X-Lab-Id: (.*)$/.exec(one)?.[1]).find((one) => one !== undefined) ?? '-';
        body = undefined;
        isBusy = true;
        setTimeout(() => {
          isBusy = false;
          if (!inside.has(socket)) return;
          takeMessage();
          work();
          if (isHalfClosed) goodbye();
        }, takes());
        return;
      }
      const verb = line.slice(0, 4).toUpperCase();
      if (verb === 'EHLO') say('250-provider.example\r\n250-PIPELINING\r\n250 8BITMIME');
      else if (verb === 'MAIL' && mood === 'refuse') {
        leave(socket);
        socket.end(`421 4.7.0 ${spec.name} closes, try again later\r\n`);
      } else if (verb === 'MAIL') {
        recipients = [];
        say('250 2.1.0 ok');
      } else if (verb === 'RCPT' && mood === 'defer') {
        counts.deferred += 1;
        say('451 4.7.1 try again later');
      } else if (verb === 'RCPT') {
        recipients.push(/<(.*)>/.exec(line)?.[1] ?? '');
        say('250 2.1.5 ok');
      } else if (verb === 'DATA' && recipients.length === 0) say('554 5.5.1 no recipients');
      else if (verb === 'DATA') {
        body = [];
        say('354 go on');
      } else if (verb === 'QUIT') {
        leave(socket);
        socket.end('221 2.0.0 bye\r\n');
      } else say('250 2.0.0 ok');
    };
    const work = () => {
      for (let end = text.indexOf('\r\n'); end >= 0 && !isBusy; end = text.indexOf('\r\n')) {
        const line = text.slice(0, end);
        text = text.slice(end + 2);
        onLine(line);
      }
    };
    say('220 provider.example ESMTP');
    socket.on('end', () => {
      isHalfClosed = true;
      goodbye();
    });
    socket.on('data', (chunk) => {
      text += chunk;
      work();
    });
  };
  const leave = (socket: net.Socket) => {
    inside.delete(socket);
    present.delete(socket);
  };

  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.setEncoding('latin1');
    socket.setNoDelay(true);
    socket.on('error', () => {
      leave(socket);
      socket.destroy();
    });
    socket.on('close', () => {
      leave(socket);
      sockets.delete(socket);
    });
    // A goodbye that came before this connection did is heard first: events come by socket, not by time.
    setImmediate(() => setImmediate(() => admit(socket)));
  });
  await new Promise<void>((resolve, reject) => {
    server.on('error', reject);
    server.listen({ port, host: address, backlog: 1024 }, resolve);
  });
  const provider: Provider = {
    name: spec.name,
    address,
    domains: spec.domains,
    open: () => present.size,
    most: () => counts.most,
    refused: () => counts.refused,
    connections: () => counts.connections,
    deferred: () => counts.deferred,
    taken: () => counts.taken,
    seen,
    tookMs: () => counts.lastAt - counts.firstAt,
    set(change) {
      mood = change.mood ?? mood;
      limit = change.limit ?? limit;
      ms = change.ms ?? ms;
    },
    reset() {
      counts = none();
      counts.most = present.size;
    },
  };
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  return { provider, close };
}

/** `gmail  taken 1,203  open 16  most 18  refused 0`, a line each. */
export function providersText(providers: Providers): string {
  return providers.all
    .map((one) => {
      const figures = {
        taken: one.taken(),
        open: one.open(),
        most: one.most(),
        connections: one.connections(),
        refused: one.refused(),
        deferred: one.deferred(),
      };
      const words = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
      return `${one.name.padEnd(12)} ${words.join('  ')}\n`;
    })
    .join('');
}
