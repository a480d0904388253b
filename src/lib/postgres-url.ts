// A PostgreSQL url as libpq reads it: one host or several, tried in turn; a socket's directory as host; TLS by
// sslmode. Pure. A fault never repeats the url, which may hold a password, and neither does the name for messages.

/** What a url says. */
export interface PostgresUrl {
  /** In the order in which they are tried; a host that begins with "/" is a socket's directory. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly database: string | undefined;
  readonly tls: 'disable' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';
  /** Files. */
  readonly rootCert: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly connectTimeoutMs: number | undefined;
  /** `postgres://ann@db1:5433/mailctl`: for messages, without secrets. */
  readonly name: string;
}

const TLS = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
const PARAMETERS = [
  'host',
  'port',
  'user',
  'password',
  'dbname',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'connect_timeout',
];
/** Where Debian's servers listen. */
const SOCKETS = '/var/run/postgresql';
const PORT = 5432;

/** Reads a url; text: what is wrong with it, in words that say what would be right. */
export function parsePostgresUrl(url: string): PostgresUrl | string {
  const parts = /^postgres(?:ql)?:\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/i.exec(url);
  if (parts === null || /[\s\u0000-\u001f\u007f]/.test(url)) {
    return 'is no PostgreSQL url: write postgres://user@host/database';
  }
  const [, authority = '', path = '', query = ''] = parts;
  try {
    return readParts(authority, path, query);
  } catch (error) {
    if (error instanceof Fault) return error.message;
    if (error instanceof URIError)
      return 'has a "%" without two hexadecimal digits: a "%" itself is written %25';
    throw error;
  }
}

class Fault extends Error {}

function readParts(authority: string, path: string, query: string): PostgresUrl {
  const at = authority.lastIndexOf('@');
  const userInfo = at < 0 ? '' : authority.slice(0, at);
  if (userInfo.includes('@'))
    throw new Fault('has more than one "@": in a user or password it is written %40');
  const colon = userInfo.indexOf(':');
  const given = parametersOf(query);
  const named = hostsOf(authority.slice(at + 1), given);
  const user = decoded(colon < 0 ? userInfo : userInfo.slice(0, colon)) || given.get('user');
  const database = decoded(path) || given.get('dbname');
  const mode = given.get('sslmode') ?? 'prefer';
  const tls = TLS.find((one) => one === mode);
  if (tls === undefined) throw new Fault(`has an sslmode that is none of ${TLS.join(', ')}`);
  const seconds = given.get('connect_timeout');
  if (seconds !== undefined && !/^[1-9]\d{0,3}$/.test(seconds)) {
    throw new Fault('has a connect_timeout that is no number of seconds');
  }
  return {
    hosts: named,
    user,
    password: (colon < 0 ? '' : decoded(userInfo.slice(colon + 1))) || given.get('password'),
    database,
    tls,
    rootCert: given.get('sslrootcert'),
    cert: given.get('sslcert'),
    key: given.get('sslkey'),
    connectTimeoutMs: seconds === undefined ? undefined : Number(seconds) * 1000,
    name: nameOf(named, user, database),
  };
}

function parametersOf(query: string): ReadonlyMap<string, string> {
  const given = new Map<string, string>();
  for (const pair of query.split('&').filter((one) => one !== '')) {
    const [key = '', ...value] = pair.split('=');
    const name = decoded(key);
    if (!PARAMETERS.includes(name))
      throw new Fault(`has a parameter that is none of ${PARAMETERS.join(', ')}`);
    given.set(name, decoded(value.join('=')));
  }
  return given;
}

function hostsOf(text: string, given: ReadonlyMap<string, string>): PostgresUrl['hosts'] {
  const list = text === '' ? (given.get('host') ?? '').split(',') : text.split(',');
  const ports = given.get('port')?.split(',') ?? [];
  return list.map((one, index) => {
    const found = /^(\[[0-9A-Fa-f:.%]+\]|[^:]*)(?::(\d*))?$/.exec(one);
    if (found === null) throw new Fault('has a host that is none: an IPv6 address stands in brackets');
    const host = decoded((found[1] ?? '').replace(/^\[(.*)\]$/, '$1'));
    const port = found[2] || ports[index] || ports[0] || String(PORT);
    const number = Number(port);
    if (!/^\d+$/.test(port) || number < 1 || number > 65_535) throw new Fault('has a port that is none');
    return { host: host === '' ? SOCKETS : host, port: number };
  });
}

function nameOf(hosts: PostgresUrl['hosts'], user: string | undefined, database: string | undefined): string {
  const servers = hosts.map(({ host, port }) => {
    const shown = host.startsWith('/') ? encodeURIComponent(host) : host.includes(':') ? `[${host}]` : host;
    return port === PORT ? shown : `${shown}:${port}`;
  });
  return `postgres://${user === undefined ? '' : `${user}@`}${servers.join(',')}/${database ?? ''}`;
}

function decoded(text: string): string {
  const plain = decodeURIComponent(text);
  if (/[\u0000-\u001f\u007f]/.test(plain)) throw new Fault('holds a control character');
  return plain;
}
