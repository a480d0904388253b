// What an observation leaves behind as samples: one per instance that was seen, and one per replica for the
// master's log. Pure.
import { channelTowards } from './freshness.js';
import type { Sample } from './samples.js';
import { type FleetSight, stateOf } from './sight.js';
import type { Slot } from './slot.js';

/** Samples of all that was seen; `seenAt` in ms since 1970 by the observer's clock. */
export function samplesOf(slots: readonly Slot[], sight: FleetSight, seenAt: number): readonly Sample[] {
  const samples: Sample[] = [];
  for (const slot of slots) {
    for (const instance of slot.instances) {
      const state = stateOf(sight, slot.slot, instance.host);
      if (state === undefined || !Number.isFinite(state.at)) continue;
      const role = state.role === 'readonly' ? 'replica' : state.role;
      const base = {
        slot: slot.slot,
        host: instance.host,
        role,
        at: state.at,
        seenAt,
        quarantined: state.quarantined.events,
        running: state.running,
        problem: state.problem,
      };
      samples.push({ ...base, channel: '', pendingEvents: null, oldestBirth: null, replicating: null });
      if (state.role !== 'master') continue;
      for (const other of slot.instances) {
        if (other.host === instance.host) continue;
        const channel = channelTowards(state, other, sight.get(other.host)?.host, slot);
        if (channel === undefined) continue;
        const known = state.logging && (!channel.pending || channel.oldestBirth !== null);
        samples.push({
          ...base,
          channel: other.host,
          pendingEvents: known ? (channel.pending ? Math.max(1, channel.events) : 0) : null,
          oldestBirth: channel.oldestBirth,
          replicating: channel.clientAlive,
        });
      }
    }
  }
  return samples;
}
