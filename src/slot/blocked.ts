// Is a replication channel blocked by an event that cannot be sent, or is something else the matter with it? Only the
// first is a case for quarantine: a sender that is not there, or has lost its replica, sends again by itself once that
// is mended. Pure.
import { formatDuration } from '../lib/duration.js';
import type { ChannelLook } from './replication-look.js';

/** Why a channel is blocked; null: it is not. `busyS`: a sender at work on one file for longer counts as stuck. */
export function blockedChannel(channel: ChannelLook, at: number, busyS: number): string | null {
  if (channel.events === 0) return null;
  const age = channel.oldestBirth === null ? null : at - channel.oldestBirth;
  const since = age === null ? '' : `, the oldest for ${formatDuration(Math.max(0, age) * 1000)}`;
  const complaint = channel.complaint === null ? '' : `: ${channel.complaint}`;
  if (channel.motion === 'looping')
    return `its sender fails on the same events again and again${since}${complaint}`;
  if (channel.motion === 'busy' && busyS > 0 && age !== null && age >= busyS)
    return `its sender gets no further with one file${since}${complaint}`;
  return null;
}

/** Why nothing is set aside of a channel that is not blocked, for people. */
export function whyNotBlocked(channel: ChannelLook): string {
  switch (channel.motion) {
    case 'idle':
      return 'nothing waits';
    case 'working':
    case 'looping':
      return 'its sender gets on';
    case 'busy':
      return 'its sender is at work on one file, which may be large; look again in a while';
    case 'waiting':
      return 'its sender waits for the replica, which it does not reach: mend that, or kill the sync_client to make it try at once';
    case 'disabled':
      return 'its sender was given up by the master process: kill -HUP it';
    default:
      return 'no sender runs';
  }
}
