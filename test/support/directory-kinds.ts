// Every kind of directory behind the one interface: a file, a server, and a site's three commands, which are a shell
// script over a folder with a file a slot. What holds for one must hold for all.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, onTestFinished } from 'vitest';
import { commandDirectory } from '../../src/drivers/directory-commands/directory.js';
import { systemClock } from '../../src/lib/clock.js';
import type { Directory } from '../../src/slot/directory.js';
import { databaseDirectory } from '../../src/state/directory.js';
import { openState } from '../../src/state/open.js';
import { localTransport } from '../../src/transport/local.js';
import { describeOnEveryState } from './state-kinds.js';

/** A slot to begin with; its first host is the master. */
export type Start = Readonly<Record<string, readonly string[]>>;

/** Makes a directory with these slots. To be called within a test. */
export type MakeDirectory = (start: Start) => Promise<Directory>;

/** Runs a suite on every kind. */
export function describeOnEveryDirectory(name: string, body: (make: MakeDirectory) => void): void {
  describeOnEveryState(name, (fresh) => {
    body(async (start) => {
      const state = await openState(await fresh.location(), { mode: 'write' });
      onTestFinished(() => state.close());
      const directory = databaseDirectory(state);
      const add = Object.entries(start).map(([slot, hosts]) => ({
        slot,
        master: hosts[0] ?? '',
        instances: hosts.map((host) => ({ slot, host, instance: slot, address: undefined })),
        state: undefined,
      }));
      await directory.applySlotMap({ add, change: [], remove: [], unlisted: [], same: [] });
      return directory;
    });
  });
  describe(`${name} (three commands)`, () => {
    body(async (start) => {
      const folder = mkdtempSync(join(tmpdir(), 'mailctl-commands-'));
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
      mkdirSync(join(folder, 'slots'));
      for (const [slot, hosts] of Object.entries(start))
        writeFileSync(join(folder, 'slots', slot), `${slot}\t${hosts[0]}\t${hosts.join(',')}\tnormal\n`);
      const script = join(folder, 'site-dir');
      writeFileSync(script, SITE);
      chmodSync(script, 0o755);
      execFileSync('flock', ['--version']);
      return commandDirectory({
        commands: {
          list: [script, 'list'],
          get: [script, 'get', '{slot}'],
          set: [script, 'set', '{slot}', '{from}', '{to}', '{state}'],
        },
        transport: localTransport({
          clock: systemClock,
          env: process.env,
          sudoFor: () => false,
          helloMs: 10_000,
        }),
        host: { name: 'here', transport: 'local', groups: [] },
      });
    });
  });
}

const SITE = String.raw`#!/bin/sh
cd "$(dirname "$0")/slots" || exit 1
case $1 in
  list) cat -- * 2>/dev/null; exit 0 ;;
  get) [ -f "$2" ] || exit 0; cut -f 2,4 "$2" ;;
  set)
    exec 9> ../lock; flock 9
    [ -f "$2" ] && [ "$(cut -f 2 "$2")" = "$3" ] || exit 3
    printf '%s\t%s\t%s\t%s\n' "$2" "$4" "$(cut -f 3 "$2")" "$5" > ../new && mv ../new "$2" ;;
esac
`;
