/**
 * Faults of the uplinks lab, as words: `level3 size n=500 hop=2` is a provider's, `gmail.example code=421` a
 * server's. Setting replaces all that were set before, on the routers and on the servers.
 */
import fs from 'node:fs';
import net from 'node:net';
import { LabError } from '../errors.js';
import type { Uplinks } from './spec.js';

/** What a router may do to packets; `n` is bytes, percent, packets or one flow in n. */
export type PathFaultKind =
  | 'blackhole'
  | 'loss'
  | 'size'
  | 'dies'
  | 'mtu'
  | 'share'
  | 'silent'
  | 'limit'
  | 'delay'
  | 'prohibited'
  | 'unreachable'
  | 'filter'
  | 'reset'
  | 'intercept'
  | 'corrupt'
  | 'reorder'
  | 'syn';

export interface PathFault {
  readonly kind: PathFaultKind;
  readonly provider: string;
  /** From 1 on; 2 by default. */
  readonly hop?: number;
  /** Of an ECMP group, from 0 on. */
  readonly member?: number;
  readonly dir?: 'out' | 'in' | 'both';
  readonly n?: number;
  readonly ms?: number;
  readonly jitter?: number;
  readonly port?: number;
  readonly family?: 4 | 6;
  /** Of an interceptor: it is the router itself, not a machine behind it. */
  readonly inline?: boolean;
  /** Of an MTU hole: no ICMP is sent. */
  readonly mute?: boolean;
}

/** What a mail server of the world may do. */
export const serverFaultKinds = [
  'code',
  'reset',
  'refused',
  'silent',
  'hang',
  'late',
  'tarpit',
  'drip',
  'certificate',
  'garbage',
  'no-starttls',
  'no-pipelining',
  'endless',
  'long-line',
  'nul',
  'escapes',
  'close',
  'banner',
] as const;

export interface ServerFault {
  readonly kind: (typeof serverFaultKinds)[number];
  /** A domain, or `*`. */
  readonly server: string;
  /** Only for connections from this provider's addresses. */
  readonly from?: string;
  /** Where: banner, ehlo, starttls, tls, ehlo2, big, mail, rcpt. */
  readonly at?: string;
  /** A reply, as a word without blanks (underscores become blanks), or the kind of certificate. */
  readonly reply?: string;
  readonly ms?: number;
}

export type Fault = PathFault | ServerFault;

/** The server faults that have names of their own in a table of faults. */
export const isServerFault = (fault: Fault): fault is ServerFault => 'server' in fault;

/** Reads `WHO KIND [key=value...]`. */
export function parseFault(lab: Uplinks, words: readonly string[]): Fault {
  const [who = '', kind = '', ...rest] = words;
  const values: Record<string, string | number | boolean> = {};
  for (const word of rest) {
    const [key = '', value = ''] = word.split('=', 2);
    values[key] = value === 'true' ? true : /^[\d.]+$/.test(value) && key !== 'reply' ? Number(value) : value;
  }
  if (lab.spec.providers.some(({ name }) => name === who))
    return { kind, provider: who, ...values } as unknown as PathFault;
  if (who === '*' || lab.spec.servers.some(({ domain }) => domain === who))
    return { kind, server: who, ...values } as unknown as ServerFault;
  const names = [
    ...lab.spec.providers.map(({ name }) => name),
    ...lab.spec.servers.map(({ domain }) => domain),
    '*',
  ];
  throw new LabError(`no provider or server ${who}: ${names.join(', ')}`);
}

/** Puts exactly these faults in place; none: everything is well again. */
export async function setFaults(lab: Uplinks, faults: readonly Fault[]): Promise<void> {
  const { interceptor } = lab.spec;
  const lines = faults
    .filter((fault): fault is PathFault => !isServerFault(fault))
    .map(({ kind, ...keys }) => {
      const more = kind === 'intercept' ? { there: interceptor.four, there6: interceptor.six } : {};
      const words = Object.entries({ ...keys, ...more })
        .filter(([, value]) => value !== false && value !== undefined)
        .map(([key, value]) => `${key}=${value === true ? 1 : value}`);
      return `${[kind, ...words].join(' ')}\n`;
    });
  const servers = faults.filter(isServerFault);
  const said = await Promise.all([
    ask(lab.paths.routers, `${lines.join('')}end\n`),
    ask(lab.paths.servers, `${JSON.stringify(servers)}\n`),
  ]);
  const wrong = said.map((text) => text.trim()).filter((text) => text !== 'ok');
  if (wrong.length > 0) throw new LabError(wrong.join('; '));
  fs.writeFileSync(lab.paths.faults, `${JSON.stringify(faults)}\n`);
}

/** The faults that are in place. */
export function faultsOf(lab: Uplinks): readonly Fault[] {
  return fs.existsSync(lab.paths.faults)
    ? (JSON.parse(fs.readFileSync(lab.paths.faults, 'utf8')) as Fault[])
    : [];
}

function ask(socketPath: string, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(socketPath);
    let said = '';
    socket.setTimeout(5000, () => socket.destroy(new LabError(`${socketPath} does not answer`)));
    socket.on('connect', () => socket.write(text));
    socket.on('data', (chunk) => {
      said += chunk.toString();
    });
    socket.on('error', (error) => reject(new LabError(`${socketPath}: ${error.message}`)));
    socket.on('end', () => resolve(said));
  });
}
