// How a backlog of Mailman 3 is drained: the files of a queue are moved beside it and come back in batches, no more than
// a window of them waiting for their runner. A runner that died is not started again by its master (3.3.8), nor by
// `mailman restart`: where the master lives without it, Mailman is stopped and started once the backlog is parked.
import { CommandError, ParseError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import type { DrainFate, DrainWay } from '../../queue/drain-way.js';
import type { ActAnswer } from '../../queue/driver.js';
import type { MessageKey } from '../../queue/message.js';
import { type Sight, tickOnce } from '../../queue/pump-words.js';
import type { Transport } from '../../transport/transport.js';
import { ACT_SCRIPT } from './act-script.js';
import { HELD_DIR, MAILMAN_PLACES } from './queue-dir-script.js';

const LOOK_MS = 60_000;
const RESTART_MS = 180_000;

/** Where to drain, and how the queue's acts are done. */
export interface DrainPlace {
  readonly transport: Transport;
  readonly host: Host;
  readonly within?: readonly string[] | undefined;
  act(what: 'hold' | 'release', keys: readonly MessageKey[], signal?: AbortSignal): Promise<ActAnswer>;
  isId(id: string): boolean;
}

// Runners by what they were started with; `runners NAME` prints the pids of one, `masters` those of the master.
const PROCESSES = String.raw`
python_with() {
  for line in $(grep -ls -e "$1" /proc/[0-9]*/cmdline 2> /dev/null); do
    one=\${line%/cmdline}
    case $(cat "$one/comm" 2> /dev/null) in python*|runner|master) printf '%s ' "\${one#/proc/}" ;; esac
  done
}
masters() { python_with bin/master; }
runners() { python_with "runner=$1:"; }
`.replaceAll('\\${', '${');

const LOCATE = `${MAILMAN_PLACES}${PROCESSES}
spool=$(queue_dir)
main="$(masters)$(runners '[a-z]*')"
`;

/**
 * Ids on stdin, a line each; FOLDER/STEM. `$1`: the folder whose runner must live. What a runner cannot deliver gets a new
 * name in another folder: `$2`, by the host's clock, is since when such files count.
 */
export const LOOK_SCRIPT = `${MAILMAN_PLACES}${PROCESSES}
enter_queues
printf 'at %s\\n' "$(date +%s)"
[ -n "$(runners "$1")" ] || echo down
since=$2
if [ -n "$since" ]; then
  set -- "$1" "$2" $(for folder in shunt bad retry; do [ "$1" = $folder ] || [ ! -d $folder ] || echo $folder; done)
  shift 2 && [ $# -gt 0 ] && printf 'aside %s\\n' "$(find "$@" -type f -newermt "@$since" 2> /dev/null | wc -l)"
fi
while IFS= read -r id; do
  case $id in */*/*|*/../*|../*) continue ;; esac
  if [ -e "$id.pck" ] || [ -e "$id" ]; then fate=waiting
  elif [ -e "$id.bak" ]; then fate=active
  elif [ -e "${HELD_DIR}/$id.pck" ] || [ -e "${HELD_DIR}/$id" ] || [ -e "${HELD_DIR}/$id.bak" ]; then fate=held
  else continue; fi
  case $fate$id in waitingretry/*|waitingshunt/*) fate=deferred ;; esac
  printf 'fate %s %s\\n' "$fate" "$id"
done
echo done
`;

/**
 * Only where the master lives and the runner does not: who stopped Mailman as a whole, or does so just now, meant it. `$1`:
 * the folder whose runner must live.
 */
export const RESTART_SCRIPT = `${MAILMAN_PLACES}${PROCESSES}
enter_queues
[ -n "$(masters)" ] && [ -z "$(runners "$1")" ] || { echo untouched; exit 0; }
state=
[ ! -d /run/systemd/system ] || state=$(systemctl is-active mailman3 2> /dev/null)
case $state in deactivating|activating) echo untouched; exit 0 ;; esac
if [ "$state" = active ] || [ "$state" = reloading ]; then
  systemctl restart mailman3 || exit
else
  config=$(config_file)
  as_owner mailman -C "$config" stop > /dev/null 2>&1 < /dev/null
  i=0; while [ -n "$(masters)" ] && [ $i -lt 30 ]; do sleep 1; i=$((i + 1)); done
  as_owner setsid mailman -C "$config" start --force > /dev/null 2>&1 < /dev/null
fi
i=0
until [ -n "$(runners "$1")" ]; do
  i=$((i + 1)); [ $i -lt 60 ] || { echo "the $1 runner does not start" >&2; exit 75; }
  sleep 1
done
echo restarted
`;

/** The way of the queues of one Mailman. */
export function mailman3Drain({ transport, host, within, act, isId }: DrainPlace): DrainWay {
  const ask = async (
    name: string,
    script: string,
    args: readonly string[],
    options: { readonly stdin?: string; readonly readOnly: boolean; readonly timeoutMs: number },
    signal?: AbortSignal,
  ): Promise<string> => {
    const { status, stdout, stderr } = await transport.run(
      host,
      { name: `mailman3.${name}`, script, args, privileged: true, within, ...options },
      { signal },
    );
    if (status !== 0) throw new CommandError(host.name, `mailman3 ${name}`, status, stderr);
    return stdout;
  };
  /** Where the master lives without the runner of a folder. */
  const restart = async (ids: readonly string[], signal?: AbortSignal): Promise<boolean> => {
    let isStarted = false;
    for (const folder of foldersOf(ids)) {
      const options = { readOnly: false, timeoutMs: RESTART_MS };
      const said = await ask('restart', RESTART_SCRIPT, [folder], options, signal);
      isStarted ||= /^restarted$/m.test(said);
    }
    return isStarted;
  };
  let since: number | undefined;
  return {
    // A runner hands one message after the other to the mail server that it knows.
    oneConnectionEach: true,
    side: {
      args: [],
      within,
      locate: LOCATE,
      giveBack: `set -- release\n${ACT_SCRIPT}`,
      line: ({ id }) => JSON.stringify(id),
    },
    lifetime: async () => null,
    async park(keys, signal) {
      const answer = await act('hold', keys, signal);
      await restart(
        keys.map(({ id }) => id),
        signal,
      );
      return answer;
    },
    revive: restart,
    unpark: (keys, signal) => act('release', keys, signal),
    tick(order, signal) {
      const ids = order.lots.flatMap(({ watch, release }) => [...watch, ...release.map(({ id }) => id)]);
      const known = ids.filter(isId);
      const [folder = 'out'] = foldersOf(known);
      const stdin = known.map((id) => `${id}\n`).join('');
      const look = async () => {
        const args = [folder, since === undefined ? '' : String(since)];
        const options = { stdin, readOnly: true, timeoutMs: LOOK_MS };
        const seen = parseSight(host.name, await ask('look', LOOK_SCRIPT, args, options, signal));
        since ??= seen.at;
        return seen;
      };
      return tickOnce(order, look, (keys) => act('release', keys, signal));
    },
    preview: (part) =>
      ({
        park: [
          `mv QUEUE_DIR/out/FILE QUEUE_DIR/${HELD_DIR}/out/`,
          'systemctl restart mailman3 (only where its runner is dead and its master is not)',
        ],
        release: [`mv QUEUE_DIR/${HELD_DIR}/out/FILE QUEUE_DIR/out/`],
        unpark: [`mv QUEUE_DIR/${HELD_DIR}/out/FILE QUEUE_DIR/out/`],
      })[part],
  };
}

/** Queues that have runners of their own: what is in shunt waits for nobody. */
function foldersOf(ids: readonly string[]): readonly string[] {
  const folders = new Set(ids.map((id) => id.slice(0, Math.max(0, id.indexOf('/')))));
  return [...folders].filter((one) => /^[a-z]{1,40}$/.test(one) && one !== 'shunt' && one !== 'bad');
}

/** Reads what the look printed; a line that is none is skipped. */
export function parseSight(host: string, stdout: string): Sight {
  const fates = new Map<string, DrainFate>();
  let at = 0;
  let isDown = false;
  let aside: number | null = null;
  for (const line of stdout.split('\n')) {
    const [, fate, id] = /^fate (waiting|active|deferred|held) (.+)$/.exec(line) ?? [];
    if (id !== undefined) fates.set(id, fate as DrainFate);
    else if (line === 'down') isDown = true;
    else if (/^at \d{1,12}$/.test(line)) at = Number(line.slice(3));
    else if (/^aside +\d{1,9}$/.test(line)) aside = Number(line.slice(6));
  }
  if (!/^done$/m.test(stdout.slice(-6)))
    throw new ParseError(host, 'the look at the queues of Mailman did not come to its end');
  return { at, fates, isDown, aside };
}
