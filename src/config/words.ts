// The rules that single words of the configuration must keep: names, paths, commands, urls, durations. Each
// takes the text and returns what is wrong with it, or undefined. Pure; schema.ts says where each applies.
import { isPostgresUrl, sqlitePath } from '../lib/database-url.js';
import { parseDuration } from '../lib/duration.js';
import { nearest } from '../lib/nearest.js';
import { placeholdersIn } from '../lib/placeholders.js';
import { parsePostgresUrl } from '../lib/postgres-url.js';
import { parseRate } from '../lib/rate.js';
import { parseSize } from '../lib/size.js';
import { showValue } from './faults.js';

/** What is wrong, in words that say what would be right; undefined: nothing. */
export type WordRule = (text: string) => string | undefined;

/** Placeholders of `stores.cyrus`, design 2.3. */
export const STORE_PLACEHOLDERS = ['slot', 'instance', 'host', 'address', 'role'] as const;

// Ranges instead of \p{Cc} and \p{Cs}, and ASCII before \p{L} below: compiling Unicode classes costs milliseconds.
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
const LONE_SURROGATE = /[\ud800-\udfff]/u;

/** What every text of the file must keep: drivers frame their data with control characters. */
export const plainText: WordRule = (text) => {
  if (text === '') return 'must not be empty';
  const found = CONTROL.exec(text)?.[0];
  if (found !== undefined) {
    return `holds a control character (${showValue(found).slice(1, -1)}); none is allowed, not even a tab or a newline`;
  }
  return LONE_SURROGATE.test(text) ? 'holds half a character (a lone surrogate)' : undefined;
};

/** Hosts, groups, destinations, uplinks. Colon, blank, comma and glob characters mean something in selectors. */
export const name: WordRule = (text) => {
  const fault = plainText(text);
  if (fault !== undefined) return fault;
  if (/^[-.]/.test(text)) return `must not begin with ${showValue(text[0])}`;
  if (text === '__proto__') return 'is not a name';
  if (text.length > 255) return 'is longer than 255 characters';
  return /^[A-Za-z0-9_@.+-]+$/.test(text) || /^[\p{L}\p{N}_@.+-]+$/u.test(text)
    ? undefined
    : `holds ${showValue(/[^\p{L}\p{N}_@.+-]/u.exec(text)?.[0])}; a name is letters, digits and . _ - + @`;
};

/** What a process is called: the last part of its program's path. */
export const processName: WordRule = (text) =>
  /^[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}$/.test(text)
    ? undefined
    : `${showValue(text)}: a process is called by letters, digits and . _ - +`;

/** A mail server's own name of one of its instances. */
export const instanceName: WordRule = (text) =>
  /^[A-Za-z0-9_.+@][A-Za-z0-9_.+@-]{0,99}$/.test(text)
    ? undefined
    : `${showValue(text)}: a name is letters, digits and . _ - + @`;

/** A login or system user. */
export const userName: WordRule = (text) =>
  plainText(text) ??
  (text.startsWith('-') ? 'must not begin with "-"' : undefined) ??
  (/\s/u.test(text) ? 'must not hold blanks' : undefined);

/** A user for sudo; the words that other YAML readers take for true and false are no users. */
export const sudoUser: WordRule = (text) =>
  /^(?:yes|no|on|off|y|n|true|false)$/i.test(text)
    ? `${showValue(text)} is text here: write true or false`
    : userName(text);

/** A file on this machine: absolute, `~/...`, or relative to the folder of the configuration file. */
export const localPath: WordRule = (text) =>
  plainText(text) ??
  (/^~[^/]/.test(text)
    ? `${showValue(text)}: only ~/ is expanded, write the other user's home in full`
    : undefined);

/** A path on the hosts, absolute, with known placeholders only. */
export const sitePath =
  (known: readonly string[]): WordRule =>
  (text) => {
    const fault = plainText(text) ?? unknownPlaceholder(text, known);
    if (fault !== undefined) return fault;
    if (/[{}]/.test(text.replaceAll(/\{\w+\}/g, '')))
      return `${showValue(text)} has a brace without its partner`;
    if (!text.startsWith('/')) return `${showValue(text)} is not absolute: a path on the hosts begins with /`;
    return text.split('/').includes('..') ? `${showValue(text)} must not go through ..` : undefined;
  };

/** One word of a command. */
export const commandWord =
  (known: readonly string[]): WordRule =>
  (text) =>
    text === '' ? undefined : (plainText(text) ?? unknownPlaceholder(text, known));

/** A form with placeholders, some of which it must hold. */
export const formOf =
  (known: readonly string[], needed: readonly string[]): WordRule =>
  (text) => {
    const fault = plainText(text) ?? unknownPlaceholder(text, known);
    if (fault !== undefined) return fault;
    const found = placeholdersIn(text);
    const missing = needed.find((word) => !found.includes(word));
    if (missing !== undefined) return `${showValue(text)} does not hold {${missing}}`;
    const twice = known.find((word) => found.indexOf(word) !== found.lastIndexOf(word));
    return twice === undefined ? undefined : `${showValue(text)} holds {${twice}} twice`;
  };

/** The first word of a command: found on PATH there, or absolute. */
export const commandName: WordRule = (text) =>
  plainText(text) ??
  (text.startsWith('-') ? `${showValue(text)} is no command: it begins with "-"` : undefined);

function unknownPlaceholder(text: string, known: readonly string[]): string | undefined {
  const unknown = placeholdersIn(text).find((word) => !known.includes(word));
  if (unknown === undefined) return undefined;
  const [near] = nearest(unknown, known, 1);
  const list = known.map((word) => `{${word}}`).join(' ');
  return `unknown placeholder {${unknown}}; ${near === undefined ? (list === '' ? 'none is filled in here' : `known here: ${list}`) : `did you mean {${near}}?`}`;
}

/** A duration within limits, which are in ms. */
export const duration =
  (minMs: number, maxMs: number): WordRule =>
  (text) => {
    const ms = parseDuration(text);
    if (ms === undefined) return `${showValue(text)} is no duration: write 500ms, 90s, 5m, 2h or 3d`;
    if (ms < minMs)
      return `${showValue(text)} is too short: at least ${minMs < 1000 ? `${minMs}ms` : `${minMs / 1000}s`}`;
    return ms > maxMs ? `${showValue(text)} is too long: at most ${maxMs / 86_400_000}d` : undefined;
  };

/** `100/s`. */
export const rate: WordRule = (text) =>
  parseRate(text) === undefined ? `${showValue(text)} is no rate: write 50/s or 3000/m` : undefined;

/** `1G`. */
export const wholeSize: WordRule = (text) =>
  parseSize(text) === undefined ? `${showValue(text)} is no size: write 500M or 1G` : undefined;

/** `1G`, or `5%` of a disk. */
export const sizeOrPercent: WordRule = (text) =>
  parseSize(text) === undefined && !/^(?:100|\d{1,2})%$/.test(text)
    ? `${showValue(text)} is no size and no share: write 500M, 1G or 5%`
    : undefined;

/** `sqlite:PATH`, or a PostgreSQL url, of which no message repeats anything: it may hold a password. */
export const databaseUrl: WordRule = (text) => {
  const fault = plainText(text);
  if (fault !== undefined) return fault;
  if (isPostgresUrl(text)) {
    const url = parsePostgresUrl(text);
    return typeof url === 'string' ? url : undefined;
  }
  const path = sqlitePath(text);
  if (path === undefined)
    return `${showValue(text)} is no database url: write sqlite:/var/lib/mailctl/mailctl.db`;
  if (path === '' || path.endsWith('/'))
    return `${showValue(text)} names no file: write sqlite:/var/lib/mailctl/mailctl.db`;
  if (path === ':memory:') return 'a database in memory would be forgotten at once: name a file';
  if (/[?#]/.test(path)) return `${showValue(text)}: options after the path are not supported`;
  return localPath(path);
};

/** A table of a database, with or without its schema. */
export const tableName: WordRule = (text) =>
  plainText(text) ??
  (/^[A-Za-z_]\w{0,62}(?:\.[A-Za-z_]\w{0,62})?$/.test(text)
    ? undefined
    : `${showValue(text)} is no name of a table: write user_moves or site.user_moves`);

/** A recipient domain. */
export const domainName: WordRule = (text) =>
  plainText(text) ??
  (/^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/i.test(text) || /^[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)*$/u.test(text)
    ? undefined
    : `${showValue(text)} is no domain name`);

/** A glob over host names. */
export const hostGlob: WordRule = (text) =>
  plainText(text) ??
  (/^[a-z0-9_.*?[\]{},-]+$/i.test(text) || /^[\p{L}\p{N}_.*?[\]{},-]+$/u.test(text)
    ? undefined
    : `${showValue(text)} is no pattern for a host name`);

/** A network interface, as Linux limits its name. */
export const interfaceName: WordRule = (text) =>
  plainText(text) ??
  (/^[^\s/:-][^\s/:]{0,14}$/u.test(text) ? undefined : `${showValue(text)} is no interface name`);

/** What ssh takes as HostName. */
export const address: WordRule = (text) =>
  plainText(text) ??
  (/^[a-z0-9_:[][a-z0-9_.:%[\]-]*$/i.test(text) || /^[\p{L}\p{N}_:[][\p{L}\p{N}_.:%[\]-]*$/u.test(text)
    ? undefined
    : `${showValue(text)} is no address or host name`);

/** An address that may stand between the brackets of MAIL FROM and RCPT TO. */
export const mailAddress: WordRule = (text) =>
  plainText(text) ??
  (/^[^\s<>@]{1,64}@[^\s<>@]{1,255}$/u.test(text)
    ? undefined
    : `${showValue(text)} is no address: write probe@example.net`);

/** A name to log in with, on somebody's server. */
export const loginName: WordRule = (text) =>
  plainText(text) ??
  (text !== '' && text.length <= 255 ? undefined : `${showValue(text)} is no name to log in with`);

/** A server with or without its port. */
export const serverName: WordRule = (text) =>
  plainText(text) ??
  (/^(?:\[[0-9a-f:.]+\]|[a-z0-9][a-z0-9._-]{0,252})(?::\d{1,5})?$/i.test(text)
    ? undefined
    : `${showValue(text)} is no server: write imap.example.net or imap.example.net:993`);

/** An IPv4 or IPv6 address, without a zone. */
export const ipAddress: WordRule = (text) =>
  isIpv4(text) || isIpv6(text)
    ? undefined
    : `${showValue(text)} is no IPv4 or IPv6 address: write 192.0.2.10`;

function isIpv4(text: string): boolean {
  return /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/.test(text);
}

function isIpv6(text: string): boolean {
  if (text.length > 45 || !/^[0-9a-f:.]+$/i.test(text)) return false;
  const halves = text.split('::');
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === '' ? [] : half.split(':')));
  const last = groups.at(-1) ?? '';
  // The last 32 bits may be written as IPv4, and count as two groups.
  const isMixed = last.includes('.') && isIpv4(last) && !text.endsWith('::');
  const count = groups.length + (isMixed ? 1 : 0);
  const plain = isMixed ? groups.slice(0, -1) : groups;
  return (
    plain.every((group) => /^[0-9a-f]{1,4}$/i.test(group)) && (halves.length === 2 ? count < 8 : count === 8)
  );
}
