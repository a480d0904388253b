// A hundred hosts at once beside pdsh and clush, all over connections that are open already: addresses of the loopback
// and one sshd, so that the hosts share these cores. The peers' packages are installed for the bench alone.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ensurePackages } from '../lab/packages.js';
import { ManyHosts } from '../support/many-hosts.js';
import { quarter, run, type StoreRow, timed } from './stores.js';

const HOSTS = 100;
const bin = join(import.meta.dirname, '../../bin/mailctl.js');

/** `queue list` of all of them, and `postqueue -j` by the peers. */
export async function fanOutRows(rounds: number, say: (line: string) => void): Promise<readonly StoreRow[]> {
  await ensurePackages(say, ['pdsh', 'clustershell']);
  const hosts = await ManyHosts.start(HOSTS);
  try {
    hosts.configure(hosts.names, '30s');
    const { world } = hosts;
    // The same hosts with connections that ssh keeps by itself, since the peers keep none.
    const config = join(world.dir, 'peers_config');
    const kept = `ControlMaster auto\nControlPath ${world.dir}/peer-%n\nControlPersist 120\n`;
    writeFileSync(config, `${kept}${readFileSync(world.configFile, 'utf8')}`, { mode: 0o600 });
    const env = Object.fromEntries(
      Object.entries(world.env).filter(([, value]) => value !== undefined),
    ) as Record<string, string>;
    const ours = () =>
      run(
        process.execPath,
        [bin, '--config', hosts.configFile, '--concurrency', '100', 'queue', 'list', '-o', 'json', '-q'],
        { env },
      );
    const names = `h[1-${HOSTS}]`;
    const pdsh = () =>
      run('pdsh', ['-R', 'ssh', '-f', '100', '-w', names, 'postqueue -j'], {
        env: { ...env, PDSH_SSH_ARGS_APPEND: `-F ${config}` },
      });
    const clush = () =>
      run('clush', ['-f', '100', '-o', `-F ${config}`, '-w', names, 'postqueue -j'], { env });
    const times = { ours: [] as number[], pdsh: [] as number[], clush: [] as number[] };
    for (let round = -1; round < rounds; round += 1)
      for (const [name, work] of [
        ['pdsh', pdsh],
        ['ours', ours],
        ['clush', clush],
      ] as const) {
        const ms = await timed(async () => mustBeAll(name, await work()));
        if (round >= 0) times[name].push(ms);
      }
    const best = Math.min(quarter(times.pdsh), quarter(times.clush));
    const ms = quarter(times.ours);
    return [
      { name: 'queue list, 100 hosts warm', ms, ratio: ms / best, budget: 1.2 },
      { name: '  pdsh', ms: quarter(times.pdsh) },
      { name: '  clush', ms: quarter(times.clush) },
    ];
  } finally {
    await hosts.end();
  }
}

/** Whoever answers for fewer hosts is faster, and not measured. */
function mustBeAll(name: string, said: string): void {
  const ids = new Set(said.match(/"A127\d+"/g));
  if (ids.size !== HOSTS) throw new Error(`${name}: ${ids.size} of ${HOSTS} hosts have answered`);
}
