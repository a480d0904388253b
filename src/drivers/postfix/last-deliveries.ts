// The last LMTP deliveries to single slots that a Postfix host logged (3.x), each with its recipient and message id,
// so that they can be looked up. Reads the log's end only, within hours; both usual forms of time. A host without
// Postfix or without a log answers nothing. Changes nothing.

import type { Host } from '../../fleet/host.js';
import { monthOf } from '../../lib/month.js';
import type { LmtpEnd } from '../../slot/look-around.js';
import type { MxDelivery } from '../../slot/mx-lookup.js';
import type { Transport } from '../../transport/transport.js';
import { LOG_END } from './log-script.js';

const FIELD = '\x1f';

/** Bytes of the log's end: some hours of a busy host. */
const TAIL_BYTES = 16 * 1024 * 1024;
/** Deliveries per place of hand-over. */
const MOST = 20;
/** Older ones prove nothing that matters. */
const MOST_AGE_S = 12 * 3600;

// In: a line a place, `NUMBER US NAME,ADDRESS,... US PORT`. Out: `now US epoch US offset`, then `NUMBER US time US
// queue id US message id US recipient`. A record's fields are cut: a log line has no US, and none is trusted.
const SCRIPT = `${LOG_END}
bytes=$1 most=$2
printf 'now%s%s%s%s\\n' "$US" "$(date +%s)" "$US" "$(date +%z)"
places=$(while IFS=$US read -r number names port; do
  all=$(printf '%s' "$names" | tr ',' ' ')
  for name in $all; do all="$all $(getent ahosts "$name" 2> /dev/null | awk '{ printf "%s ", $1 }')"; done
  printf '%s %s %s\\n' "$number" "$port" "$all"
done)
{ printf '%s\\n' "$places"; printf '\\036\\n'; log_end "$bytes"; } | awk -v us="$US" -v most="$most" '
  !started && $0 == "\\036" { started = 1; next }
  !started { 
    for (i = 3; i <= NF; i++) {
      key = $i " " $2
      if (!index(place[key] " ", " " $1 " ")) place[key] = place[key] " " $1
    }
    next
  }
  { tag = $1 ~ /^[0-9][0-9][0-9][0-9]-/ ? $3 : $5 }
  tag ~ /\\/cleanup\\[[0-9]+\\]:$/ && /: [0-9A-Za-z]+: message-id=/ {
    match($0, /\\/cleanup\\[[0-9]+\\]: /); rest = substr($0, RSTART + RLENGTH)
    at = index(rest, ": message-id="); mid[substr(rest, 1, at - 1)] = substr(rest, at + 13, 1000); next
  }
  tag ~ /\\/lmtp\\[[0-9]+\\]:$/ && / status=sent / {
    match($0, /\\/lmtp\\[[0-9]+\\]: /); rest = substr($0, RSTART + RLENGTH)
    at = index(rest, ": to=<"); if (!at) next
    id = substr(rest, 1, at - 1); if (id !~ /^[0-9A-Za-z]+$/) next
    rest = substr(rest, at + 6)
    if (!match(rest, />, (orig_to=.*, )?relay=[^ ,]*\\[[0-9a-fA-F.:]+\\]:[0-9]+, /)) next
    to = substr(rest, 1, RSTART - 1); relay = substr(rest, RSTART, RLENGTH - 2)
    match(relay, /\\[[0-9a-fA-F.:]+\\]:[0-9]+$/); relay = substr(relay, RSTART + 1, RLENGTH - 1)
    cut = index(relay, "]:"); key = substr(relay, 1, cut - 1) " " substr(relay, cut + 2)
    if (!(key in place)) next
    if ($1 ~ /^[0-9][0-9][0-9][0-9]-/) time = $1; else time = $1 " " $2 " " $3
    n = split(place[key], numbers, " ")
    for (i = 1; i <= n; i++) {
      slot = numbers[i]; k = count[slot]++ % most
      line[slot, k] = slot us time us id us mid[id] us substr(to, 1, 1000)
    }
  }
  END { for (slot in count) for (k = 0; k < most; k++) if ((slot, k) in line) print line[slot, k] }'
`;

/** The last deliveries to these places. @throws TransportError */
export function postfixLastDeliveries(transport: Transport) {
  return async (mx: Host, ends: readonly LmtpEnd[], signal?: AbortSignal): Promise<readonly MxDelivery[]> => {
    if (ends.length === 0) return [];
    const { stdout } = await transport.run(
      mx,
      {
        name: 'postfix.last-deliveries',
        script: SCRIPT,
        args: [String(TAIL_BYTES), String(MOST)],
        stdin: ends
          .map(
            ({ names, port }, index) => `${index}${FIELD}${names.filter(isName).join(',')}${FIELD}${port}\n`,
          )
          .join(''),
        readOnly: true,
        privileged: true,
        timeoutMs: 20_000,
      },
      { signal },
    );
    return parseLastDeliveries(stdout, mx.name, ends);
  };
}

const isName = (text: string): boolean => /^[\w.:%-]+$/.test(text) && !text.startsWith('-');

/** Reads the script's answer; lines that are none are skipped: they are evidence, and its absence is safe. */
export function parseLastDeliveries(
  stdout: string,
  mx: string,
  ends: readonly { readonly slot: string }[],
): readonly MxDelivery[] {
  const [head = '', ...lines] = stdout.split('\n');
  const [word, epoch = '', zone = ''] = head.split(FIELD);
  if (word !== 'now' || !/^\d{1,12}$/.test(epoch)) return [];
  const now = Number(epoch);
  const found = lines.flatMap((line): readonly MxDelivery[] => {
    const fields = line.split(FIELD);
    const [number = '', time = '', queueId = '', id = '', recipient = ''] = fields;
    const slot = /^\d{1,6}$/.test(number) ? ends[Number(number)]?.slot : undefined;
    const at = parseLogTime(time, now, zone);
    if (fields.length !== 5 || slot === undefined || at === null || recipient === '') return [];
    if (at > now + MOST_AGE_S || at < now - MOST_AGE_S) return [];
    const messageId = /^<[^<>\s]+>$/.test(id) ? id : null;
    return [{ mx, slot, at, recipient, queueId, messageId }];
  });
  const bySlot = new Map<string, MxDelivery[]>();
  for (const one of found.sort((a, b) => a.at - b.at))
    bySlot.set(one.slot, [...(bySlot.get(one.slot) ?? []), one]);
  return [...bySlot.values()].flatMap((all) => all.slice(-MOST));
}

/**
 * A log's time, epoch seconds: ISO 8601 with its own offset, or `Nov 27 02:51:21` in the host's zone. One without a
 * year that lies ahead of `now` is of the year before.
 */
export function parseLogTime(text: string, now: number, zone: string): number | null {
  if (/^\d{4}-/.test(text)) {
    const ms = Date.parse(text.replace(/([+-]\d\d)(\d\d)$/, '$1:$2'));
    return Number.isNaN(ms) ? null : Math.floor(ms / 1000);
  }
  const found = /^([A-Z][a-z]{2}) +(\d{1,2}) (\d\d):(\d\d):(\d\d)$/.exec(text);
  const offset = /^([+-])(\d\d)(\d\d)$/.exec(zone);
  const month = monthOf(found?.[1] ?? '');
  if (found === null || offset === null || month < 0) return null;
  const shift = (Number(offset[2]) * 3600 + Number(offset[3]) * 60) * (offset[1] === '-' ? -1 : 1);
  const of = (year: number) => {
    const [, , day, hour, minute, second] = found.map(Number);
    return Date.UTC(year, month, day, hour, minute, second) / 1000 - shift;
  };
  const year = new Date((now + shift) * 1000).getUTCFullYear();
  const at = of(year);
  return at > now + 86_400 ? of(year - 1) : at;
}
