// The last LMTP deliveries that a Postfix host logged, per mail-store host: a sign of life that neither the store
// nor its replicas can give. Reads the log's end only (Postfix 3.x; `relay=NAME[ADDRESS]:PORT, ... status=sent`),
// in files of both usual time forms. A host without Postfix or without a log answers nothing. Changes nothing.
import type { Host } from '../../fleet/host.js';
import type { StoreName } from '../../slot/look-around.js';
import type { Transport } from '../../transport/transport.js';
import { LOG_END } from './log-script.js';

const FIELD = '\x1f';

/** Bytes of the log's end that are read: some hours of a busy host, a fraction of a second of work. */
const TAIL_BYTES = 16 * 1024 * 1024;

const SCRIPT = `${LOG_END}
bytes=$1; shift
now=$(date +%s)
# The last line per relay address; a log line is hostile text and is never more than data here.
last=$(log_end "$bytes" | awk -v us="$US" '
  /\\/lmtp\\[[0-9]+\\]: / && / status=sent / {
    if (!match($0, /relay=[^ ,]*\\[[0-9a-fA-F.:]+\\]/)) next
    relay = substr($0, RSTART + 6, RLENGTH - 6); at = index(relay, "[")
    address = substr(relay, at + 1, length(relay) - at - 1)
    if ($1 ~ /^[0-9][0-9][0-9][0-9]-/) time = $1; else time = $1 " " $2 " " $3
    seen[address] = time
  }
  END { for (address in seen) print address us seen[address] }')
for store; do
  name=\${store%%=*}
  addresses=" $(printf '%s' "\${store#*=}" | tr ',' ' ') $(getent ahosts "$name" 2> /dev/null | awk '{ printf "%s ", $1 }') "
  printf '%s\\n' "$last" | while IFS=$US read -r address time; do
    [ -n "$address" ] || continue
    case $addresses in *" $address "*) ;; *) continue ;; esac
    epoch=$(date -d "$time" +%s 2> /dev/null) || continue
    # A time without a year that lies ahead is of the year before.
    [ "$epoch" -le $((now + 86400)) ] || epoch=$(date -d "$time 1 year ago" +%s 2> /dev/null) || continue
    printf '%s%s%s\\n' "$name" "$US" "$epoch"
  done
done
`;

/**
 * When each store was last seen accepting mail by LMTP, epoch seconds by the log's clock; stores that the log does
 * not name are absent. @throws TransportError
 */
export function postfixDeliveries(transport: Transport) {
  return async (
    mx: Host,
    stores: readonly StoreName[],
    signal?: AbortSignal,
  ): Promise<ReadonlyMap<string, number>> => {
    const { stdout } = await transport.run(
      mx,
      {
        name: 'postfix.deliveries',
        script: SCRIPT,
        args: [String(TAIL_BYTES), ...stores.map(({ name, addresses }) => `${name}=${addresses.join(',')}`)],
        readOnly: true,
        privileged: true,
        timeoutMs: 10_000,
      },
      { signal },
    );
    return parseDeliveries(stdout);
  };
}

/** Reads the script's answer; lines that are none are skipped: they are evidence, and its absence is safe. */
export function parseDeliveries(stdout: string): ReadonlyMap<string, number> {
  const newest = new Map<string, number>();
  for (const line of stdout.split('\n')) {
    const [name = '', epoch = ''] = line.split(FIELD);
    if (name === '' || !/^\d{1,12}$/.test(epoch)) continue;
    newest.set(name, Math.max(newest.get(name) ?? 0, Number(epoch)));
  }
  return newest;
}
