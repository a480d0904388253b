// The age of a log that its file system keeps no birth of. A stored observation that found nothing waiting bounds it:
// whatever waits now came after. That is an upper bound of the lag, by the host's own clock; without such a sample
// the age stays unknown, and unknown is never fresh. Pure, but for the question to the samples.
import type { ChannelState, InstanceState } from './driver.js';
import { channelTowards } from './freshness.js';
import type { LastEmpty, SampleStore } from './samples.js';
import type { FleetSight, HostSight } from './sight.js';
import type { Slot } from './slot.js';

/** The same sight, with ages from the samples where a master's log has none of its own. */
export async function knowAges(
  slots: readonly Slot[],
  sight: FleetSight,
  samples: Pick<SampleStore, 'lastEmpty'>,
): Promise<FleetSight> {
  const doubtful = slots.filter((slot) => lackingChannels(slot, sight).length > 0);
  if (doubtful.length === 0) return sight;
  return withAges(doubtful, sight, await samples.lastEmpty(doubtful.map((slot) => slot.slot)));
}

/** The same from what the samples know. */
export function withAges(slots: readonly Slot[], sight: FleetSight, known: readonly LastEmpty[]): FleetSight {
  const result = new Map<string, HostSight>(sight);
  for (const slot of slots) {
    for (const { state, channel, replica } of lackingChannels(slot, sight)) {
      const empty = known.find(
        (one) => one.slot === slot.slot && one.host === state.host && one.channel === replica,
      );
      // A clock that was set back since bounds nothing.
      if (empty === undefined || empty.at > state.at) continue;
      const host = result.get(state.host);
      const current = host?.ok === true ? host.states.get(slot.slot) : undefined;
      if (host?.ok !== true || current === undefined) continue;
      const aged = { ...channel, oldestBirth: empty.at, birthBy: 'seen empty' as const };
      const channels = current.channels.map((one) => (one.channel === channel.channel ? aged : one));
      const states = new Map(host.states).set(slot.slot, { ...current, channels });
      result.set(state.host, { ...host, states });
    }
  }
  return result;
}

interface Lacking {
  readonly state: InstanceState;
  readonly channel: ChannelState;
  readonly replica: string;
}

function lackingChannels(slot: Slot, sight: FleetSight): readonly Lacking[] {
  const host = sight.get(slot.master);
  const state = host?.ok === true ? host.states.get(slot.slot) : undefined;
  if (state === undefined || !Number.isFinite(state.at)) return [];
  return slot.instances.flatMap((other) => {
    if (other.host === slot.master) return [];
    const channel = channelTowards(state, other, sight.get(other.host)?.host, slot);
    const lacks = channel?.pending === true && channel.oldestBirth === null;
    return lacks ? [{ state, channel, replica: other.host }] : [];
  });
}
