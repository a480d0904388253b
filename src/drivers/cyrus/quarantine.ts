// The Cyrus driver's part for events that are set aside: files in `{config_dir}/sync/quarantine/`, a note beside each
// (`FILE.json`). Lines are judged here, by the same reader as everywhere, and named to the host by their numbers.
import { CommandError, ParseError } from '../../errors.js';
import type { Host } from '../../fleet/host.js';
import type { Grip } from '../../slot/driver.js';
import { type EventLine, noteLine, parseNote, type QuarantineFile, rangesOf } from '../../slot/quarantine.js';
import type { QuarantineContent, QuarantineDriver } from '../../slot/quarantine-driver.js';
import type { Instance } from '../../slot/slot.js';
import type { Transport } from '../../transport/transport.js';
import type { Record_ } from './batch.js';
import { frame } from './batch.js';
import { parseLogLine } from './log-lines.js';
import { birthOf } from './observe.js';
import { FIELD } from './observe-script.js';
import { explainPoison } from './poison.js';
import { QUARANTINE_LIST_SCRIPT, QUARANTINE_READ_SCRIPT } from './quarantine-script.js';

/** What it needs of the driver. */
export interface QuarantineParts {
  readonly transport: Transport;
  readonly configDir: (instance: Instance) => string;
  readonly masterConf: (instance: Instance) => string;
  /** The one in force, whatever the role. */
  readonly currentConf: (instance: Instance) => string;
  readonly act: (
    host: Host,
    instance: Instance,
    grip: Grip,
    verb: string,
    fields: readonly string[],
    deadlineMs: number,
  ) => Promise<readonly Record_[]>;
}

const LIST_MS = 30_000;
const READ_MS = 120_000;
const READ_BYTES = 512 * 1024 * 1024;
const WRITE_MS = 60_000;
/** Users of a file that are named in a list. */
const MOST_USERS = 50;

/** The part of the driver. */
export function cyrusQuarantine({
  transport,
  configDir,
  masterConf,
  currentConf,
  act,
}: QuarantineParts): QuarantineDriver {
  const sync = (instance: Instance) => `${configDir(instance)}/sync`;
  const folder = (instance: Instance, channel: string) =>
    channel === '' ? sync(instance) : `${sync(instance)}/${channel}`;
  const channelWord = (channel: string) => (channel === '' ? '.' : channel);
  return {
    async list(host, instances, signal) {
      if (instances.length === 0) return [];
      const result = await transport.run(
        host,
        {
          name: 'cyrus.quarantine-list',
          script: QUARANTINE_LIST_SCRIPT,
          args: [],
          stdin: instances.map((one, index) => `${frame([String(index), configDir(one)])}\n`).join(''),
          readOnly: true,
          privileged: true,
          timeoutMs: LIST_MS,
        },
        { signal },
      );
      const records = result.stdout.split('\n').map((line) => line.split(FIELD));
      return instances.map((instance, index) => parseList(host, instance, String(index), records));
    },

    async read(host, instance, file) {
      const result = await transport.run(host, {
        name: 'cyrus.quarantine-read',
        script: QUARANTINE_READ_SCRIPT,
        args: [configDir(instance), file],
        readOnly: true,
        privileged: true,
        timeoutMs: READ_MS,
        maxBytes: READ_BYTES,
      });
      if (result.status === 44) return undefined;
      if (result.status !== 0)
        throw new CommandError(
          host.name,
          `reading ${file} of ${instance.slot}`,
          result.status,
          result.stderr,
        );
      return parseContent(host, file, result.stdout);
    },

    async setAside(host, instance, grip, file, note) {
      const fields = [sync(instance), folder(instance, note.channel), file, noteLine(note)];
      await act(host, instance, grip, 'set-aside', fields, WRITE_MS);
    },

    async send(host, instance, grip, { channel, file, lines, users = [], seconds }) {
      const ranges = lines.length === 0 ? '-' : rangesOf(lines);
      const words = [
        sync(instance),
        masterConf(instance),
        channelWord(channel),
        String(seconds),
        file,
        ranges,
      ];
      const names = users.map((user) =>
        /^[A-Za-z0-9._@+-]+$/.test(user) ? user : `"${user.replaceAll(/["\\]/g, '\\$&')}"`,
      );
      const records = await act(host, instance, grip, 'q-send', [...words, ...names], (seconds + 15) * 1000);
      const [, outcome, said = ''] = records.at(-1) ?? [];
      return { outcome: outcome === 'sent' || outcome === 'away' ? outcome : 'failed', said };
    },

    async keep(host, instance, grip, { file, lines, seal, note }) {
      const ranges = lines.length === 0 ? '-' : rangesOf(lines);
      const fields = [sync(instance), file, seal, ranges, noteLine(note)];
      await act(host, instance, grip, 'q-keep', fields, WRITE_MS);
    },

    explain: (instance, replica, who, users, said) =>
      explainPoison({ who, users, said, master: instance.host, replica, conf: currentConf(instance) }),

    preview(kind, instance, channel) {
      const conf = masterConf(instance);
      const name = channel === '' ? '' : ` -n ${channel}`;
      return kind === 'set-aside'
        ? [`mv ${folder(instance, channel)}/log-run ${sync(instance)}/quarantine/`]
        : [
            `sync_client -C ${conf}${name} -r -f ${sync(instance)}/quarantine/...   in parts, until what cannot be sent is alone`,
          ];
    },
  };
}

/** The files of one instance. */
export function parseList(
  host: Host,
  instance: Instance,
  number: string,
  records: readonly (readonly string[])[],
): readonly QuarantineFile[] {
  const at = Number(records.find((record) => record[0] === '-' && record[1] === 'time')?.[2]);
  const own = records.filter((record) => record[0] === number);
  if (!own.some((record) => record[1] === 'end'))
    throw new ParseError(host.name, `the list of what is set aside of ${instance.slot} is cut off`);
  return own
    .filter((record) => record[1] === 'file')
    .map(([, , file = '', birth, lines]) => {
      const noteText = own
        .find((record) => record[1] === 'note' && record[2] === file)
        ?.slice(3)
        .join(' ');
      const note = noteText === undefined ? null : parseNote(noteText);
      const counts = new Map<string, number>();
      for (const [, kind, of, count, ...text] of own) {
        if (kind !== 'line' || of !== file) continue;
        for (const user of parseLogLine(text.join(' ')).users)
          counts.set(user, (counts.get(user) ?? 0) + (Number(count) || 0));
      }
      return {
        slot: instance.slot,
        host: host.name,
        file,
        events: Number(lines) || 0,
        birth: note === null ? birthOf(birth) : note.birth,
        note,
        users: [...counts]
          .sort((a, b) => b[1] - a[1])
          .map(([user]) => user)
          .slice(0, MOST_USERS),
        at,
      };
    });
}

/** A file's lines. */
export function parseContent(host: Host, file: string, stdout: string): QuarantineContent {
  const records = stdout.split('\n').map((line) => line.split(FIELD));
  const first = (key: string) =>
    records
      .find((record) => record[0] === key)
      ?.slice(1)
      .join(' ');
  const [seal, at] = [first('seal'), Number(first('time'))];
  if (seal === undefined || first('end') === undefined || !Number.isFinite(at))
    throw new ParseError(host.name, `what was read of ${file} is cut off`);
  const note = first('note');
  return {
    seal,
    at,
    events: Number(first('lines')) || 0,
    note: note === undefined ? null : parseNote(note),
    lines: records
      .filter((record) => record[0] === 'n')
      .map(([, number, ...text]): EventLine => {
        const line = text.join(' ');
        const { users, words, torn } = parseLogLine(line);
        return {
          number: Number(number),
          users,
          shared: users.length === 0 ? (words[0] ?? null) : null,
          torn,
          text: line,
        };
      })
      .filter(({ text }) => text !== ''),
  };
}
