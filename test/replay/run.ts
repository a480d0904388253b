/** `npm run replay -- [NAME...]`: plays outages on real servers, all of them by default; ends badly if one did not go well. */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const replays: readonly string[] = ['fastmail', 'messagelabs', 'groups-io'];

const tsx = fileURLToPath(new URL('../../node_modules/.bin/tsx', import.meta.url));
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !replays.includes(name));
if (unknown.length > 0) {
  process.stderr.write(`replay: no ${unknown.join(', ')}; there are ${replays.join(', ')}\n`);
  process.exit(2);
}
const failed: string[] = [];
for (const name of asked.length > 0 ? asked : replays) {
  process.stdout.write(`\n== ${name}\n`);
  const script = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
  const { status } = spawnSync(tsx, [script], { stdio: 'inherit' });
  if (status !== 0) failed.push(name);
}
process.stdout.write(failed.length === 0 ? '\nall replays went well\n' : `\nFAILED: ${failed.join(', ')}\n`);
process.exitCode = failed.length === 0 ? 0 : 1;
