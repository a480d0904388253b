// How a site's own sender is drained: by the commands that the configuration names. It is listed, as many are released
// as the windows have room for, and it is listed again. Where it has a command for trying now, what was released is
// given to that as well. Its processes are not known, but by the name that the configuration may tell.
import { CommandError } from '../../errors.js';
import { formatCommand } from '../../lib/command-text.js';
import type { DrainFate, DrainWay } from '../../queue/drain-way.js';
import type { ActAnswer, QueueAct, QueueOptions } from '../../queue/driver.js';
import type { MessageKey } from '../../queue/message.js';
import { type Sight, tickOnce } from '../../queue/pump-words.js';
import { isLine } from './id-line.js';
import { parseExecLine } from './parse-ndjson.js';

const LOOK_MS = 300_000;

// A process of that name, or an interpreter that was given a file of that name, behind some options of its own. The
// words of the site come after it.
const LOCATE = String.raw`
name=$1
main=
for file in $([ -z "$name" ] || grep -ls -F -e "$name" /proc/[0-9]*/cmdline /proc/[0-9]*/comm 2> /dev/null); do
  one=\${file%/*}; one=\${one#/proc/}
  case " $main " in *" $one "*) continue ;; esac
  words=2
  first=$(tr '\000' '\n' < "/proc/$one/cmdline" 2> /dev/null | head -n 1)
  case \${first##*/} in python*|pypy*|perl*|ruby*|node*|bun|deno|php*|lua*|java|dotnet|mono|env|*sh) words=6 ;; esac
  tr '\000' '\n' < "/proc/$one/cmdline" 2> /dev/null | head -n "$words" | grep -qx -e ".*/$name" -e "$name" ||
    [ "$(cat "/proc/$one/comm" 2> /dev/null)" = "$name" ] || continue
  main="$main$one "
done
`.replaceAll('\\${', '${');

// The host's own clock comes first, and whether the sender runs where its name is known; then the words of the site.
const LOOK_SCRIPT = `${LOCATE}
shift
if [ -n "$name" ] && [ -z "$main" ]; then echo "$(date +%s) down"; else date +%s; fi
exec "$@"`;

/** Why a queue cannot be drained, or its way. */
export function execDrain(
  { transport, host, name, within, commands, process: processName }: QueueOptions,
  act: (what: QueueAct, keys: readonly MessageKey[], signal?: AbortSignal) => Promise<ActAnswer>,
): DrainWay | { readonly cannot: string } {
  const { list, hold, release, flush } = commands ?? {};
  const missing = (
    [
      ['list', list],
      ['hold', hold],
      ['release', release],
    ] as const
  ).filter(([, one]) => one === undefined);
  if (list === undefined || hold === undefined || release === undefined) {
    const what = missing.map(([word]) => word).join(' and no ');
    return { cannot: `the configuration names no ${what} command for ${name}` };
  }
  // Down is only what has run: a name that is written otherwise would hold the mail for ever.
  let hasRun = false;
  const look = async (ids: ReadonlySet<string>, signal?: AbortSignal): Promise<Sight> => {
    const fates = new Map<string, DrainFate>();
    let head: RegExpExecArray | null | undefined;
    const onLine = (line: string) => {
      if (head === undefined) {
        head = /^(\d{1,12})( down)?$/.exec(line);
        return;
      }
      const parsed = parseExecLine(name, host.name, line);
      if (parsed.kind === 'message' && ids.has(parsed.message.id))
        fates.set(parsed.message.id, fateOf(parsed.message.state));
    };
    const { status, stderr } = await transport.run(
      host,
      {
        name: 'exec.look',
        script: LOOK_SCRIPT,
        args: [processName ?? '', ...list],
        readOnly: true,
        privileged: true,
        within,
        timeoutMs: LOOK_MS,
      },
      { signal, onLine },
    );
    if (status !== 0) throw new CommandError(host.name, formatCommand(list), status, stderr);
    const runs = head?.[2] === undefined;
    hasRun ||= runs;
    return { at: Number(head?.[1] ?? 0), fates, isDown: hasRun && !runs };
  };
  return {
    // How a sender of the site's own connects is its own affair.
    oneConnectionEach: false,
    side: {
      args: [processName ?? '', ...release],
      within,
      locate: LOCATE,
      giveBack: 'shift; exec "$@"',
      line: ({ id }) => (isLine(id) ? id : null),
    },
    lifetime: async () => null,
    park: (keys, signal) => act('hold', keys, signal),
    unpark: (keys, signal) => act('release', keys, signal),
    tick(order, signal) {
      const ids = new Set(
        order.lots.flatMap(({ watch, release: keys }) => [...watch, ...keys.map(({ id }) => id)]),
      );
      return tickOnce(
        order,
        () => look(ids, signal),
        async (keys) => {
          const answer = await act('release', keys, signal);
          if (flush !== undefined) await act('flush', keys, signal);
          return answer;
        },
      );
    },
    preview: (part) =>
      part === 'park'
        ? [formatCommand(hold)]
        : [
            formatCommand(release),
            ...(part === 'release' && flush !== undefined ? [formatCommand(flush)] : []),
          ],
  };
}

/** A sender's own word for where a message is; one that nobody knows waits for its turn. */
function fateOf(state: string): DrainFate {
  if (state === 'hold' || state === 'held') return 'held';
  return state === 'active' || state === 'deferred' ? state : 'waiting';
}
