/** The lab's look at the directory: who is whose master by the product's own database. */
import { run } from './run.js';
import { hostNamed, type Lab, type StoreHost } from './spec.js';

export interface DirectoryEntry {
  readonly master: StoreHost;
  readonly state: string;
  readonly version: number;
}

/** Everything that the directory says now. */
export async function directoryOf(lab: Lab): Promise<Map<string, DirectoryEntry>> {
  const out = await sqlite(lab, 'SELECT slot, master, state, version FROM slots;');
  return new Map(
    out
      .split('\n')
      .filter(Boolean)
      .map((line): [string, DirectoryEntry] => {
        const [slot = '', master = '', state = '', version = ''] = line.split('\t');
        return [slot, { master: hostNamed(master) as StoreHost, state, version: Number(version) }];
      }),
  );
}

/** Changes an entry behind the product's back: for tests of what then has to happen. */
export async function setDirectory(
  lab: Lab,
  slot: string,
  change: { master?: string; state?: string },
): Promise<void> {
  const set = Object.entries(change).map(([column, value]) => `${column} = '${value.replaceAll("'", "''")}'`);
  await sqlite(
    lab,
    `UPDATE slots SET ${[...set, 'version = version + 1'].join(', ')} WHERE slot = '${slot}';`,
  );
}

async function sqlite(lab: Lab, sql: string): Promise<string> {
  // mode=rw: never make an empty database where the real one is away.
  const database = `file:${lab.paths.directoryDb}?mode=rw`;
  const { stdout } = await run(['sqlite3', '-cmd', '.timeout 5000', '-separator', '\t', database, sql]);
  return stdout;
}
