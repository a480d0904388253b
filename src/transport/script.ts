// The wrapper around every command, the same for ssh and for this machine. It says hello first, applies the
// deadline, sudo and `within` in this one place, and tells the script's own exit status last, since ssh's 255
// means too many things. Its words are marker lines that carry a nonce, so that no output can pass for one:
//
//   stdout   RS hello NONCE                 before anything else; what precedes it is a login shell's chatter
//   stderr   RS group NONCE PGID            process group of the script, for a deadline on this machine
//   stderr   RS run NONCE                   the script itself begins: sudo and `within` let it through
//   both     RS rc NONCE STATUS             it ended by itself with this status; absent after a deadline
//   both     RS end NONCE STATUS            nothing more comes; what a daemon left behind says is not waited for
//
// Heard on both streams, `rc` is the end as well: what the wrapper still has to do is done while the answer is read.
//
// A command that changes something waits after its hello for our line `go NONCE` on stdin: what was given up before
// its hello came (a host that hangs, and wakes up later) never begins. read(1) takes no byte more than its line from
// a pipe, so that the script's own stdin follows it.
//
// Rests on a POSIX sh, timeout(1) with -k (coreutils) and /proc on the host.
import { closeSync, openSync, readSync } from 'node:fs';
import { MailctlError } from '../errors.js';
import { KILL_AFTER_SECONDS, MAX_COMMAND_LINE_BYTES } from './limits.js';
import { quoteWord } from './quote.js';
import type { Command, Dialogue } from './transport.js';

// $1 nonce, $2 seconds, $3 user for sudo or empty, $4 `go` or empty, $5 text of INNER, then the words of the command.
// timeout is inside sudo: a user may not signal what sudo runs as another. What sudo held up (a directory service
// that is away) past the deadline must not begin any more, hence the moment given to the shell inside. sudo is asked
// for /bin/sh, so that one rule in sudoers fits. A relative path would mean something else over ssh than here: cd /.
const OUTER = `n=$1 t=$2 u=$3 g=$4 i=$5; shift 5
LC_ALL=C; export LC_ALL
printf '\\036hello %s\\n' "$n"
if [ -n "$g" ]; then { read -r w && [ "$w" = "$g $n" ]; } || exit 1; fi
end() { printf '\\036end %s %s\\n' "$n" "$1"; printf '\\036end %s %s\\n' "$n" "$1" >&2; exit 0; }
cd / || end 127
command -v timeout >/dev/null 2>&1 || { echo 'there is no timeout(1)' >&2; end 127; }
[ -r /proc/self/stat ] || { echo 'there is no /proc' >&2; end 127; }
if [ -n "$u" ] && [ "$(id -un)" != "$u" ]; then
  m=$(($(date +%s) + t))
  sudo -n -u "$u" /bin/sh -c '[ "$(date +%s)" -le "$1" ] || exit 124; shift; exec timeout "$@"' sh "$m" -k ${KILL_AFTER_SECONDS} "$t" /bin/sh -c "$i" sh "$n" "$@"
else
  timeout -k ${KILL_AFTER_SECONDS} "$t" /bin/sh -c "$i" sh "$n" "$@"
fi
end $?`;

// $1 nonce, $2 the script or empty, then its arguments, or the words of the command: a script that no other words stand
// in front of runs in a subshell, since a shell of its own costs a process. timeout signals its whole process group, and looks after its own child
// only: so this shell outlives TERM (children do not inherit a trap that is not '') and stays while anything of
// the group does, so that timeout's KILL reaches what ignored TERM. $PPID is timeout, the leader of the group.
const INNER = `n=$1; shift; d=
trap d=1 TERM
printf '\\036group %s %s\\n' "$n" "$PPID" >&2
if [ -n "$1" ]; then (s=$1; shift; unset n d; eval "unset s
$s"); else shift; "$@"; fi
s=$?
if [ -z "$d" ]; then printf '\\036rc %s %s\\n' "$n" "$s"; printf '\\036rc %s %s\\n' "$n" "$s" >&2; exit "$s"; fi
others() {
  for f in /proc/[0-9]*/stat; do
    read -r l <"$f" || continue
    p=\${l%% *}; l=\${l##*) }; set -- $l
    [ "$3" = "$PPID" ] && [ "$1" != Z ] && [ "$p" != $$ ] && [ "$p" != "$PPID" ] && return 0
  done 2>/dev/null
  return 1
}
while others; do sleep 1; done
exit 143`;

// A reading script on this machine, $1 nonce, $2 the script. Nothing stands between it and us that could be lost, so that
// its deadline is kept by us, and timeout(1) with the shell inside it is left out: to start these two takes longer than
// all that most scripts do.
const HERE = `n=$1; shift
LC_ALL=C; export LC_ALL; cd /
printf '\\036hello %s\\n' "$n"
(s=$1; shift; unset n; eval "unset s
$s")
s=$?
printf '\\036rc %s %s\\n' "$n" "$s"; printf '\\036rc %s %s\\n' "$n" "$s" >&2`;

const GO = 'go';

/** The line that lets a script begin once its hello was heard; undefined: it does not wait for one. */
export function goLine(command: Command, nonce: string): string | undefined {
  return command.readOnly ? undefined : `${GO} ${nonce}\n`;
}

/** Whether anything is written to it; a script that gets nothing reads end of file at once. */
export function takesStdin(command: Command, dialogue: Dialogue | undefined): boolean {
  return !command.readOnly || command.stdin !== undefined || dialogue !== undefined;
}

/** A fresh nonce: 16 hex digits. From the kernel itself: to load node:crypto costs a local command a fifth of node's start. */
export function makeNonce(): string {
  const bytes = Buffer.alloc(8);
  try {
    const random = openSync('/dev/urandom', 'r');
    try {
      if (readSync(random, bytes) === bytes.length) return bytes.toString('hex');
    } finally {
      closeSync(random);
    }
  } catch {
    // A root directory without devices.
  }
  return process.getBuiltinModule('node:crypto').randomBytes(bytes.length).toString('hex');
}

/**
 * The words that run a command, to be given to execve here or, quoted, to a login shell there.
 * `sudoUser` is false, or whom a privileged command runs as.
 * @throws MailctlError `transport.too-long` when the arguments do not fit into a command line.
 */
export function wrapCommand(command: Command, nonce: string, sudoUser: string | false): readonly string[] {
  const script = scriptOf(command, nonce);
  const seconds = Math.ceil(command.timeoutMs / 1000);
  const user = sudoFor(command, sudoUser);
  invariant(!user.startsWith('-'), `a user name that begins with a dash: ${user}`);
  const { within = [] } = command;
  const inner = within.length === 0 ? [script] : ['', ...within, '/bin/sh', '-c', script, 'sh'];
  return mustFit(command, [
    ...['sh', '-c', OUTER, 'sh', nonce, String(seconds), user],
    ...[command.readOnly ? '' : GO, INNER, ...inner, ...command.args],
  ]);
}

/**
 * The same for a command that only reads on this machine, as we are: its deadline is not kept by what these words start.
 * Undefined: it is not of that kind.
 */
export function wrapReading(
  command: Command,
  nonce: string,
  sudoUser: string | false,
): readonly string[] | undefined {
  if (!command.readOnly || command.within !== undefined || sudoFor(command, sudoUser) !== '')
    return undefined;
  return mustFit(command, ['sh', '-c', HERE, 'sh', nonce, scriptOf(command, nonce), ...command.args]);
}

/** Whom it is to run as; empty: as we are. */
function sudoFor({ privileged }: Command, sudoUser: string | false): string {
  return privileged && sudoUser !== false ? sudoUser : '';
}

function scriptOf(command: Command, nonce: string): string {
  invariant(/^[0-9a-f]{16}$/.test(nonce), 'a nonce is 16 hex digits');
  invariant(command.timeoutMs > 0, `${command.name} has no deadline`);
  // In front of the script and on its own line, since sudo and containers keep no environment. sbin: postqueue,
  // postsuper and ctl_mboxlist live there, and the PATH of a login that is not root's lacks it.
  return `LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export LC_ALL PATH; printf '\\036run %s\\n' ${nonce} >&2
${command.script}`;
}

function mustFit(command: Command, words: readonly string[]): readonly string[] {
  const bytes = Buffer.byteLength(quoteLine(words));
  if (bytes > MAX_COMMAND_LINE_BYTES) {
    throw new MailctlError(
      `${command.name}: its arguments make a command line of ${bytes} bytes, and at most ${MAX_COMMAND_LINE_BYTES} fit`,
      {
        code: 'transport.too-long',
        exitCode: 1,
        detail: `${command.args.length} arguments`,
        hint: 'name fewer things at once',
      },
    );
  }
  return words;
}

// Not node:assert, whose loading costs a tenth of node's own start on the path of a local command.
function invariant(holds: boolean, what: string): void {
  if (!holds) throw new TypeError(what);
}

/** The words as the one line that a login shell gets. */
export function quoteLine(words: readonly string[]): string {
  return words.map(quoteWord).join(' ');
}

/** ms after which the host itself has ended the script, whatever it does: its deadline and the grace after it. */
export function remoteEndMs(command: Command): number {
  return Math.ceil(command.timeoutMs / 1000) * 1000 + KILL_AFTER_SECONDS * 1000;
}
