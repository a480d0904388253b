// Connections outwards of a host by `ss -tni`, else by /proc/net/tcp and tcp6, which know no times. Ports are numbers
// of ours. iproute2 prints a connection's details on a line of its own, that begins with blanks.
import { CommandError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import type { Socket } from '../../queue/socket.js';
import type { Transport } from '../../transport/transport.js';

const READ_MS = 20_000;

// $@: ports. An IPv4 address of /proc is a number in the machine's own order.
const SCRIPT = String.raw`
filter=
for port; do filter="$filter\${filter:+ or }dport = :$port"; done
if command -v ss > /dev/null; then
  echo ss
  exec ss -Htnai "( $filter )"
fi
echo proc
for file in /proc/net/tcp /proc/net/tcp6; do
  [ ! -r "$file" ] || while read -r _ local peer state _; do
    case $state in st) continue ;; esac
    for port; do [ "$(printf '%04X' "$port")" != "\${peer##*:}" ] || printf '%s %s %s\n' "$local" "$peer" "$state"; done
  done < "$file"
done
`.replaceAll('\\${', '${');

const STATES: Readonly<Record<string, string>> = {
  '01': 'established',
  '02': 'syn-sent',
  '04': 'fin-wait-1',
  '05': 'fin-wait-2',
  '06': 'time-wait',
  '07': 'closed',
  '08': 'close-wait',
  '09': 'last-ack',
  '0B': 'closing',
};

/** Asks a host. @throws TransportError, CommandError */
export async function readSockets(
  transport: Transport,
  host: Host,
  ports: readonly number[],
  options: {
    readonly within?: readonly string[] | undefined;
    readonly signal?: AbortSignal | undefined;
  } = {},
): Promise<readonly Socket[]> {
  const { status, stdout, stderr } = await transport.run(
    host,
    {
      name: 'sockets.read',
      script: SCRIPT,
      args: ports.map(String),
      readOnly: true,
      privileged: false,
      within: options.within,
      timeoutMs: READ_MS,
    },
    { signal: options.signal },
  );
  if (status !== 0) throw new CommandError(host.name, 'looking at connections', status, stderr);
  return parseSockets(stdout);
}

/** Reads the script's answer; lines that are none are skipped. */
export function parseSockets(stdout: string): readonly Socket[] {
  const [kind, ...lines] = stdout.split('\n');
  return kind === 'proc' ? lines.flatMap(parseProc) : parseSs(lines);
}

function parseSs(lines: readonly string[]): readonly Socket[] {
  const sockets: Socket[] = [];
  for (const line of lines) {
    const last = sockets.at(-1);
    if (/^\s/.test(line)) {
      const quietMs = quietOf(line);
      if (last !== undefined && quietMs !== null) sockets[sockets.length - 1] = { ...last, quietMs };
      continue;
    }
    const [state = '', , , local = '', peer = '', ...rest] = line.split(/\s+/);
    const near = parseEnd(local);
    const far = parseEnd(peer);
    if (near === null || far === null) continue;
    const word = state.toLowerCase();
    sockets.push({
      local: near.address,
      peer: far.address,
      port: far.port,
      state: word === 'estab' ? 'established' : word,
      quietMs: quietOf(rest.join(' ')),
    });
  }
  return sockets;
}

function quietOf(details: string): number | null {
  const times = [...details.matchAll(/\blast(?:snd|rcv):(\d{1,12})\b/g)].map(([, ms]) => Number(ms));
  return times.length === 0 ? null : Math.min(...times);
}

// `198.51.100.1:25`, `[2001:db8::1]:25`, `[::ffff:198.51.100.1]:25`, `[fe80::1%eth0]:25`.
function parseEnd(text: string): { readonly address: string; readonly port: number } | null {
  const found =
    /^\[([0-9A-Fa-f:.]{2,45})(?:%[^\]]{1,20})?\]:(\d{1,5})$/.exec(text) ??
    /^([\d.]{7,15})(?:%[^:]{1,20})?:(\d{1,5})$/.exec(text);
  if (found === null) return null;
  const [, address = '', port] = found;
  return { address: address.toLowerCase().replace(/^::ffff:(?=\d+\.)/, ''), port: Number(port) };
}

function parseProc(line: string): readonly Socket[] {
  const [local = '', peer = '', state = ''] = line.split(' ');
  const [near, far] = [parseHex(local), parseHex(peer)];
  if (near === null || far === null) return [];
  return [
    {
      local: near.address,
      peer: far.address,
      port: far.port,
      state: STATES[state.toUpperCase()] ?? state,
      quietMs: null,
    },
  ];
}

function parseHex(text: string): { readonly address: string; readonly port: number } | null {
  const found = /^([0-9A-Fa-f]{8}|[0-9A-Fa-f]{32}):([0-9A-Fa-f]{4})$/.exec(text);
  if (found === null) return null;
  const [, hex = '', port = ''] = found;
  // Words of four bytes, each in the machine's own order: little-endian on all that runs mail today.
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) =>
    (word.match(/../g) ?? []).reverse().map((byte) => Number.parseInt(byte, 16)),
  );
  const isMapped = bytes.length === 16 && bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255;
  const four = bytes.length === 4 ? bytes : isMapped ? bytes.slice(12) : null;
  const address = four === null ? sixOf(bytes) : four.join('.');
  return { address, port: Number.parseInt(port, 16) };
}

/** RFC 5952: the first longest run of zeros, if it is longer than one, becomes `::`. */
function sixOf(bytes: readonly number[]): string {
  const groups = Array.from({ length: 8 }, (_, at) =>
    (((bytes[at * 2] ?? 0) << 8) | (bytes[at * 2 + 1] ?? 0)).toString(16),
  );
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at += 1) {
    let end = at;
    while (groups[end] === '0') end += 1;
    if (end - at > best.length) best = { at, length: end - at };
  }
  if (best.at < 0) return groups.join(':');
  return `${groups.slice(0, best.at).join(':')}::${groups.slice(best.at + best.length).join(':')}`;
}
