// Stories beside the main ones: a host that is cut off by the site's own words, a directory that is away and is told
// later, a run that was done and is moved back, what is owed and done by a timer. Each is a stage: broken at every
// boundary in every way, and by random schedules.
import { foldJournal } from '../../src/plan/progress.js';
import { hostsCutOff } from '../../src/slot/cut-off.js';
import { parseLaneFile } from '../../src/slot/lane-record.js';
import type { SlotWorld } from '../support/slot-world.js';
import type { Schedule } from './boundaries.js';
import type { Stage } from './every-pair.js';
import { Disk, type Playing, playSlots, type Story, type StorySetup, turn } from './story.js';

type Next = StorySetup['next'];
const ALL_NEXTS: readonly Next[] = ['resume', 'other-after-expiry', 'undo', 'other-takes-over'];

/** A story as a stage; `more` is what must hold besides. */
const stageOf = (
  name: string,
  setup: Omit<StorySetup, 'next' | 'schedule'>,
  more: (story: Story) => readonly string[] = () => [],
  nexts: readonly Next[] = ALL_NEXTS,
): Stage<Next> => ({
  name,
  nexts,
  async play(schedule: Schedule, next: Next, events) {
    const onCross: StorySetup['onCross'] = (n, world, label) => {
      setup.onCross?.(n, world, label);
      events?.(n, world);
    };
    const story = await playSlots({ slots: 1, ...setup, schedule, next, onCross });
    return { ...story, complaints: [...story.complaints, ...more(story)] };
  },
});

/** Its last screen names the host, whatever became of the slot: nothing gives it back. */
function cutOffIsTold({ world, disks }: Story): readonly string[] {
  const told = new Set(
    disks.flatMap((disk) => {
      const records = disk.records();
      return records.length === 0 ? [] : hostsCutOff(foldJournal(records, 'disk')).map(({ host }) => host);
    }),
  );
  return [...world.cutOff]
    .filter((host) => !told.has(host))
    .map((host) => `nobody is told that ${host} was cut off`);
}

function fenced(world: SlotWorld, how: 'hangs' | 'serves', isVerified: boolean): void {
  world.fences.set('imap21', {
    run: ['power-off', '{host}'],
    ...(isVerified ? { verify: ['is-off', '{host}'] } : {}),
    timeoutMs: 5000,
  });
  if (how === 'hangs') world.hang('imap21');
  else world.loseSsh('imap21');
}

/** OLD hangs, or serves and cannot be driven: it is cut off first, and seen off. */
export const FENCES: readonly Stage<Next>[] = (
  [
    ['hangs', true, false],
    ['hangs', false, false],
    ['serves', true, true],
    ['serves', false, false],
  ] as const
).map(([how, isVerified, third]) =>
  stageOf(
    `OLD ${how} and is cut off, ${isVerified ? 'asked whether it is off' : 'seen off by its ports'}`,
    { third, wishes: { fence: true }, before: (world) => fenced(world, how, isVerified) },
    cutOffIsTold,
  ),
);

/** Promise 4: whoever was started while the directory is away says in its own file that it is to be told. */
function judgeToldLater(world: SlotWorld): void {
  for (const slot of world.slots.values()) {
    for (const [host, instance] of slot.instances) {
      const isOurs = instance.running && instance.runsAs === 'master' && instance.startedBy !== undefined;
      if (!isOurs || instance.stray || slot.directory.master === host || !world.isUp(host)) continue;
      const { open } = parseLaneFile(instance.lane);
      if (open?.later === true && open.started) continue;
      world.violations.push(
        `${slot.slot}: ${host} is its master, and nothing says that the directory is to be told`,
      );
    }
  }
}

function directoryGoes(world: SlotWorld): void {
  const judge = world.onChange;
  world.onChange = (now) => {
    judge(now);
    judgeToldLater(now);
  };
  world.fail('imap21');
  world.directoryAway = true;
}

/** The directory is away when OLD dies, and answers again after so many boundaries. */
export const LATERS: readonly Stage<Next>[] = [
  [18, false],
  [34, false],
  [60, true],
].map(([back, third]) =>
  stageOf(`the directory is away and answers after ${back} boundaries`, {
    third: third === true,
    wishes: { directoryLater: true, fenced: 'console: no power' },
    before: directoryGoes,
    onCross: (n, world) => {
      if (n === back) world.directoryAway = false;
    },
  }),
);

/** A failover that is over before the story begins. */
async function moved(calm: Playing): Promise<void> {
  await turn(calm, new Disk('moved'), []);
  if (calm.world.slot('store1').directory.master !== 'imap22') throw new Error(calm.told.join('\n'));
}

/** `runs undo` of a run that is done: a planned move back, with all gates. */
export const MOVES_BACK: readonly Stage<Next>[] = [false, true].map((third) =>
  stageOf(`a move that was done is moved back, ${third ? 'two replicas' : 'one replica'}`, {
    third,
    prelude: moved,
    target: 'store1',
    wishes: { toBySlot: new Map([['store1', 'imap21']]) },
  }),
);

/** OLD was moved away from while it was dead; it is back as a master, and the timer comes by. */
export const TIMERS: readonly Stage<Next>[] = [false, true].map((third) =>
  stageOf(
    `the timer does what OLD owes, ${third ? 'two replicas' : 'one replica'}`,
    {
      third,
      owed: true,
      async prelude(calm) {
        calm.world.fail('imap21');
        await moved(calm);
        await calm.clock.sleep(300_000);
        calm.world.bringBack('imap21');
        await calm.clock.sleep(200_000);
      },
    },
    undefined,
    ['resume', 'other-after-expiry', 'other-takes-over'],
  ),
);
