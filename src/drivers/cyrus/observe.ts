// From what the observe script printed to what is known of each instance. Pure. Whatever cannot be told is null
// with the reason in `problem`; nothing here turns an unknown into a fine.
import { isLoopback } from '../../lib/ip.js';
import type { ChannelState, InstanceState, Lease, Role, Service } from '../../slot/driver.js';
import type { Instance } from '../../slot/slot.js';
import { capabilitiesOf, parseCyrusVersion } from './capabilities.js';
import {
  channelsOf,
  isWrapped,
  isYes,
  parseCyrusConf,
  parseImapdConf,
  parseListen,
  serviceKind,
} from './conf.js';
import type { ConfPair, InstancePaths } from './paths.js';

/** Lines of the script's answer, split into fields, that are about one instance (or the host). */
export type Records = readonly (readonly string[])[];

/** What an instance's own files ask for; kept between looks, since files change less often than processes. */
export interface Confs {
  readonly roles: { readonly [role in Role]?: RoleConf };
  readonly problem: string | null;
  /** Why it would not come up as a master; null: nothing in its files speaks against it. */
  readonly masterFault: string | null;
}

interface RoleConf {
  readonly services: readonly WishedService[];
  readonly channels: readonly { readonly channel: string; readonly syncHost: string | undefined }[];
  readonly logging: boolean;
  readonly readOnly: boolean;
}

interface WishedService {
  readonly name: string;
  readonly kind: Service['kind'];
  readonly address: string;
  readonly port: number | undefined;
}

/** What the host said of itself. */
export interface HostFacts {
  readonly at: number;
  readonly ports: ReadonlyMap<string, number>;
  /** Listening sockets by inode. */
  readonly sockets: ReadonlyMap<string, { readonly address: string; readonly port: number }>;
  /** Of the Cyrus that would be started there; null: it was not asked, or did not say. */
  readonly version: string | null;
}

/** What the names in `listen=` mean on a host without /etc/services (cyrus.conf(5), IANA). */
const USUAL_PORTS: readonly (readonly [string, number])[] = [
  ['lmtp', 24],
  ['http', 80],
  ['pop3', 110],
  ['imap', 143],
  ['imap2', 143],
  ['https', 443],
  ['imaps', 993],
  ['pop3s', 995],
  ['csync', 2005],
  ['sieve', 4190],
];

/** The host's records. */
export function parseHostFacts(records: Records): HostFacts {
  let at = Number.NaN;
  let version: string | null = null;
  const ports = new Map<string, number>();
  const sockets = new Map<string, { address: string; port: number }>();
  for (const [key, first = '', second = ''] of records) {
    if (key === 'time' && /^\d+$/.test(first)) at = Number(first);
    if (key === 'version') version = parseCyrusVersion(first) ?? version;
    if (key === 'svc' && /^\d+$/.test(second) && !ports.has(first)) ports.set(first, Number(second));
    if (key === 'sock') {
      const socket = parseSocket(first);
      if (socket !== undefined) sockets.set(second, socket);
    }
  }
  for (const [name, port] of USUAL_PORTS) if (!ports.has(name)) ports.set(name, port);
  return { at, ports, sockets, version };
}

/** An address of /proc/net/tcp or tcp6: hex in host byte order by 32-bit words, colon, port in hex (proc(5)). */
export function parseSocket(text: string): { address: string; port: number } | undefined {
  const match = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/.exec(text);
  if (match === null) return undefined;
  const hex = match[1] ?? '';
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) =>
    (word.match(/../g) ?? []).reverse().map((byte) => Number.parseInt(byte, 16)),
  );
  return { address: formatAddress(bytes), port: Number.parseInt(match[2] ?? '', 16) };
}

function formatAddress(bytes: readonly number[]): string {
  if (bytes.every((byte) => byte === 0)) return '';
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255) return bytes.slice(12).join('.');
  const groups: string[] = [];
  for (let index = 0; index < 16; index += 2) {
    groups.push((((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0)).toString(16));
  }
  return canonicalAddress(groups.join(':'));
}

/** One spelling for one address, so that what a file says and what the kernel says can be compared. */
function canonicalAddress(address: string): string {
  if (address === '0.0.0.0' || address === '::') return '';
  if (!address.includes(':')) return address;
  try {
    return new URL(`http://[${address}]`).hostname.slice(1, -1);
  } catch {
    return address;
  }
}

/** What the configuration files of an instance ask for. */
export function parseConfs(records: Records, paths: InstancePaths, host: HostFacts): Confs {
  const lines = new Map<string, string[]>();
  for (const [key, label = '', ...rest] of records) {
    if (key !== 'conf') continue;
    const of = lines.get(label) ?? [];
    lines.set(label, of);
    of.push(rest.join(' '));
  }
  const problems: string[] = [];
  const roles: { [role in Role]?: RoleConf } = {};
  const read = (label: string, pair: ConfPair): RoleConf | undefined => {
    const imapd = lines.get(`${label}i`);
    const cyrus = lines.get(`${label}c`);
    if (imapd === undefined || cyrus === undefined) {
      problems.push(`cannot read ${imapd === undefined ? pair.imapd : pair.cyrus}`);
      return undefined;
    }
    const conf = parseCyrusConf(cyrus);
    if (!conf.ok) {
      problems.push(`${pair.cyrus}:${conf.line}: ${conf.problem}`);
      if (label === 'c') return undefined;
    }
    const options = parseImapdConf(imapd);
    return {
      // Where its log leads is told by the other file: what such an instance has can still be drained.
      services: (conf.ok ? conf.services : [])
        .filter((service) => service.section === 'SERVICES' && service.listen !== undefined)
        .map((service) => ({
          name: service.name,
          kind: serviceKind(service.cmd),
          ...listenOf(service.listen ?? '', host.ports),
          ...(isWrapped(service.cmd) ? { wrapped: true as const } : {}),
        }))
        // Whoever looks for an IMAP port finds one that he can speak to without TLS, if there is one.
        .sort((a, b) => Number(a.wrapped === true) - Number(b.wrapped === true)),
      channels: channelsOf(options),
      logging: isYes(options.get('sync_log')),
      readOnly: isYes(options.get('readonly')),
    };
  };
  const letters = { master: 'm', replica: 'r', readonly: 'o' } as const;
  let fault: string | null = null;
  for (const role of ['master', 'replica', 'readonly'] as const) {
    const pair = paths.byRole[role];
    const before = problems.length;
    const conf = pair === undefined ? undefined : read(letters[role], pair);
    if (conf !== undefined) roles[role] = conf;
    if (role === 'master') fault = masterFault(paths, conf, problems.slice(before));
  }
  if (paths.byRole.master === undefined) {
    // Only the files in force can be read: their role is told by what they ask for.
    const conf = read('c', paths.current);
    if (conf !== undefined) roles[roleAskedFor(conf)] = conf;
  }
  return { roles, problem: problems.length === 0 ? null : problems.join('; '), masterFault: fault };
}

function listenOf(listen: string, ports: ReadonlyMap<string, number>) {
  const { address, port } = parseListen(listen, ports);
  return { address: canonicalAddress(address), port };
}

function roleAskedFor(conf: RoleConf): Role {
  if (conf.services.some((service) => service.kind === 'sync')) return 'replica';
  return conf.readOnly ? 'readonly' : 'master';
}

const isOwn = (address: string) => isLoopback(address) || address === 'localhost';

/** All that is known of an instance. `confs` as of the last time that its files were read. */
export function parseInstance(
  instance: Instance,
  paths: InstancePaths,
  records: Records,
  host: HostFacts,
  confs: Confs,
): InstanceState {
  const of = (key: string) => records.filter((record) => record[0] === key);
  const first = (key: string) => of(key)[0];
  const problems: string[] = [];
  if (first('nodir') !== undefined) problems.push(`no directory ${paths.configDir}`);
  if (confs.problem !== null) problems.push(confs.problem);

  const own = of('fd')
    .map(([, fd = '']) => host.sockets.get(/^socket:\[(\d+)\]$/.exec(fd)?.[1] ?? ''))
    .filter((socket) => socket !== undefined);
  const alive = first('pid') !== undefined;
  const orphans = first('orphans');
  let running: boolean | null = alive;
  if (orphans !== undefined) {
    running = null;
    problems.push(`its master process is gone, others of group ${orphans[1]} still run`);
  }
  if (first('nodir') !== undefined || !Number.isFinite(host.at)) running = null;
  const open = !alive && orphans === undefined ? portsHeldByNobody(confs, host) : [];
  if (open.length > 0) {
    running = null;
    problems.push(`no process by its pid file, yet port ${open.join(', ')} is listened on`);
  }

  const configured = configuredRole(paths, records, confs);
  const role = alive ? roleByPorts(own, confs, configured.role) : null;
  if (alive && role === null)
    problems.push(`runs, and its ports tell no role (${describe(own) || 'none listened on'})`);
  const conf = role === null ? undefined : confs.roles[role];
  const services = (conf?.services ?? []).map((service) => ({
    ...service,
    listening: isOwned(service, own),
  }));
  const missing = services.filter((service) => !service.listening);
  const started = alive && role !== null && conf !== undefined && missing.length === 0;
  if (alive && missing.length > 0) {
    problems.push(
      `does not listen for ${missing.map((service) => `${service.name} on ${service.port}`).join(', ')}`,
    );
  }

  if (configured.problem !== undefined) problems.push(configured.problem);
  const masterConf = confs.roles.master;
  return {
    slot: instance.slot,
    host: instance.host,
    instance: instance.instance,
    at: host.at,
    running,
    started,
    role,
    configuredRole: configured.role,
    services:
      role === null
        ? (masterConf?.services ?? []).map((service) => ({ ...service, listening: false }))
        : services,
    channels: parseChannels(paths, records, confs, host),
    logging: masterConf?.logging ?? false,
    quarantined: {
      files: of('bad').length,
      events: of('bad').reduce((sum, [, , lines = '0']) => sum + (Number(lines) || 0), 0),
      oldestBirth: oldest(of('bad').map(([, birth]) => birthOf(birth))),
      byChannel: of('bad').map(([, birth, lines, channel = '']) => ({
        channel: channel.startsWith('@') ? channel.slice(1) : null,
        events: Number(lines) || 0,
        oldestBirth: birthOf(birth),
      })),
    },
    lease: parseLease(of('lease').map((record) => record.slice(1).join(' '))),
    laneLines: of('lane').map((record) => record.slice(1).join(' ')),
    freeBytes: /^\d+$/.test(first('free')?.[1] ?? '') ? Number(first('free')?.[1]) * 1024 : null,
    totalBytes: /^\d+$/.test(first('free')?.[2] ?? '') ? Number(first('free')?.[2]) * 1024 : null,
    hostLoad: loadPerProcessor(first('health')),
    readOnlyDisk: first('health')?.[3] === 'ro',
    version: host.version,
    readOnlyFault: readOnlyFault(paths, confs, host.version, configured.role),
    masterFault: confs.masterFault,
    problem: problems.length === 0 ? null : problems.join('; '),
  };
}

function loadPerProcessor(record: readonly string[] | undefined): number | null {
  const [, load = '', processors = ''] = record ?? [];
  if (!/^\d+(\.\d+)?$/.test(load) || !/^[1-9]\d*$/.test(processors)) return null;
  return Number(load) / Number(processors);
}

/**
 * Why an instance would not come up as a master; null: nothing in its files speaks against it, or the site's own role
 * command makes them, and they are looked at once they are in force.
 */
function masterFault(
  paths: InstancePaths,
  conf: RoleConf | undefined,
  wrong: readonly string[],
): string | null {
  const pair = paths.byRole.master;
  if (pair === undefined) return null;
  // Without a link they may be made when the role is set.
  const isMade = paths.link === undefined && wrong.every((problem) => problem.startsWith('cannot read'));
  if (conf === undefined && isMade) return null;
  if (conf === undefined || wrong.length > 0)
    return `its files for a master cannot be used: ${wrong.join('; ')}`;
  if (conf.readOnly) return `${pair.imapd} says \`readonly: yes\`, so that it would take no mail`;
  const serves = conf.services.some((service) => service.kind === 'imap' || service.kind === 'lmtp');
  return serves ? null : `${pair.cyrus} has no imapd and no lmtpd in SERVICES`;
}

/**
 * Why an instance cannot serve reading only, and what would have to be written; null: its files are ready for it, or
 * are made by the site's own role command, and then looked at once they are in force.
 */
export function readOnlyFault(
  paths: InstancePaths,
  confs: Confs,
  version: string | null,
  configured: Role | null,
): string | null {
  if (capabilitiesOf(version).readonly === false)
    return `Cyrus ${version} cannot serve reading only, 3.4 can`;
  const write = '`readonly: yes`, an imapd on the network, no lmtpd and no sync_server';
  if (paths.link !== undefined && paths.link.targets.readonly === undefined)
    return `stores.cyrus.role has no readonly: name a folder beside ${paths.link.targets.replica ?? 'the others'} whose files have ${write}`;
  const own = paths.byRole.readonly;
  if (own === undefined && paths.link !== undefined)
    return `its files for reading cannot be told apart: imapd_conf and cyrus_conf need {role}, or the role link in their path`;
  if (own === undefined && configured !== 'readonly') return null;
  const pair = own ?? paths.current;
  const conf = confs.roles.readonly;
  if (conf === undefined) return `${pair.imapd} and ${pair.cyrus} must be there, with ${write}`;
  if (!conf.readOnly) return `${pair.imapd} lacks \`readonly: yes\``;
  const has = (kind: Service['kind']) => conf.services.some((service) => service.kind === kind);
  if (has('lmtp')) return `${pair.cyrus} has an lmtpd, which would take mail: take it out`;
  if (has('sync')) return `${pair.cyrus} has a sync_server: take it out`;
  const onNetwork = conf.services.some(
    (service) => service.kind === 'imap' && service.port !== undefined && !isOwn(service.address),
  );
  return onNetwork ? null : `${pair.cyrus} has no imapd on the network`;
}

type Socket = { readonly address: string; readonly port: number };

function describe(sockets: readonly Socket[]): string {
  return sockets.map((socket) => `${socket.address || '*'}:${socket.port}`).join(', ');
}

function isOwned(service: WishedService, own: readonly Socket[]): boolean {
  if (service.port === undefined) return true; // A unix socket: not seen here, and no port to judge by.
  return own.some((socket) => matches(service, socket));
}

// A host name in `listen=` cannot be compared with the kernel's address: the port of the own socket decides.
function matches(service: WishedService, socket: Socket): boolean {
  if (service.port !== socket.port) return false;
  const named = service.address !== '' && !/^[\d.]+$|:/.test(service.address);
  return named || service.address === socket.address || socket.address === '';
}

/**
 * The role that the listening sockets of an instance's own process show; null when they show none, or both. What
 * reads only shows the same as a master whose LMTP has failed: it counts as that unless its files say otherwise,
 * and nobody but us swaps them.
 */
export function roleByPorts(own: readonly Socket[], confs: Confs, configured: Role | null): Role | null {
  const kinds = new Set<string>();
  const all = (Object.values(confs.roles) as RoleConf[]).flatMap((conf) => conf.services);
  for (const socket of own) {
    for (const service of all) {
      if (!matches(service, socket)) continue;
      if (service.kind === 'sync') kinds.add('sync');
      else if (!isOwn(socket.address)) kinds.add(service.kind);
    }
  }
  const serves = kinds.has('imap') || kinds.has('lmtp');
  if (kinds.has('sync')) return serves ? null : 'replica';
  if (!serves) return null;
  const readonly = confs.roles.readonly;
  return configured === 'readonly' && readonly?.readOnly && !kinds.has('lmtp') ? 'readonly' : 'master';
}

// One address or all of them: two instances of a host cannot share either.
function portsHeldByNobody(confs: Confs, host: HostFacts): number[] {
  const wished = (Object.values(confs.roles) as RoleConf[]).flatMap((conf) => conf.services);
  const listening = [...host.sockets.values()];
  const held = wished.filter(
    (service) =>
      service.port !== undefined &&
      listening.some((socket) => socket.port === service.port && socket.address === service.address),
  );
  return [...new Set(held.map((service) => service.port ?? 0))];
}

function configuredRole(
  paths: InstancePaths,
  records: Records,
  confs: Confs,
): { role: Role | null; problem?: string } {
  const find = (key: string) => records.find((record) => record[0] === key);
  if (paths.link !== undefined) {
    const target = find('link')?.[1];
    if (target === undefined) return { role: null, problem: `${paths.link.path} is no link` };
    for (const role of ['master', 'replica', 'readonly'] as const) {
      const wanted = paths.link.targets[role];
      if (wanted !== undefined && sameTarget(target, wanted, paths.link.path)) return { role };
    }
    return { role: null, problem: `${paths.link.path} points to ${target}, which is no role` };
  }
  const got = find('get');
  if (got !== undefined) {
    const word = got[2]?.trim().split(/\s+/)[0] ?? '';
    if (got[1] === '0' && (word === 'master' || word === 'replica' || word === 'readonly'))
      return { role: word };
    return { role: null, problem: `role command: status ${got[1]}, said ${JSON.stringify(got[2] ?? '')}` };
  }
  const only = Object.keys(confs.roles) as Role[];
  return { role: only.length === 1 ? (only[0] ?? null) : null };
}

function sameTarget(target: string, wanted: string, link: string): boolean {
  const absolute = (path: string) =>
    (path.startsWith('/') ? path : `${link.slice(0, link.lastIndexOf('/'))}/${path}`).replace(/\/+$/, '');
  return absolute(target) === absolute(wanted);
}

/** A birth as stat prints it; null for its `0`, `-` and `?`. */
export function birthOf(text: string | undefined): number | null {
  const birth = Number(text);
  return Number.isFinite(birth) && birth > 0 ? birth : null;
}

/** The oldest, or null when there is none or one of them is not known. */
function oldest(births: readonly (number | null)[]): number | null {
  if (births.length === 0 || births.includes(null)) return null;
  return Math.min(...births.filter((birth) => birth !== null));
}

function parseChannels(
  paths: InstancePaths,
  records: Records,
  confs: Confs,
  host: HostFacts,
): readonly ChannelState[] {
  const sync = `${paths.configDir}/sync/`;
  const channelOf = (file: string) =>
    file.startsWith(sync) ? file.slice(sync.length).split('/').slice(0, -1).join('/') : '';
  const births = new Map<string, (number | null)[]>();
  const events = new Map<string, number>();
  const of = (wanted: string) =>
    new Map(records.flatMap(([key, value, file = '']) => (key === wanted ? [[file, birthOf(value)]] : [])));
  const [statx, changes] = [of('statx'), of('mtime')];
  const byCall = new Set<string>();
  const changed = new Map<string, number>();
  for (const [key, a = '', , c = ''] of records) {
    if (key !== 'log') continue;
    const channel = channelOf(c);
    const own = birthOf(a) ?? statx.get(c) ?? null;
    if (birthOf(a) === null && own !== null) byCall.add(channel);
    births.set(channel, [...(births.get(channel) ?? []), own]);
    const change = changes.get(c) ?? null;
    if (change !== null) changed.set(channel, Math.min(change, changed.get(channel) ?? change));
  }
  for (const [key, count = '0', file = ''] of records) {
    if (key === 'lines' && file.startsWith(sync)) {
      events.set(channelOf(file), (events.get(channelOf(file)) ?? 0) + (Number(count) || 0));
    }
  }
  // Files that were renamed at every try: replication is at work this second.
  const churns = records.some((record) => record[0] === 'churn');
  const clients = records.filter((record) => record[0] === 'client').map(([, cmd = '']) => cmd);
  const asked = confs.roles.master?.channels ?? [];
  const names = new Set([...asked.map((channel) => channel.channel), ...births.keys()]);
  return [...names].sort().map((channel) => {
    const found = births.get(channel);
    return {
      channel,
      syncHost: asked.find((wish) => wish.channel === channel)?.syncHost,
      pending: found !== undefined || churns,
      events: events.get(channel) ?? 0,
      oldestBirth: found === undefined ? (churns ? host.at : null) : oldest(found),
      ...(byCall.has(channel) ? { birthBy: 'statx' as const } : {}),
      changedAt: changed.get(channel) ?? null,
      clientAlive: clients.some((cmd) => clientChannel(cmd) === channel),
    };
  });
}

/** The channel that a sync_client's command line names; empty: the default one. */
export function clientChannel(cmd: string): string {
  return /\s-n\s*(\S+)/.exec(cmd)?.[1] ?? '';
}

/** A lease file's lines; null when there is none or it cannot be read. */
export function parseLease(lines: readonly string[]): Lease | null {
  const values = new Map<string, string>();
  for (const line of lines) {
    // What follows the blanks is left of a longer one.
    if (line.trim() === '') break;
    const blank = line.indexOf(' ');
    if (blank > 0) values.set(line.slice(0, blank), line.slice(blank + 1));
  }
  const token = Number(values.get('token'));
  if (!Number.isSafeInteger(token)) return null;
  const run = values.get('run');
  const text = (key: string) => values.get(key) ?? '-';
  return {
    token,
    run: run === undefined || run === '-' ? undefined : run,
    operator: text('operator'),
    bastion: text('bastion'),
    from: text('from'),
    to: text('to'),
    phase: text('phase'),
    expires: Number(values.get('expires')) || 0,
  };
}
