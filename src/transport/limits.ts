// Every limit of the transport in one place, with its unit and why it is what it is. The manual quotes them.

/** Sessions at once on one host: sshd's MaxSessions is 10 by default, and other tools share the connection. */
export const MAX_SESSIONS_PER_HOST = 8;

/**
 * Bytes of one quoted command line. Linux passes no single argument above 128 KiB (MAX_ARG_STRLEN, with its NUL),
 * and over ssh the whole line is one argument of the login shell. 131,000 worked, 140,000 gave E2BIG.
 */
export const MAX_COMMAND_LINE_BYTES = 130_000;

/** Bytes of collected stdout, where the command names no other limit: more belongs into `onLine`. */
export const MAX_OUTPUT_BYTES = 32 * 1024 * 1024;

/** Bytes of one line given to `onLine`: longer than any record of a mail queue, short enough to hold. */
export const MAX_LINE_BYTES = 64 * 1024 * 1024;

/** Bytes of stderr that are kept, from its beginning; the rest is read and dropped. */
export const MAX_STDERR_BYTES = 256 * 1024;

/** Bytes kept of what a login shell or sudo says outside the script, for error messages only. */
export const MAX_CHATTER_BYTES = 4096;

/** Bytes of a marker line (script.ts): a word, a nonce and a number. */
export const MAX_MARKER_BYTES = 80;

/** Seconds between TERM and KILL on the host, when a script does not end in time (`timeout -k`). */
export const KILL_AFTER_SECONDS = 5;

/** ms that the local deadline is longer than all that the remote one may take: the way there and back. */
export const LOCAL_DEADLINE_MARGIN_MS = 3000;

/** ms to read what has come already, when a timer of ours fires: it may be we who were busy. */
export const LATE_READ_MS = 50;

/** ms after which bytes of a dialogue that look like the beginning of a marker line are taken for data. */
export const HELD_MS = 20;

/** Connect timeouts that a hello may take, while other commands are answered over the same connection: a busy host. */
export const MAX_HELLO_WAITS = 3;

/** ms for a child that has ended to close its streams; a daemon that inherited them may never do so. */
export const STREAM_GRACE_MS = 500;

/** ms for a client to go by itself after the script's last words have been read. */
export const EXIT_GRACE_MS = 2000;

/** ms that ssh gets beyond ConnectTimeout to say itself why it gave up, before we end it. */
export const SSH_OWN_WORDS_MS = 400;

/** ms for `ssh -O exit` and `ssh -G`: neither talks to the network. */
export const SSH_CONTROL_MS = 3000;

/** ms between two looks at a peer that is silent (ServerAliveInterval), and how many may fail. */
export const KEEPALIVE_INTERVAL_SECONDS = 2;
export const KEEPALIVE_COUNT = 2;

/** ms to wait before the one further try after a connection closed before its banner: at least, and spread. */
export const RETRY_WAIT_MS = 200;
export const RETRY_SPREAD_MS = 800;

/** Jump hosts in front of one another; deeper chains, and loops, are left to ssh itself. */
export const MAX_JUMP_DEPTH = 3;

/** Bytes of a unix socket's path: 108 on Linux, 104 on macOS, less what ssh appends while it binds. */
export const MAX_SOCKET_PATH_BYTES = 80;
