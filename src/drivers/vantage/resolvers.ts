// The resolvers of a host, as its mail server uses them: /etc/resolv.conf, of which glibc takes the first three.
import { CommandError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import type { Transport } from '../../transport/transport.js';

const READ_MS = 5000;
const MOST = 3;
const SCRIPT = `[ ! -r /etc/resolv.conf ] || sed -n 's/^nameserver[[:space:]][[:space:]]*//p' /etc/resolv.conf`;

/** Asks a host. @throws TransportError, CommandError */
export async function readResolvers(
  transport: Transport,
  host: Host,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const { status, stdout, stderr } = await transport.run(
    host,
    {
      name: 'resolvers.read',
      script: SCRIPT,
      args: [],
      readOnly: true,
      privileged: false,
      timeoutMs: READ_MS,
    },
    { signal },
  );
  if (status !== 0) throw new CommandError(host.name, 'reading /etc/resolv.conf', status, stderr);
  return parseResolvers(stdout);
}

/** Addresses only, each once; without any, glibc asks this machine. */
export function parseResolvers(stdout: string): readonly string[] {
  const found = stdout
    .split('\n')
    .map((line) => line.trim().split(/\s/)[0]?.toLowerCase().replace(/%.*$/, '') ?? '')
    .filter((word) => /^(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]*:[0-9a-f:.]+)$/.test(word));
  return found.length === 0 ? ['127.0.0.1'] : [...new Set(found)].slice(0, MOST);
}
