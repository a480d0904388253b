// One message of Mailman 3, as `mailman qfile` prints it: the message, then its metadata as Python's pprint has it
// (3.3.8). Mailman unpickles its own file as its own user; nothing here does. A message may hold lines that look like
// the program's own marks: the last one counts, since no line of the metadata can begin so.
import type { MessageDetail } from '../../queue/driver.js';
import type { QueueMessage } from '../../queue/message.js';
import { parseQueueFile } from './names.js';
import { type PythonValue, parsePythonLiteral } from './python-literal.js';
import { HELD_DIR, MAILMAN_PLACES } from './queue-dir-script.js';

/** Headers that are kept, and bytes of the message and of its metadata that are read. */
const MOST_HEADERS = 200;
const HEAD_BYTES = 131_072;
const TAIL_BYTES = 1_048_576;

// $1 folder, $2 name. Exit 3: there is no such file. Each line begins with what it is: f a fact, q of qfile, e what
// went wrong with it, l of the log. A held file is below a folder that only root may enter: qfile reads it on stdin.
export const SHOW_SCRIPT = `${MAILMAN_PLACES}
enter_queues
folder=$1 name=$2
case $folder in ''|*[!A-Za-z0-9_-]*) exit 3 ;; esac
case $name in ''|.|..|*/*) exit 3 ;; esac
path=
for top in . ${HELD_DIR}; do
  for ending in '' .pck .bak .psv; do
    [ -z "$path" ] && [ -f "$top/$folder/$name$ending" ] && path=$top/$folder/$name$ending
  done
done
[ -n "$path" ] || exit 3
printf 'f path %s\\n' "\${path#./}"
printf 'f size %s\\n' "$(wc -c < "$path")"
shown=
if command -v mailman > /dev/null; then
  shown=$({ as_owner timeout 20 mailman qfile /dev/stdin < "$path" 2>&1; } | tr -d '\\000' |
    { head -c ${HEAD_BYTES}; printf '\\n\\036cut\\n'; tail -c ${TAIL_BYTES}; })
  printf '%s\\n' "$shown" | sed 's/^/q /'
else
  echo 'e there is no mailman on PATH, whose qfile reads the message'
fi
logs=$(log_dir) || exit 0
# Mailman names a message by its file where it fails, else by its Message-ID, which the file's text says.
id=$(printf '%s\\n' "$shown" | awk 'tolower($1) == "message-id:" { print $2; exit } /^$/ { exit }')
case $id in '<'?*@?*'>') ;; *) id=$name ;; esac
for file in "$logs"/*.log; do
  [ -f "$file" ] && tail -c 16777216 "$file" | grep -aF -e "$name" -e "$id"
done | tail -n 200 | sed 's/^/l /'
exit 0
`;

/** Reads the script's answer; null: it tells of no file. */
export function parseShown(base: string, host: string, stdout: string): MessageDetail | null {
  const of = (mark: string) =>
    stdout
      .split('\n')
      .filter((line) => line.startsWith(`${mark} `))
      .map((line) => line.slice(2));
  const facts = new Map(of('f').map((line): [string, string] => split(line, ' ')));
  const path = facts.get('path') ?? '';
  const parsed = parseQueueFile(base, host, `f ${path}`);
  if (parsed.kind !== 'message') return null;
  const { text, metadata, problem } = parseQfile(of('q'));
  const size = Number(facts.get('size'));
  return {
    message: withMetadata({ ...parsed.message, sizeBytes: Number.isSafeInteger(size) ? size : 0 }, metadata),
    headers: headersOf(text),
    nextTryAt: null,
    log: of('l'),
    facts: [
      ['file', path],
      ...scalars(metadata),
      ...[...of('e'), ...(problem === null ? [] : [problem])].map((what): [string, string] => [
        'not_read',
        what,
      ]),
    ],
  };
}

/** What `mailman qfile` printed. */
export function parseQfile(lines: readonly string[]): {
  readonly text: readonly string[];
  readonly metadata: ReadonlyMap<string, PythonValue>;
  /** Why there is less than there should be; null: nothing is missing. */
  readonly problem: string | null;
} {
  const first = lines.indexOf('<----- start object 1 ----->');
  const second = lines.lastIndexOf('<----- start object 2 ----->');
  const cut = lines.indexOf('\x1ecut');
  const none = new Map<string, PythonValue>();
  if (first < 0)
    return { text: [], metadata: none, problem: lastWords(lines) ?? 'mailman qfile printed nothing' };
  const text = lines.slice(first + 1, second > first ? second : undefined);
  const end = lines.lastIndexOf('[----- end pickle -----]');
  const said =
    second > first
      ? lines.slice(second + 1, end > second ? end : undefined).filter((line) => line !== '\x1ecut')
      : [];
  const value = parsePythonLiteral(said.join('\n'));
  const isMap = value instanceof Map;
  const problem = isMap
    ? null
    : cut >= 0 && second < first
      ? 'its metadata was cut off'
      : 'its metadata cannot be read';
  return { text, metadata: isMap ? value : none, problem };
}

function withMetadata(message: QueueMessage, metadata: ReadonlyMap<string, PythonValue>): QueueMessage {
  const sender = metadata.get('original_sender') ?? metadata.get('sender');
  const recipients = metadata.get('recipients');
  const addresses = Array.isArray(recipients)
    ? recipients.filter((one): one is string => typeof one === 'string')
    : [];
  return {
    ...message,
    sender: typeof sender === 'string' ? sender : null,
    recipients: [...new Set(addresses)].map((address) => ({ address, reason: null })),
  };
}

/** Headers, unfolded, the first of them. */
function headersOf(text: readonly string[]): readonly (readonly [string, string])[] {
  const headers: [string, string][] = [];
  for (const line of text) {
    const last = headers.at(-1);
    if (line === '' || headers.length > MOST_HEADERS) break;
    if (/^[ \t]/.test(line) && last !== undefined) last[1] += ` ${line.trim()}`;
    else if (/^[!-9;-~]+:/.test(line)) {
      const [name, value] = split(line, ':');
      headers.push([name, value.trim()]);
    }
  }
  return headers.slice(0, MOST_HEADERS);
}

/** Metadata that is one word or figure, beside what the message has fields for. */
function scalars(metadata: ReadonlyMap<string, PythonValue>): readonly (readonly [string, string])[] {
  return [...metadata].flatMap(([name, value]): readonly (readonly [string, string])[] =>
    value === null || typeof value === 'object' || name === 'original_sender' ? [] : [[name, String(value)]],
  );
}

function split(line: string, mark: string): [string, string] {
  const at = line.indexOf(mark);
  return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)];
}

function lastWords(lines: readonly string[]): string | undefined {
  return lines
    .filter((line) => line.trim() !== '' && !line.startsWith('\x1e'))
    .at(-1)
    ?.slice(0, 300);
}
