// How long Exim tries: the last cut-off of the retry rule for a name that no rule names (`exim -brt`). What has failed for
// that long is returned; a rule of its own for a domain is not looked at. Exim has no limit of active messages.
import type { Host } from '../../fleet/host.js';
import type { QueueLimits } from '../../queue/driver.js';
import type { Transport } from '../../transport/transport.js';

const SCRIPT = `exim=$(command -v exim4 || command -v exim) || exit 0
"$exim" -brt a-name-that-no-rule-names.invalid 2> /dev/null
exit 0
`;

/** Asks it; what it does not say is not known. @throws TransportError */
export async function readLimits(
  {
    transport,
    host,
    within,
  }: { readonly transport: Transport; readonly host: Host; readonly within?: readonly string[] | undefined },
  signal?: AbortSignal,
): Promise<QueueLimits> {
  const { stdout } = await transport.run(
    host,
    {
      name: 'exim.limits',
      script: SCRIPT,
      args: [],
      readOnly: true,
      privileged: true,
      within,
      timeoutMs: 10_000,
    },
    { signal },
  );
  return { lifetimeS: parseRetryRule(stdout), activeMessages: null };
}

const SECONDS: ReadonlyMap<string, number> = new Map([
  ['s', 1],
  ['m', 60],
  ['h', 3600],
  ['d', 86_400],
  ['w', 7 * 86_400],
]);

/** `Retry rule: *  F,2h,15m; G,16h,1h,1.5; F,4d,6h;` to the last cut-off in seconds; null: there is none. */
export function parseRetryRule(stdout: string): number | null {
  const rule = /^Retry rule: (.*)$/m.exec(stdout)?.[1]?.slice(0, 1000) ?? '';
  const cutOffs = [...rule.matchAll(/\b[FGH],((?:\d{1,6}[smhdw])+),/g)].map(([, time = '']) =>
    [...time.matchAll(/(\d+)([smhdw])/g)].reduce(
      (sum, [, count, unit]) => sum + Number(count) * (SECONDS.get(unit ?? '') ?? 0),
      0,
    ),
  );
  return cutOffs.length === 0 ? null : Math.max(...cutOffs);
}
