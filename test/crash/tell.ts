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

/** The long suites run with MAILCTL_CRASH=long, e.g. in CI. */
export const isLong = process.env.MAILCTL_CRASH === 'long';
