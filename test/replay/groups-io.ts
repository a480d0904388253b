/**
 * The outage that `mailctl drain` is the answer to: a sender of the site's own whose count of connections leaks until it
 * believes that none is left, a backlog for one provider, memory that runs out, restarts. On a real sender and a receiver
 * that counts its connections: `npm run replay -- groups-io`. What belongs to the status page and to the monitor that
 * somebody had silenced is not played: mailctl has neither yet.
 */
import fs from 'node:fs';
import { parse, stringify } from 'yaml';
import { type Lab, LabError, takeDown, up } from '../lab/lab.js';
import { mailctlJson, startMailctl } from '../lab/mailctl.js';
import { destinationsOf, type ProviderSpec, type Providers, startProviders } from '../lab/providers.js';
import { type Sender, senderQueue, startSender } from '../lab/sender.js';
import { check, mailctl, ReplayError, say, until } from './replay.js';

const BACKLOG = 20_000;
const OTHERS = 300;
const LIMIT = 20;
const MS = 50;
/** What the sender may have: the backlog and what it keeps of it take nine tenths. */
const MEMORY_KB = 116_000;

const specs: readonly ProviderSpec[] = [
  { name: 'gmail', domains: ['gmail.com', 'googlemail.com'], limit: LIMIT, ms: MS },
  { name: 'microsoft', domains: ['outlook.com'], limit: LIMIT, ms: MS },
];
const [GMAIL, OTHER] = [specs[0]?.domains ?? [], specs[1]?.domains ?? []];

interface Drains {
  readonly runs: readonly {
    readonly run: string;
    readonly state: string;
    readonly total: number;
    readonly delivered: number;
    readonly released: number;
    readonly held: number;
    readonly guards: readonly {
      readonly guard: string;
      readonly state: string;
      readonly about: string | null;
    }[];
  }[];
}

interface Connections {
  readonly destinations: readonly {
    readonly destination: string;
    readonly open: number;
    readonly believed: number | null;
    readonly verdict: string;
  }[];
}

async function outage(): Promise<void> {
  say('a sender of the site on mx1, of its own making; two providers that count connections');
  const lab = await up({ slots: 1, forTests: true });
  let providers: Providers | undefined;
  let sender: Sender | undefined;
  try {
    providers = await startProviders(lab, specs);
    configure(lab);
    sender = await startSender(lab, providers.all, { memoryKb: MEMORY_KB, limit: LIMIT });
    await play(lab, providers, sender);
  } finally {
    // It runs in a session of its own, and would wait for its host for ever.
    await startMailctl(lab, ['drain', 'stop']).ended;
    await sender?.stop().catch(() => {});
    await providers?.close();
    if (process.env.MAILCTL_REPLAY_KEEP === undefined) await takeDown(lab.paths);
  }
}

function configure(lab: Lab): void {
  const config = parse(fs.readFileSync(lab.paths.mailctlYaml, 'utf8')) as { hosts: Record<string, object> };
  const mx1 = { ...config.hosts.mx1, queues: [senderQueue] };
  const destinations = destinationsOf(specs);
  fs.writeFileSync(
    lab.paths.mailctlYaml,
    stringify({ ...config, destinations, hosts: { ...config.hosts, mx1 } }),
  );
}

async function play(lab: Lab, providers: Providers, sender: Sender): Promise<void> {
  const gmail = providers.of('gmail');
  await sender.fill(200, [...GMAIL, ...OTHER]);
  await until('200 messages go out as ever', 20, () => providers.taken() === 200);

  say('for some seconds gmail takes nobody: 421 to every connection; then it is well again');
  gmail.set({ mood: 'refuse' });
  await sender.fill(60, GMAIL);
  await until('each of its connections has ended with a 421', 10, async () => {
    return gmail.open() === 0 && ((await sender.counts()).deferred ?? 0) >= LIMIT;
  });
  gmail.set({ mood: 'well' });
  say('each connection that gmail ended was counted as open for ever; the digests of the night come');
  await sender.fill(BACKLOG, GMAIL);
  await sender.fill(OTHERS, OTHER);
  await until('other mail goes out', 30, () => providers.of('microsoft').taken() >= OTHERS);
  const before = gmail.taken();

  const byDestination = ['queue', 'stats', '--by', 'destination', '--no-dns'];
  await mailctl(lab, byDestination, 0);
  const stats = await mailctlJson<{ groups: readonly { key: string; messages: number }[] }>(
    lab,
    byDestination,
  );
  const [first] = stats.json.groups;
  check('queue stats names the destination', first?.key === 'gmail' && first.messages >= BACKLOG);
  await mailctl(lab, ['queue', 'connections', '--no-dns'], [0, 1]);
  const { json } = await mailctlJson<Connections>(lab, ['queue', 'connections', '--no-dns']);
  const row = json.destinations.find(({ destination }) => destination === 'gmail');
  check(
    `it believes ${LIMIT} connections to gmail, and 0 are open: the sender's own fault`,
    row?.believed === LIMIT && row.open === 0 && row.verdict === 'sender',
    JSON.stringify(row),
  );
  check('nothing has gone to gmail since', gmail.taken() === before);

  say('what it keeps of every recipient fills its memory: it is killed, and started again, and again');
  await until('its supervisor has started it again', 60, async () => (await sender.restarts()) >= 1);
  await mailctl(lab, ['drain', 'start', '-H', 'mx1', '--all', '--no-dns', '--dry-run'], 0);

  say('the operator parks the backlog all the same; the drain waits for a sender that stays up');
  const words = [
    'drain',
    'start',
    '-H',
    'mx1',
    '--all',
    '--no-dns',
    '--in-flight',
    'gmail=1000',
    '--detach',
    '--yes',
  ];
  await mailctl(lab, words, 0);
  const status = async () => (await mailctlJson<Drains>(lab, ['drain', 'status', '--local'])).json.runs[0];
  const paused = async (guard: string) =>
    (await status())?.guards.some((one) => one.guard === guard && one.state === 'paused') === true;
  await until('the memory of senderd pauses it', 60, () => paused('memory'));
  await until('so do its restarts', 90, () => paused('restarts'));
  const screen = await mailctl(lab, ['drain', 'status', '--local'], 0);
  check('it says whose', /memory \(senderd/.test(screen.stdout) && /restarts/.test(screen.stdout));
  const seen = await status();
  check('and has let go no more than one window', (seen?.released ?? Number.NaN) <= 1000);
  check('gmail has got nothing', gmail.taken() === before);

  say('the mended sender is deployed; nobody touches the drain');
  gmail.reset();
  const deployed = performance.now();
  await sender.deployFix();
  const run = seen?.run ?? '';
  const total = seen?.total ?? 0;
  await until('mail flows again', 90, () => gmail.taken() > 0);
  const flowing = performance.now();
  await until('the drain has sent everything', 420, async () => {
    const { json: one } = await mailctlJson<Drains>(lab, ['drain', 'status', run, '--local']);
    return one.runs[0]?.state === 'done';
  });
  const done = performance.now();
  await mailctl(lab, ['drain', 'status', run, '--local'], 0);

  say('what is true now, by the receiver and the spool');
  const counts = await sender.counts();
  check(
    'nothing is left',
    Object.values(counts).every((count) => count === 0),
    JSON.stringify(counts),
  );
  check('no message came twice', providers.twice().length === 0, providers.twice().slice(0, 5).join(' '));
  const got = [...gmail.seen.keys()].length;
  check('gmail has got every message', got === BACKLOG + 60 + gmailOf(200), String(got));
  check(
    `at most ${LIMIT} connections at once by its own count, none turned away`,
    gmail.most() <= LIMIT && gmail.refused() === 0,
    `${gmail.most()} ${gmail.refused()}`,
  );
  await mailctl(lab, ['queue', 'connections', '--no-dns'], 0);

  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  const ideal = (gmail.taken() * MS) / LIMIT;
  process.stdout.write(`
groups-io: ${total.toLocaleString('en')} parked while the sender was broken, sent without a word more when it was mended.
  fix to the first message        ${seconds(flowing - deployed)}
  first message to the last       ${seconds(gmail.tookMs())}, ${(gmail.tookMs() / ideal).toFixed(2)} x what gmail takes at its limit
  fix to the end of the drain     ${seconds(done - deployed)}
  connections at gmail            at most ${gmail.most()} of ${LIMIT}, ${gmail.connections()} in all, ${gmail.refused()} turned away
  not played                      the status page, the silenced monitor
`);
}

/** Of mail that is spread over all domains. */
function gmailOf(count: number): number {
  const all = [...GMAIL, ...OTHER];
  return Array.from({ length: count }, (_, at) => all[at % all.length] ?? '').filter((one) =>
    GMAIL.includes(one),
  ).length;
}

try {
  await outage();
} catch (error) {
  if (!(error instanceof ReplayError || error instanceof LabError)) throw error;
  process.stdout.write(`\nFAILED  ${error.message}\n`);
  process.exitCode = 1;
}
