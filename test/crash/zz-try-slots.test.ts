import { test } from 'vitest';
import { playSlots } from '/work/main/test/crash/slot-story.js';
for (const [name, before] of [['alive', undefined], ['cut', (w: any) => w.cut('imap21')], ['fail', (w: any) => w.fail('imap21')]] as const)
test(name, { timeout: 60000 }, async () => {
  const s = await playSlots({ then: 'resume', slots: 2, ...(before ? { before } : {}) });
  console.log(name, s.crossed.length, s.told.join('\n'), '\n', s.complaints.join('\n'));
  console.log(s.crossed.map((c) => `${c.n} ${c.op} ${c.label}`).join('\n').slice(0, name === 'alive' ? 6000 : 0));
});
