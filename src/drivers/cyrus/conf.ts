// imapd.conf and cyrus.conf of Cyrus 3.x, as text that came from a host: hostile until parsed (imapd.conf(5),
// cyrus.conf(5)). Only what mailctl needs is kept, and never a password: those lines are not even fetched.

/** Options of an imapd.conf, keys in lower case; the last of a repeated key holds, as Cyrus does it. */
export type ImapdConf = ReadonlyMap<string, string>;

/** Reads the lines of an imapd.conf. Lines that are no options are skipped, as Cyrus warns and goes on. */
export function parseImapdConf(lines: readonly string[]): ImapdConf {
  const options = new Map<string, string>();
  let begun = '';
  for (const [index, raw] of lines.entries()) {
    // A backslash at the end of a line continues it (lib/libconfig.c).
    const continues = /\\\r?$/.test(raw) && index < lines.length - 1;
    if (continues) {
      begun += raw.replace(/\\\r?$/, '');
      continue;
    }
    const line = (begun + raw).replace(/\\$/, '').trim();
    begun = '';
    if (line === '' || line.startsWith('#')) continue;
    const colon = line.indexOf(':');
    if (colon <= 0) continue;
    const key = line.slice(0, colon).trim().toLowerCase();
    options.set(key, line.slice(colon + 1).trim());
  }
  return options;
}

/** A yes/no option: Cyrus takes 1, y, t, on and their longer forms. */
export function isYes(value: string | undefined): boolean {
  return value !== undefined && /^(1|y|yes|t|true|on)$/i.test(value);
}

/** One replication channel of a master's imapd.conf. */
export interface ConfChannel {
  /** Empty: the default channel. */
  readonly channel: string;
  readonly syncHost: string | undefined;
  readonly syncPort: string | undefined;
}

/** The channels that an imapd.conf logs for; empty when `sync_log` is off. */
export function channelsOf(conf: ImapdConf): readonly ConfChannel[] {
  if (!isYes(conf.get('sync_log'))) return [];
  const names = (conf.get('sync_log_channels') ?? '').split(/\s+/).filter((name) => name !== '');
  if (names.length === 0) {
    return [{ channel: '', syncHost: conf.get('sync_host'), syncPort: conf.get('sync_port') }];
  }
  return names.map((name) => {
    // A quoted empty string is the default channel's name beside others (imapd.conf(5), sync_log_channels).
    const channel = name === '""' ? '' : name;
    const own = (key: string) => (channel === '' ? undefined : conf.get(`${channel.toLowerCase()}_${key}`));
    return {
      channel,
      syncHost: own('sync_host') ?? conf.get('sync_host'),
      syncPort: own('sync_port') ?? conf.get('sync_port'),
    };
  });
}

/** One entry of SERVICES or DAEMON. */
export interface ConfService {
  readonly name: string;
  readonly section: string;
  readonly cmd: string;
  /** As written: `imap`, `10143`, `127.0.0.1:imap`, `[::1]:143`, `/run/lmtp`; undefined also for UDP. */
  readonly listen: string | undefined;
}

/** A cyrus.conf, or the line that cannot be read: `master` exits on it, so nothing of it would run. */
export type CyrusConf =
  | { readonly ok: true; readonly services: readonly ConfService[] }
  | { readonly ok: false; readonly line: number; readonly problem: string };

/** Reads the lines of a cyrus.conf: sections of `name key="value" ...`, `#` comments. Nothing continues a line (master/masterconf.c). */
export function parseCyrusConf(lines: readonly string[]): CyrusConf {
  const services: ConfService[] = [];
  let section: string | undefined;
  for (const [index, raw] of lines.entries()) {
    const fail = (problem: string): CyrusConf => ({ ok: false, line: index + 1, problem });
    let text = stripComment(raw).trim();
    if (text === '') continue;
    if (text === '}') {
      if (section === undefined) return fail('a } that closes nothing');
      section = undefined;
      continue;
    }
    if (section === undefined) {
      const open = /^([A-Za-z]+)\s*\{\s*(\})?$/.exec(text);
      if (open === null) return fail(`not a section: ${text.slice(0, 60)}`);
      section = open[2] === undefined ? open[1]?.toUpperCase() : undefined;
      continue;
    }
    const closes = /(^|\s)\}$/.test(text) && !/="[^"]*\}$/.test(text);
    if (closes) text = text.replace(/\}$/, '').trim();
    const entry = parseEntry(text);
    if (typeof entry === 'string') return fail(entry);
    services.push({
      name: entry.name,
      section,
      cmd: entry.keys.get('cmd') ?? '',
      // Only TCP is looked at: what listens by UDP shows no port there.
      listen: entry.keys.get('proto')?.startsWith('udp') === true ? undefined : entry.keys.get('listen'),
    });
    if (closes) section = undefined;
  }
  if (section !== undefined)
    return { ok: false, line: lines.length, problem: `section ${section} is not closed` };
  return { ok: true, services };
}

function stripComment(line: string): string {
  let quoted = false;
  for (let index = 0; index < line.length; index++) {
    if (line[index] === '"') quoted = !quoted;
    if (line[index] === '#' && !quoted) return line.slice(0, index);
  }
  return line;
}

function parseEntry(text: string): { name: string; keys: Map<string, string> } | string {
  const head = /^(\S+)(.*)$/s.exec(text);
  const name = head?.[1] ?? '';
  // master(8) takes letters, digits and - in a name: `_` makes it exit ("bad character '_' in name").
  const bad = /[^A-Za-z0-9-]/.exec(name);
  if (bad !== null) return `bad character '${bad[0]}' in name`;
  const keys = new Map<string, string>();
  let rest = (head?.[2] ?? '').trim();
  while (rest !== '') {
    const pair = /^([A-Za-z]+)\s*=\s*(?:"([^"]*)"|([^\s"]+))\s*/.exec(rest);
    if (pair === null) return `cannot read: ${rest.slice(0, 60)}`;
    keys.set((pair[1] ?? '').toLowerCase(), pair[2] ?? pair[3] ?? '');
    rest = rest.slice(pair[0].length);
  }
  return { name, keys };
}

/** What a service is, by the program that it runs. */
export function serviceKind(cmd: string): 'imap' | 'lmtp' | 'sync' | 'other' {
  const program = cmd.trim().split(/\s+/)[0]?.split('/').at(-1) ?? '';
  if (program === 'imapd') return 'imap';
  if (program === 'lmtpd') return 'lmtp';
  if (program === 'sync_server') return 'sync';
  return 'other';
}

/** Does it speak TLS from the first byte? (imapd(8): `-s`) */
export function isWrapped(cmd: string): boolean {
  return serviceKind(cmd) === 'imap' && /\s-s(\s|$)/.test(cmd);
}

/** Where a service listens. Names are looked up in `ports` (the host's own services); NaN when unknown there. */
export function parseListen(
  listen: string,
  ports: ReadonlyMap<string, number>,
): { readonly address: string; readonly port: number | undefined } {
  if (listen.startsWith('/')) return { address: '', port: undefined };
  const split = /^(?:\[([^\]]*)\]|([^:]*)):([^:]+)$/.exec(listen);
  const address = split === null ? '' : (split[1] ?? split[2] ?? '');
  const word = split === null ? listen : (split[3] ?? '');
  const port = /^\d+$/.test(word) ? Number(word) : (ports.get(word) ?? Number.NaN);
  return { address: address === '*' ? '' : address, port };
}
