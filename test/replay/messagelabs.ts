/**
 * The outage that `mailctl probe` is the answer to: one of three providers lets every connection begin and then hangs
 * it; traceroute, ping and telnet find nothing for eight hours. On a network of providers: `npm run replay -- messagelabs`.
 */
import { spawnSync } from 'node:child_process';
import { LabError } from '../lab/lab.js';
import {
  mailHostNetworkWords,
  type ProbeDocument,
  parseFault,
  setFaults,
  type Uplinks,
  uplinksDown,
  uplinksMailctl,
  uplinksProbe,
  uplinksUp,
} from '../lab/uplinks.js';
import { check, ReplayError, say } from './replay.js';

const BAD = 'level3';

/** A tool of this machine on the mail host's network, as an operator would use it; null: it is not installed here. */
function tool(
  lab: Uplinks,
  words: readonly string[],
  seconds: number,
): { said: string; took: number } | null {
  if (spawnSync('sh', ['-c', `command -v ${words[0]}`]).status !== 0) return null;
  const [file = '', ...rest] = [...mailHostNetworkWords(lab), 'timeout', String(seconds), ...words];
  const began = performance.now();
  const { stdout, stderr, status } = spawnSync(file, rest, { encoding: 'utf8' });
  const took = (performance.now() - began) / 1000;
  const last = `${stdout}${stderr}`.trim().split('\n').at(-1)?.trim().slice(0, 70) ?? '';
  return { said: status === 124 ? 'hangs without a word' : last, took };
}

async function outage(): Promise<void> {
  const lab = await uplinksUp({ say });
  try {
    const source = lab.spec.providers.find(({ name }) => name === BAD)?.source4 ?? '';
    const server = lab.spec.servers[0]?.four ?? '';
    say('all is well');
    const before = await uplinksProbe(lab);
    check('mailctl probe says so', before.code === 0, before.stdout);

    say(`${BAD} drops every packet above 500 bytes, in both directions; nobody is told`);
    await setFaults(lab, [parseFault(lab, [BAD, 'size', 'n=500', 'hop=2'])]);

    say('what everybody tries first, from the right address:');
    const tries: readonly (readonly [words: readonly string[], seconds: number])[] = [
      [['ping', '-c', '10', '-i', '0.2', '-q', '-I', source, server], 10],
      [['traceroute', '-n', '-T', '-p', '25', '-s', source, server], 40],
      [['mtr', '-n', '-r', '-c', '10', '--tcp', '-P', '25', '-a', source, server], 30],
      [
        [
          'swaks',
          '--server',
          server,
          '--local-interface',
          source,
          '--tls',
          '--to',
          'a@gmail.example',
          '--quit-after',
          'RCPT',
        ],
        15,
      ],
      [['curl', '-sS', '--interface', `host!${source}`, '--ssl-reqd', '-k', `smtp://${server}`], 15],
    ];
    for (const [words, seconds] of tries) {
      const ran = tool(lab, words, seconds);
      say(
        ran === null
          ? `  ${words[0]}: not installed here`
          : `  ${words[0]}: ${ran.said} (${ran.took.toFixed(1)} s)`,
      );
    }

    const screen = await uplinksMailctl(lab, ['probe', '-o', 'table']);
    process.stdout.write(
      `\n$ mailctl probe\n${screen.stdout}(exit ${screen.code}, ${(screen.tookMs / 1000).toFixed(1)} s)\n\n`,
    );
    const { json, code } = await uplinksProbe(lab);
    checkVerdicts(json);
    check('it exits 1', code === 1);
    const route = await uplinksMailctl(lab, ['probe', 'route', 'gmail.example', '-o', 'table']);
    process.stdout.write(`\n$ mailctl probe route gmail.example\n${route.stdout}(exit ${route.code})\n\n`);

    say('the uplink is mended');
    await setFaults(lab, []);
    const after = await uplinksProbe(lab);
    check('mailctl probe says that all is well again', after.code === 0, after.stdout);
    process.stdout.write(`
messagelabs: the provider, the kind of fault and the hop, named from the mail host itself.
  command to verdict     ${(json.judged_after_ms / 1000).toFixed(1)} s
  command to the hop     ${(json.took_ms / 1000).toFixed(1)} s
`);
  } finally {
    await uplinksDown(lab.paths);
  }
}

function checkVerdicts(json: ProbeDocument): void {
  const of = (uplink: string) => json.verdicts.filter((one) => one.uplink === uplink);
  check(
    `${BAD} hangs, in both families`,
    of(BAD).every(({ verdict }) => verdict === 'hangs'),
  );
  const hop = of(BAD).find(({ family }) => family === 4)?.hop;
  check('behind hop 2, ae5.r2.level3.example', hop?.ttl === 2 && hop.name === 'ae5.r2.level3.example');
  const others = json.verdicts.filter(({ uplink }) => uplink !== BAD);
  check('the two others are well', others.length > 0 && others.every(({ verdict }) => verdict === 'ok'));
  check(
    'the verdict took less than 10 s, with its hop less than 12',
    json.judged_after_ms < 10_000 && json.took_ms < 12_000,
  );
}

try {
  await outage();
} catch (error) {
  if (!(error instanceof ReplayError || error instanceof LabError)) throw error;
  process.stdout.write(`\nFAILED  ${error.message}\n`);
  process.exitCode = 1;
}
