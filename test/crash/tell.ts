// A failing story, told so that it can be played again.
import { modesOf, type Schedule } from './faults.js';
import type { Story } from './story.js';

/** `refuse at 22 (act store1/stop-old): what is wrong [the records]` */
export function tell(schedule: Schedule, story: Story): string {
  const faults = [...schedule].flatMap(([n, mode]) => {
    const crossing = story.crossed[n - 1];
    const isHit = crossing !== undefined && modesOf[crossing.op].includes(mode);
    return isHit ? [`${mode} at ${n} (${crossing.label})`] : [];
  });
  const records = story.records.map((record) => {
    const lane = 'lane' in record && record.lane !== 'store1' ? ` ${record.lane}` : '';
    const step = 'step' in record ? ` ${record.step}` : 'to' in record ? ` to ${record.to}` : '';
    return `${record.kind}${lane}${step}`;
  });
  return `${faults.join(', ')}: ${story.complaints.join('; ')} [${records.join(', ')}]`;
}

/** MAILCTL_CRASH=long (CI, some minutes) or =all (every pair, the better part of an hour). */
const { MAILCTL_CRASH: wanted } = process.env;

/** One of three, by how much is wanted. */
export const byLength = <T>(quick: T, long: T, all: T): T =>
  wanted === 'all' ? all : wanted === 'long' ? long : quick;
