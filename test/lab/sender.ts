/**
 * A site's own sender on mx1 (hostfiles/sender.pl) with a supervisor, as one may have it: it has the two faults of a
 * real outage until it is replaced, and the memory that it may have is bounded. It sends to the lab's providers.
 */

import { inHost } from './host.js';
import { hostFile } from './hostfile.js';
import type { Provider } from './providers.js';
import type { Lab } from './spec.js';

const SUPERVISOR = `#!/bin/sh
# Starts the sender again whenever it ends, as systemd would.
cd /srv/sender
while :; do
  (ulimit -v "$(cat memory)"; exec /usr/local/sbin/senderd $(cat words)) >> senderd.log 2>&1
  echo "$(date +%T) senderd ended with status $?, is started again" >> supervisor.log
  sleep 1
done
`;

const tools = ['list', 'hold', 'release', 'flush'] as const;

/** The queue as the configuration names it. */
export const senderQueue = {
  driver: 'exec',
  process: 'senderd',
  ...Object.fromEntries(tools.map((verb) => [verb, ['/usr/local/sbin/sender', verb]])),
} as const;

/** One that runs. */
export interface Sender {
  /** So many messages more, for these domains. */
  fill(count: number, domains: readonly string[]): Promise<void>;
  /** The version without the faults takes the place of the one that runs. */
  deployFix(): Promise<void>;
  /** How often its supervisor has started it again. */
  restarts(): Promise<number>;
  /** Messages by state. */
  counts(): Promise<Readonly<Record<string, number>>>;
  stop(): Promise<void>;
}

/** Puts it on mx1 and starts it with its faults. `memoryKb`: the address space that it may have. */
export async function startSender(
  lab: Lab,
  providers: readonly Provider[],
  { memoryKb, limit }: { readonly memoryKb: number; readonly limit: number },
): Promise<Sender> {
  const sh = async (script: string, input?: string) =>
    (await inHost(lab, 'mx1', ['sh', '-c', script], input === undefined ? {} : { input })).stdout.trim();
  const routes = providers.flatMap(({ name, address, domains }) =>
    domains.map((domain) => `${domain} ${name} ${address} ${limit}\n`),
  );
  let filled = 0;
  await sh(
    'mkdir -p /srv/sender && cd /srv/sender && mkdir -p incoming active deferred hold && cat > /usr/local/sbin/senderd &&' +
      ' chmod 755 /usr/local/sbin/senderd && ln -sf senderd /usr/local/sbin/sender',
    `#!/usr/bin/perl\n${hostFile('sender.pl')}`,
  );
  await sh('cat > /srv/sender/routes', routes.join(''));
  await sh(`cd /srv/sender && echo ${memoryKb} > memory && : > words && : > supervisor.log`);
  await sh('cat > /usr/local/sbin/supervise && chmod 755 /usr/local/sbin/supervise', SUPERVISOR);
  await sh(
    'setsid /usr/local/sbin/supervise > /dev/null 2>&1 < /dev/null & echo $! > /srv/sender/supervisor.pid',
  );
  const kill = 'for pid in $(grep -lsx -e senderd /proc/[0-9]*/comm | cut -d / -f 3); do kill -9 $pid; done';
  return {
    async fill(count, domains) {
      await inHost(
        lab,
        'mx1',
        ['/usr/local/sbin/sender', 'fill', String(count), String(filled), ...domains],
        {
          timeoutMs: 120_000,
        },
      );
      filled += count;
    },
    async deployFix() {
      await sh(`cd /srv/sender && echo --fixed > words; ${kill}`);
    },
    restarts: async () => Number(await sh('wc -l < /srv/sender/supervisor.log')),
    async counts() {
      const text = await sh(
        'cd /srv/sender && for s in incoming active deferred hold; do echo "$s $(ls -U $s | wc -l)"; done',
      );
      return Object.fromEntries(
        text.split('\n').map((line) => [line.split(' ')[0], Number(line.split(' ')[1])]),
      );
    },
    async stop() {
      await sh(`kill -9 "$(cat /srv/sender/supervisor.pid)"; ${kill}`);
    },
  };
}
