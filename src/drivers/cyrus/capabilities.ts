// What a version of Cyrus IMAP can do, 3.0 to 3.12, each fact with where it stands. Read from the source tree of
// every release named (master/master.c, lib/imapoptions, imap/sync_client.c, imap/sync_log.c) and its release notes.
// A version that nobody could read, or one that is newer than what was read, gives null: not known, never guessed.

/** Things that versions differ in. */
export const FEATURES = {
  daemon: {
    since: [3, 0],
    what: 'a DAEMON section in cyrus.conf: master starts sync_client again when it ends',
    source: 'master/master.c add_daemon(), in 3.0.0 and every later release',
  },
  logNames: {
    since: [3, 0],
    what: 'the log is sync/[CHANNEL/]log, renamed to log-run while it is sent: the birth of the older one is the lag',
    source:
      'imap/sync_log.c sync_log_reader_create_with_channel(): "%s-run", in 3.0.0 and every later release',
  },
  onePass: {
    since: [3, 4],
    what: 'sync_client -R -1 sends one log file and ends: what a drain is made of',
    source: 'imap/sync_client.c: option 1 ("sync once!") is in 3.4.0 and not in 3.2.12',
  },
  bindErrorsFatal: {
    since: [3, 2],
    what: 'master_bind_errors_fatal: a port that is taken ends the start instead of a service',
    source: 'release notes 3.2.0; lib/imapoptions of 3.2.0',
  },
  readonly: {
    since: [3, 4],
    what: 'readonly: yes serves IMAP, POP and JMAP without a write',
    source: 'lib/imapoptions of 3.4.0 (marked 3.3.0); not in 3.2.12',
  },
  reconnectMaxwait: {
    since: [3, 6],
    what: 'sync_reconnect_maxwait limits how long a replication that lost its replica idles',
    source: 'lib/imapoptions of 3.6.0; not in 3.4.9',
  },
  readyFile: {
    since: [3, 10],
    what: 'master touches a ready file when it is ready for work (master_ready_file)',
    source: 'release notes 3.10.0; lib/imapoptions of 3.10.0',
  },
  replicaonly: {
    since: [3, 12],
    what: 'replicaonly: yes denies every write that is not replication',
    source: 'release notes 3.12.0; lib/imapoptions of 3.12.0',
  },
  skipuser: {
    since: [3, 12],
    what: 'a file sync/[CHANNEL/]skipuser-USER keeps that user from being replicated',
    source: 'release notes 3.12.0; imap/sync_support.c sync_skipuser() of 3.12.0',
  },
} as const;

/** The name of one. */
export type Feature = keyof typeof FEATURES;

/** What is known of a version: true, false, or null for not known. */
export type Capabilities = { readonly [feature in Feature]: boolean | null };

/** The newest series whose source was read. */
const NEWEST_READ = [3, 12] as const;

/**
 * The version in what a program of Cyrus says of itself: `cyrus-imapd 3.6.1-Debian-3.6.1-4+deb12u5`, `Cyrus IMAP
 * 3.0.8`, `* OK host Cyrus IMAP v2.4.17 server ready`; undefined: none is in it.
 */
export function parseCyrusVersion(text: string): string | undefined {
  return /\b(?:cyrus[- ]?imap[d]?)[ -]*v?(\d{1,3}\.\d{1,3}(?:\.\d{1,3})?(?:-(?:alpha|beta|rc)\d+)?)/i.exec(
    text,
  )?.[1];
}

/** What a version can do. Development series (odd minor numbers) count as the stable one before: a lower bound. */
export function capabilitiesOf(version: string | null): Capabilities {
  const [major = Number.NaN, minor = Number.NaN] = (version ?? '').split('.').map(Number);
  const features = Object.keys(FEATURES) as Feature[];
  const known = (feature: Feature): boolean | null => {
    if (!Number.isInteger(major) || !Number.isInteger(minor) || major < 3) return null;
    const [sinceMajor, sinceMinor] = FEATURES[feature].since;
    const has = major > sinceMajor || (major === sinceMajor && minor >= sinceMinor);
    // What was there is taken to be there still; what a later series may have brought is not known.
    if (has) return true;
    const isRead = major < NEWEST_READ[0] || (major === NEWEST_READ[0] && minor <= NEWEST_READ[1]);
    return isRead ? false : null;
  };
  return Object.fromEntries(features.map((feature) => [feature, known(feature)])) as Capabilities;
}
