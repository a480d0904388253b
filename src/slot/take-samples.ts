// What an observation leaves behind as samples: one per instance that was seen, and one per replica for the
// master's log. Pure.
import { channelTowards, quarantinedFor } from './freshness.js';
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
        // What is set aside is as far from the replica as what waits, and mostly older.
        const aside = quarantinedFor(state, channel);
        const births = [
          ...(channel.pending ? [channel.oldestBirth] : []),
          ...(aside.files > 0 ? [aside.oldestBirth] : []),
        ];
        const isBirthKnown = !births.includes(null);
        const known = state.logging && isBirthKnown;
        const events =
          (channel.pending ? Math.max(1, channel.events) : 0) +
          (aside.files > 0 ? Math.max(1, aside.events) : 0);
        samples.push({
          ...base,
          channel: other.host,
          quarantined: aside.files > 0 ? Math.max(1, aside.events) : 0,
          pendingEvents: known ? events : null,
          oldestBirth: births.length > 0 && isBirthKnown ? Math.min(...(births as readonly number[])) : null,
          replicating: channel.clientAlive,
        });
      }
    }
  }
  return samples;
}
