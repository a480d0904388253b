// What a Postfix instance's configuration allows: how long a message may wait, how many may be active at once. A time
// without a unit is in days here (postconf(5), maximal_queue_lifetime).
import type { QueueLimits } from '../../queue/driver.js';
import { CHOOSE_INSTANCE, type PostfixPlace } from './instance.js';

const SCRIPT = `${CHOOSE_INSTANCE}
postconf -hx maximal_queue_lifetime qmgr_message_active_limit
`;

/** Asks it; what it does not say is not known. @throws TransportError */
export async function readLimits(
  { transport, host, within, instance }: PostfixPlace,
  signal?: AbortSignal,
): Promise<QueueLimits> {
  const { stdout } = await transport.run(
    host,
    {
      name: 'postfix.limits',
      script: SCRIPT,
      args: [instance],
      readOnly: true,
      privileged: true,
      within,
      timeoutMs: 10_000,
    },
    { signal },
  );
  return parseLimits(stdout);
}

/** Reads its answer, a line each. */
export function parseLimits(stdout: string): QueueLimits {
  const [lifetime = '', active = ''] = stdout.split('\n').map((line) => line.trim());
  return {
    lifetimeS: postfixTime(lifetime, 'd'),
    activeMessages: /^[1-9]\d{0,8}$/.test(active) ? Number(active) : null,
  };
}

const UNITS: ReadonlyMap<string, number> = new Map([
  ['s', 1],
  ['m', 60],
  ['h', 3600],
  ['d', 86_400],
  ['w', 7 * 86_400],
]);

/** `5d` or `100h` in seconds; a number alone has the default unit. Null: no time. */
export function postfixTime(text: string, unit: string): number | null {
  const found = /^(\d{1,8})([smhdw]?)$/.exec(text);
  if (found === null) return null;
  return Number(found[1]) * (UNITS.get(found[2] || unit) ?? 1);
}
