// What a broken uplink costs the host it belongs to: connections that hang on its address, who holds them, and how many
// descriptors are left to the holder. Two looks a while apart tell when they run out. Descriptors of other users'
// processes are root's to see; without it the machine's own table is all there is.
import { CommandError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import type { DescriptorUse, HostSockets } from '../../probe/cost.js';
import type { Transport } from '../../transport/transport.js';
import { parseSockets } from './sockets.js';

const READ_MS = 8000;

// $1: port. Three processes at most: the rest holds less.
const SCRIPT = String.raw`
command -v ss > /dev/null || exit 69
seen=$(ss -Htnpi "( dport = :$1 )")
printf 'files %s\n' "$(cat /proc/sys/fs/file-nr 2> /dev/null)"
printf '%s\n' "$seen" | sed -n 's/^\([A-Z][^(]*\).*pid=\([0-9]*\).*/\2/p' | sort | uniq -c | sort -rn | head -n 3 |
while read -r held pid; do
  fds=0
  for fd in /proc/$pid/fd/*; do [ ! -L "$fd" ] || fds=$((fds + 1)); done
  limit=$(sed -n 's/^Max open files *\([0-9]*\).*/\1/p' "/proc/$pid/limits" 2> /dev/null)
  read -r name < "/proc/$pid/comm" || continue
  printf 'process %s %s %s %s %s\n' "$pid" "$held" "$fds" "$limit" "$name"
done
echo ss
printf '%s\n' "$seen"
`;

/** Asks a host. @throws TransportError, CommandError */
export async function readHanging(
  transport: Transport,
  host: Host,
  port: number,
  signal?: AbortSignal,
): Promise<HostSockets> {
  const { status, stdout, stderr } = await transport.run(
    host,
    {
      name: 'sockets.hanging',
      script: SCRIPT,
      args: [String(port)],
      readOnly: true,
      privileged: true,
      timeoutMs: READ_MS,
    },
    { signal },
  );
  if (status !== 0) throw new CommandError(host.name, 'looking at connections', status, stderr);
  return parseHanging(stdout);
}

/** Reads the answer; what is no line of ours is skipped. */
export function parseHanging(stdout: string): HostSockets {
  const at = stdout.search(/^ss$/m);
  const head = at < 0 ? stdout : stdout.slice(0, at);
  const processes: DescriptorUse[] = [];
  let machine: DescriptorUse | null = null;
  for (const line of head.split('\n')) {
    const files = /^files (\d{1,19})\s+(\d{1,19})\s+(\d{1,19})$/.exec(line);
    if (files !== null)
      machine = { name: 'the machine', pid: null, used: Number(files[1]), limit: Number(files[3]) };
    const process = /^process (\d{1,10}) (\d{1,10}) (\d{1,10}) (\d{1,10}) (.{1,64})$/.exec(line);
    if (process !== null && Number(process[3]) > 0)
      processes.push({
        name: process[5] ?? '',
        pid: Number(process[1]),
        used: Number(process[3]),
        limit: Number(process[4]),
      });
  }
  return { sockets: at < 0 ? [] : parseSockets(stdout.slice(at)), processes, machine };
}
