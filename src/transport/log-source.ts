// A host's log read from where one stopped: a file by inode and offset, through its rotations, the journal by its
// cursor, or what a site's own command prints. Only lines that a pattern keeps come over; what is missing (rotated
// away, dropped by the logger, never there) is said, since what counts lines has to know. It knows no mail software.
// Rests on GNU tail, head, grep -E, date -d and, for the journal, systemd 232 or later.
import { CommandError } from '../errors.js';
import type { Host } from '../fleet/host.js';
import { formatIso } from '../lib/clock.js';
import type { Transport } from './transport.js';

/** Where lines come from. */
export interface LogPlace {
  /**
   * Fixed shell text that sets `log` to the path of the file (empty: there is none) and may set `tag` to what its
   * owner's lines are known by. It gets the caller's `args`.
   */
  readonly locate: string;
  /** What journalctl is asked for where there is no file, or a dead one: `SYSLOG_FACILITY=2`. */
  readonly journal: string;
  /** An extended regular expression; other lines stay on the host. */
  readonly pattern: string;
  /** A site's own way: prints the lines of the last N seconds, N being its last word. Instead of all of the above. */
  readonly command?: readonly string[] | undefined;
}

/** From when, or from where an earlier reading stopped. */
export type LogStart = { readonly since: number } | { readonly position: string };

/** What a reading came to. */
export interface LogEnd {
  readonly position: string;
  /** Null: everything since then was there. Else what is missing. */
  readonly incomplete: string | null;
}

/** What the host says of its log before the first line. */
export interface LogClock {
  /** The host's clock when the reading began, epoch seconds, and its offset `+0100`: for times that have neither. */
  readonly now: number;
  readonly zone: string;
  /** As `locate` set it; empty: it did not. */
  readonly tag: string;
}

/** What a caller may add. */
export interface LogOptions {
  readonly args?: readonly string[] | undefined;
  readonly within?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Most bytes of log that are looked through, the newest. */
  readonly maxBytes?: number | undefined;
}

/** A day of a very busy host; grep looks through it in a second. */
const MAX_BYTES = 1024 * 1024 * 1024;
const READ_MS = 180_000;

// What loggers say when they dropped something: rsyslog's imuxsock and imjournal, journald.
const DROPPED =
  'imuxsock.* lost [0-9]+ messages|imjournal.*(lost|begin to drop)|[Ss]uppressed [0-9]+ messages|[Mm]issed [0-9]+ ';

// $1 epoch seconds or empty, $2 `file` or `journal` or empty, $3 inode, $4 offset or cursor, $5 most bytes, $6
// pattern; then the caller's. Lines are stdout, what is said of them is stderr: no log line can pass for it.
const SCRIPT = String.raw`
since=$1 kind=$2 inode=$3 place=$4 most=$5 pattern=$6; shift 6
say() { printf 'log %s\n' "$*" >&2; }
now=$(date +%s)
log= tag=
locate "$@"
printf 'log now %s %s %s\n' "$now" "$(date +%z)" "$tag"
size_of() { echo $(($(wc -c < "$1") + 0)); }
inode_of() { stat -c %i -- "$1" 2> /dev/null; }
# Epoch of the first line on stdin that tells one.
time_of() {
  head -n 20 | tr -d '\000' | while IFS= read -r line; do
    at=
    case $line in
      [0-9][0-9][0-9][0-9]-*\ [0-9][0-9]:[0-9][0-9]:[0-9][0-9]*) at=$(date -d "$(printf '%s' "$line" | cut -c 1-19)" +%s 2> /dev/null) ;;
      [0-9][0-9][0-9][0-9]-*) at=$(date -d "$(printf '%s' "$line" | cut -d ' ' -f 1)" +%s 2> /dev/null) ;;
      *) at=$(date -d "$(printf '%s' "$line" | cut -c 1-15)" +%s 2> /dev/null) && [ "$at" -gt $(($(date +%s) + 86400)) ] && at=$((at - 31536000)) ;;
    esac
    [ -n "$at" ] && { echo "$at"; break; }
  done
}
keep() { grep -aE -- "$pattern" || [ $? -eq 1 ]; }
# Rotated files, the newest first.
rotated() { ls -t -- "$log".[0-9]* "$log"-[0-9]* 2> /dev/null; }
# The end of the last whole line of a file of so many bytes.
whole() {
  [ "$2" -gt 0 ] || { echo 0; return; }
  [ "$(tail -c "+$2" -- "$1" | head -c 1 | wc -l)" -eq 0 ] || { echo "$2"; return; }
  from=$(($2 - 65535)); [ "$from" -gt 0 ] || from=1
  echo $(($2 - $(tail -c "+$from" -- "$1" | head -c $(($2 - from + 1)) | sed '$!d' | wc -c)))
}
# Bytes from offset $2 to $3 of file $1.
part() { [ "$3" -le "$2" ] || tail -c "+$(($2 + 1))" -- "$1" | head -c "$(($3 - $2))"; }
read_file() {
  i=$(inode_of "$log") end=$(whole "$log" "$(size_of "$log")")
  if [ "$kind" = file ] && [ "$i" = "$inode" ]; then
    start=$place
    [ "$start" -le "$end" ] || { say incomplete the log was cut short since; start=0; }
    [ $((end - start)) -le "$most" ] || { say incomplete more than "$most" bytes were written since; start=$((end - most)); }
    part "$log" "$start" "$end" | keep
  elif [ "$kind" = file ]; then
    found=
    newer=$(for file in $(rotated | tr ' ' '?'); do
      if [ "$(inode_of "$file")" = "$inode" ]; then echo "found $file"; break; fi
      echo "$file"
    done)
    case $newer in *"found "*) found=$(printf '%s\n' "$newer" | sed -n 's/^found //p') ;; esac
    if [ -n "$found" ]; then
      { part "$found" "$place" "$(size_of "$found")"
        printf '%s\n' "$newer" | grep -v '^found ' | sed '1!G;h;$!d' | while IFS= read -r file; do [ -z "$file" ] || cat -- "$file"; done
        part "$log" 0 "$end"; } | keep
    else
      say incomplete the log was rotated, and the file that was being read is gone
      start=0; [ "$end" -le "$most" ] || start=$((end - most))
      part "$log" "$start" "$end" | keep
    fi
  else
    # Which files reach back far enough.
    files=$log oldest=$log left=$((most - end))
    first=$(head -c 65536 -- "$log" | time_of)
    if [ -z "$first" ] || [ "$first" -gt "$since" ]; then
      for file in $(rotated | tr ' ' '?'); do
        case $file in *.xz|*.bz2|*.zst) say incomplete "an older log is compressed in a way that is not read here"; break ;; esac
        [ "$left" -gt 0 ] || { say incomplete only the last "$most" bytes were looked through; break; }
        written=$(stat -c %Y -- "$file")
        [ "$written" -ge "$since" ] || { first=$since; break; }
        files="$file
$files" oldest=$file
        left=$((left - $(size_of "$file")))
        case $file in *.gz) at=$(zcat -- "$file" 2> /dev/null | head -c 65536 | time_of) ;; *) at=$(head -c 65536 -- "$file" | time_of) ;; esac
        [ -z "$at" ] || first=$at
        [ -z "$at" ] || [ "$at" -gt "$since" ] || break
      done
    fi
    [ -n "$first" ] && [ "$first" -le "$since" ] || say begins "$first"
    printf '%s\n' "$files" | while IFS= read -r file; do
      case $file in *.gz) zcat -- "$file" 2> /dev/null; continue ;; esac
      size=$(size_of "$file") start=0; [ "$file" != "$log" ] || size=$end
      if [ "$file" = "$oldest" ]; then
        [ "$size" -le "$most" ] || start=$((size - most))
        tail=4194304
        while [ "$tail" -lt $((size - start)) ]; do
          at=$(tail -c "+$((size - tail + 1))" -- "$file" | head -c 65536 | sed 1d | time_of)
          [ -n "$at" ] && [ "$at" -lt "$since" ] && { start=$((size - tail)); break; }
          tail=$((tail * 4))
        done
      fi
      part "$file" "$start" "$size"
    done | keep
  fi
  say position file "$i" "$end"
}
read_journal() {
  if [ "$kind" = journal ]; then
    here=$(journalctl -q --no-pager -o cat --cursor="$place" -n 1 --show-cursor 2> /dev/null | sed -n 's/^-- cursor: //p' | tail -n 1)
    [ "$here" = "$place" ] || say incomplete the journal does not reach back to where it was read last
    set -- --after-cursor="$place"
  else
    first=$(journalctl -q --no-pager -o short-unix 2> /dev/null | head -n 1 | cut -d . -f 1)
    case $first in *[!0-9]*|'') say incomplete the journal is empty ;; *) [ "$first" -le "$since" ] || say begins "$first" ;; esac
    set -- --since="@$since"
  fi
  # Its last line is the cursor, and is none when there was nothing new.
  journalctl -q --no-pager -o short-iso --show-cursor "$@" "$journal" + SYSLOG_IDENTIFIER=systemd-journald 2> /dev/null |
    { exec 4>&1; sed -n -e '/^-- cursor: /{s/^-- cursor: /log position journal /;w /dev/stderr
d}' -e p | keep; }
}
journal=@JOURNAL@
if [ -n "$log" ] && [ -f "$log" ]; then
  # A file that nobody writes any more, beside a journal: the machine was moved over.
  written=$(stat -c %Y -- "$log") newest=
  if [ -z "$kind" ] && [ "$written" -lt "$since" ] && command -v journalctl > /dev/null; then
    newest=$(journalctl -q --no-pager -o short-unix -n 1 "$journal" 2> /dev/null | cut -d . -f 1)
    case $newest in *[!0-9]*) newest= ;; esac
  fi
  if [ "$kind" = journal ] || [ "0$newest" -gt $((written + 60)) ]; then read_journal
  else [ -r "$log" ] || { echo "$log may not be read" >&2; exit 77; }; read_file; fi
elif [ "$kind" = file ]; then
  say incomplete the log file that was read is gone
  # How long ago that reading was nobody knows: what the journal has is read from now on.
  if command -v journalctl > /dev/null; then say position since "$now"; since=$now kind=; read_journal; fi
elif command -v journalctl > /dev/null; then read_journal
else say incomplete there is no log of it here; fi
`;

// $1 epoch seconds, $2 pattern, then the command.
const COMMAND_SCRIPT = String.raw`
now=$(date +%s) since=$1 pattern=$2; shift 2
printf 'log now %s %s \n' "$now" "$(date +%z)"
{ "$@" "$((now - since))" || printf 'log failed %s\n' $? >&2; } | { grep -aE -- "$pattern" || [ $? -eq 1 ]; }
`;

/**
 * Gives each line that the pattern keeps, the oldest first; lines before `since` may be among them. @throws
 * TransportError, CommandError
 */
export async function readLogLines(
  transport: Transport,
  host: Host,
  place: LogPlace,
  from: LogStart,
  onLine: (line: string, clock: LogClock) => void,
  options: LogOptions = {},
): Promise<LogEnd> {
  const start = parseStart(from);
  const pattern = `${place.pattern}|${DROPPED}`;
  let dropped: string | null = null;
  let clock: LogClock | undefined;
  const take = (line: string) => {
    if (clock === undefined) {
      clock = parseClock(line);
      return;
    }
    const said = droppedBy(line);
    if (said === null) onLine(line, clock);
    else dropped ??= said;
  };
  const script =
    place.command === undefined
      ? `locate() {\n${place.locate}\n}\n${SCRIPT.replace('@JOURNAL@', () => place.journal)}`
      : COMMAND_SCRIPT;
  const args =
    place.command === undefined
      ? [...start, String(options.maxBytes ?? MAX_BYTES), pattern, ...(options.args ?? [])]
      : [start[0], pattern, ...place.command];
  const { status, stderr } = await transport.run(
    host,
    {
      name: 'log.read',
      script,
      args,
      readOnly: true,
      privileged: true,
      within: options.within,
      timeoutMs: READ_MS,
    },
    { signal: options.signal, onLine: take },
  );
  const failed = /^log failed (\d+)$/m.exec(stderr)?.[1];
  if (status !== 0 || failed !== undefined)
    throw new CommandError(
      host.name,
      'reading the log',
      failed === undefined ? status : Number(failed),
      stderr,
    );
  return parseEnd(stderr, from, clock?.now, dropped);
}

/** Events that lines make, one reader for all lines of a reading; those before `since` are left out. As readLogLines. */
export async function readLogEvents<Event extends { readonly at: number }>(
  transport: Transport,
  host: Host,
  place: LogPlace,
  from: LogStart,
  openReader: (clock: LogClock) => { line(text: string): Event | null },
  onEvent: (event: Event) => void,
  options: LogOptions = {},
): Promise<LogEnd> {
  const since = 'since' in from ? from.since : 0;
  let reader: ReturnType<typeof openReader> | undefined;
  const onLine = (line: string, clock: LogClock) => {
    reader ??= openReader(clock);
    const event = reader.line(line);
    if (event !== null && event.at >= since) onEvent(event);
  };
  return readLogLines(transport, host, place, from, onLine, options);
}

function parseStart(from: LogStart): readonly [string, string, string, string] {
  if ('since' in from) return [String(Math.max(0, Math.floor(from.since))), '', '', ''];
  const file = /^file (\d+) (\d+)$/.exec(from.position);
  if (file !== null) return ['', 'file', file[1] ?? '', file[2] ?? ''];
  const journal = /^journal ([\w=;]+)$/.exec(from.position);
  if (journal !== null) return ['', 'journal', '', journal[1] ?? ''];
  // A position from where there was nothing yet.
  return [/^since (\d{1,12})$/.exec(from.position)?.[1] ?? '0', '', '', ''];
}

function parseClock(line: string): LogClock {
  const [, now = '0', zone = '+0000', tag = ''] = /^log now (\d{1,12}) ([+-]\d{4}) ?(.*)$/.exec(line) ?? [];
  return { now: Number(now), zone, tag };
}

// The logger's own words: its tag is what no other program of the host can write by way of it.
function droppedBy(line: string): string | null {
  const found =
    /^(?:\d{4}-\S{15,40}|[A-Z][a-z]{2} [ \d]\d [\d:]{8}) \S+ ((?:rsyslogd|systemd-journald|journal)(?:\[\d+\])?: .*)$/.exec(
      line,
    )?.[1];
  if (found === undefined || !new RegExp(DROPPED).test(found)) return null;
  return `the logger dropped lines: ${found.slice(0, 160)}`;
}

function parseEnd(stderr: string, from: LogStart, now: number | undefined, dropped: string | null): LogEnd {
  const all = (pattern: RegExp) => [...stderr.matchAll(pattern)].map(([, word = '']) => word);
  const begins = all(/^log begins (\d{0,12})$/gm)[0];
  const missing = [
    ...all(/^log incomplete (.+)$/gm),
    ...(begins === undefined
      ? []
      : [begins === '' ? 'the log is empty' : `the log begins at ${formatIso(Number(begins) * 1000)}`]),
    ...(dropped === null ? [] : [dropped]),
  ];
  const before = 'position' in from ? from.position : `since ${now ?? from.since}`;
  return {
    position: all(/^log position (.+)$/gm).at(-1) ?? before,
    incomplete: missing.length === 0 ? null : missing.join('; '),
  };
}
