// Controls a drain over all its queues: what each may have in flight to each destination, so that all of them together
// stay inside its window; and what became of every message that was let go. It decides on what it is told and asks
// nobody: orders go out, looks come in. Pure; times are seconds by our own clock.
import type { DeliveryEvent } from '../queue/delivery-event.js';
import type { DrainLook, DrainLot, DrainOrder } from '../queue/drain-way.js';
import type { MessageKey } from '../queue/message.js';
import { shareRoom } from './headroom.js';
import { isKeptBack, isPushBack } from './push-back.js';
import { type Parcel, Supply } from './supply.js';
import { type DestinationLimit, DestinationWindow, type WindowState } from './window.js';

/** What the controller is made with. */
export interface ControlParts {
  limitOf(destination: string): DestinationLimit;
  /** All destinations together at most so many a second; null: no such limit. */
  readonly perSecond: number | null;
  /** The hosts keep to the connections of an order by themselves. */
  readonly isCounted: boolean;
  /** Addresses of a destination's exchangers, as far as they are known. */
  peersOf(destination: string): readonly string[];
}

/** How a queue's messages stand. Their sum is the total, at every moment. */
export interface DrainCounts {
  readonly total: number;
  /** Let go so far, each once. */
  readonly released: number;
  readonly inFlight: number;
  readonly delivered: number;
  /** Tried and put off, and left to the server's own back-off. */
  readonly deferred: number;
  readonly bounced: number;
  /** Parked still. */
  readonly held: number;
  /** Given back to the server at the end, untried by us: it goes on at its own pace. */
  readonly givenBack: number;
  /**
   * Were gone before they could be parked or released, or left the queue while the log, which is whole, says nothing of a
   * delivery: delivered before, or somebody took them.
   */
  readonly lost: number;
  /** Tries that the far side pushed back, of all. */
  readonly pushedBack: number;
  readonly tries: number;
}

/** One destination as it is shown; of one queue, or of all. */
export interface DestinationSight {
  readonly destination: string;
  readonly left: number;
  readonly window: number;
  readonly inFlight: number;
  readonly open: number | null;
  readonly limit: DestinationLimit;
  readonly share: number;
  readonly state: WindowState;
  readonly since: number;
  readonly retryAt: number | null;
  /** Delivered a second, over the last half minute. */
  readonly perSecond: number;
}

/** A tick's order, and what the controller needs to read its answer. */
export interface PlacedOrder {
  readonly order: DrainOrder;
  readonly parcels: readonly Parcel[];
  /** There was room for less than its windows let be in flight. */
  readonly isShort?: boolean | undefined;
  /** The destinations of its lots, in their order. */
  readonly names: readonly string[];
}

/** What a tick's answer came to. */
export interface Judged {
  /** Sentences about what changed, with their destination. */
  readonly changes: readonly { readonly destination: string; readonly text: string }[];
  /** Deferred by push-back: to be parked again, and tried later. */
  readonly putBack: readonly MessageKey[];
  /** Whose an address turned out to be, by deliveries to it. */
  readonly learned: ReadonlyMap<string, string>;
}

/** Of one queue in flight at once, whatever the destinations. */
const MOST_IN_FLIGHT = 1000;
/** Ids that one order offers of a destination. */
const MOST_OFFERED = 5000;
/** ...and of each of its places at least. */
const OFFERED_EACH = 40;
/** Hops of which every order has some, for they have most. */
const LARGEST = 3;
/** Places that a hop gets which has waited for long. */
const YIELD = 4;
const MOST_TRIES = 8;
const TRY_AGAIN_S = 5;
const MOST_WAIT_S = 600;
/** A hop that the server keeps back is asked again after this, doubling. */
const KEPT_S = 20;
/** A server keeps finished connections for two seconds. */
const KEPT_OPEN_S = 2.5;
const MOST_KEPT_S = 300;
/** How long the log may be behind what the queue shows. */
const LOG_LAG_S = 8;
/** Flights of a queue that cannot be asked take places no longer than this. */
const STALE_S = 120;
/** The connections of what has landed are closed by then, mostly after two seconds. */
const CLOSING_S = 3;
const LEAST_SPEED = 0.1;
const RATE_S = 30;

interface Grant {
  readonly places: number;
  readonly at: number;
  /** Places that it had before, whose connections may be open still. */
  readonly shed: readonly { readonly places: number; readonly until: number }[];
}

interface Destination {
  readonly window: DestinationWindow;
  /** What the sockets say, by kernel. */
  readonly open: Map<string, number>;
  /** Kernels that have said it since the window saw all of them. */
  readonly asked: Set<string>;
  /** Places that each queue was given, and when. */
  readonly grants: Map<string, Grant>;
  readonly rate: Rate;
  /** Since the window saw last. */
  tries: number;
  pushed: number;
}

interface Flight {
  readonly parcel: Parcel;
  /** Set when it is out of the queue's flow and the log has not told yet. */
  ended: { readonly fate: 'gone' | 'deferred'; readonly at: number } | undefined;
}

interface Lane {
  readonly kernel: string;
  readonly supplies: Map<string, Supply>;
  readonly flights: Map<string, Flight>;
  /** What the log said of those that still fly, the worst word. */
  readonly told: Map<string, Word>;
  /** Next hops that the server itself keeps back. */
  readonly keptBack: Map<string, { readonly until: number; readonly waitS: number }>;
  readonly letGo: Map<string, number>;
  /** What of a rate is left over, by destination: one at first, and never more at once. */
  readonly credits: Map<string, { readonly left: number; readonly at: number }>;
  /** How far its server is known to take the connections that it has kept, by destination. */
  readonly reuses: Map<string, number>;
  /** Offered by the order that is under way: no more in the supplies, and not let go yet. */
  readonly offered: Map<string, number>;
  /** Held, and not tried any more: their server never let them go. */
  readonly stuck: { readonly parcel: Parcel; readonly why: string }[];
  counts: { -readonly [K in Exclude<keyof DrainCounts, 'inFlight' | 'held'>]: number };
  readonly seen: Set<string>;
  /** Gone without a word of the log; one that comes late still counts. */
  readonly unheard: Set<string>;
  /** Put aside by their server under other names. */
  aside: number;
  /** Until when connections of an earlier execution may be open. */
  readonly keptUntil: number;
  isLogWhole: boolean;
  readonly rate: Rate;
  turn: number;
}

/** Deliveries a second over the last half minute. */
class Rate {
  readonly #marks: { readonly at: number; readonly count: number }[] = [];
  #first: number | undefined;

  add(count: number, now: number): void {
    this.#first ??= now;
    if (count > 0) this.#marks.push({ at: now, count });
    while ((this.#marks[0]?.at ?? now) < now - RATE_S) this.#marks.shift();
  }

  of(now: number): number {
    const sum = this.#marks.reduce((all, { at, count }) => (at < now - RATE_S ? all : all + count), 0);
    return sum / Math.max(1, Math.min(RATE_S, now - (this.#first ?? now)));
  }
}

/** The controller of one run. */
export class DrainController {
  readonly #parts: ControlParts;
  readonly #destinations = new Map<string, Destination>();
  readonly #lanes = new Map<string, Lane>();
  /** When each kernel told of its connections last. */
  readonly #askedAt = new Map<string, number>();
  #scale = 1;

  constructor(parts: ControlParts) {
    this.#parts = parts;
  }

  /** A queue's messages, held by now. `done`: what earlier executions have counted; null: this is the first. `kernel`: whose connections its looks show; queues of one host share it. */
  addLane(
    lane: string,
    parked: readonly Parcel[],
    flying: readonly Parcel[],
    done: Omit<DrainCounts, 'inFlight' | 'held' | 'givenBack'>,
    now: number,
    kernel = lane,
  ): void {
    const supplies = new Map<string, Supply>();
    const byDestination = new Map<string, Parcel[]>();
    for (const parcel of parked) {
      const list = byDestination.get(parcel.destination);
      if (list === undefined) byDestination.set(parcel.destination, [parcel]);
      else list.push(parcel);
    }
    for (const [destination, parcels] of byDestination) {
      const supply = new Supply();
      supply.fill(parcels);
      supplies.set(destination, supply);
      this.#destinationOf(destination, now);
    }
    for (const { destination } of flying) {
      this.#destinationOf(destination, now);
      if (!supplies.has(destination)) supplies.set(destination, new Supply());
    }
    this.#lanes.set(lane, {
      kernel,
      supplies,
      flights: new Map(flying.map((parcel) => [parcel.key.id, { parcel, ended: undefined }])),
      told: new Map(),
      keptBack: new Map(),
      letGo: new Map(),
      credits: new Map(),
      reuses: new Map(),
      offered: new Map(),
      stuck: [],
      counts: { ...done, givenBack: 0 },
      seen: new Set(flying.map(({ key }) => key.id)),
      unheard: new Set(),
      aside: 0,
      keptUntil: done.released > 0 || flying.length > 0 ? now + KEPT_OPEN_S : 0,
      isLogWhole: false,
      rate: new Rate(),
      turn: 0,
    });
  }

  /** The operator wants it faster or slower; gives what of the limits is used from now on. */
  scale(factor: number): number {
    const share = Math.max(LEAST_SPEED, Math.min(1, this.#scale * factor));
    // Ten times slower and ten times faster is where it was.
    this.#scale = Math.round(share * 100) / 100;
    for (const { window } of this.#destinations.values()) window.scale(this.#scale);
    return this.#scale;
  }

  /** What of the limits is used, by the operator's word: 1 is all. */
  get speed(): number {
    return this.#scale;
  }

  /** Nothing of the queue is parked or in flight any more. */
  isDone(lane: string): boolean {
    return this.#laneOf(lane).stuck.length === 0 && this.isOver(lane);
  }

  /** Nothing of the queue is to be tried any more; what its server never let go may be held still. */
  isOver(lane: string): boolean {
    const { supplies, flights } = this.#laneOf(lane);
    return flights.size === 0 && [...supplies.values()].every(({ count }) => count === 0);
  }

  /** Messages that their server did not let go, however often it was told, and the first one's reason; raw. */
  stuck(lane: string): { readonly count: number; readonly id: string; readonly why: string } | undefined {
    const { stuck } = this.#laneOf(lane);
    const [first] = stuck;
    return first && { count: stuck.length, id: first.parcel.key.id, why: first.why };
  }

  /**
   * What a queue is asked for now. `factor`: what its host's guards leave of the windows; 0: only look. `most`: messages in
   * flight that its host has room for.
   */
  order(
    lane: string,
    now: number,
    { factor, forMs, most = MOST_IN_FLIGHT }: { factor: number; forMs: number; most?: number | undefined },
  ): PlacedOrder {
    const state = this.#laneOf(lane);
    const flying = new Map<string, { readonly id: string; readonly hop: string }[]>();
    for (const { parcel, ended } of state.flights.values()) {
      if (ended !== undefined) continue;
      const ids = flying.get(parcel.destination);
      const { id, hop = '' } = parcel.key;
      if (ids === undefined) flying.set(parcel.destination, [{ id, hop }]);
      else ids.push({ id, hop });
    }
    const isBlocked = (hop: string) => (state.keptBack.get(hop)?.until ?? 0) > now;
    const names = [...state.supplies.keys()];
    const start = names.length === 0 ? 0 : state.turn++ % names.length;
    const offered: Parcel[] = [];
    const lots: DrainLot[] = [];
    const placedNames: string[] = [];
    // A thousand small destinations take turns; each begins where another was first the last time.
    const turn = [...names.slice(start), ...names.slice(0, start)];
    const wishes = turn.map((name) => {
      const flies = flying.get(name)?.length ?? 0;
      const most = this.#placesOf(this.#destinationOf(name, now), factor);
      return { flying: flies, wants: Math.min(most, flies + (state.supplies.get(name)?.count ?? 0)) };
    });
    const room = Math.min(Math.floor(MOST_IN_FLIGHT * factor), most);
    const shares = shareRoom(room, wishes);
    for (const [at, name] of turn.entries()) {
      const supply = state.supplies.get(name) as Supply;
      const watch = flying.get(name) ?? [];
      if (supply.count === 0 && watch.length === 0) {
        const grants = this.#destinations.get(name)?.grants;
        if (grants?.has(lane)) grants.set(lane, nextGrant(grants.get(lane), 0, now));
        continue;
      }
      const peers = this.#parts.peersOf(name);
      const granted = Math.min(shares[at] ?? 0, this.#grant(lane, name, watch.length, factor, now));
      // Whose connections are whose is not known yet: as many again may be kept open.
      const isBlind = peers.length === 0 && this.#destinations.get(name)?.window.limit.inFlight === null;
      const half = isBlind ? Math.min(granted, Math.ceil(granted / 2)) : granted;
      // What the execution before has let go may have left as many as the limit allows: they end by themselves.
      const places = isBlind && now < state.keptUntil ? 0 : half;
      const free = places - watch.length;
      const hops = new Set(watch.map(({ hop }) => hop));
      // What runs out before the next question leaves places empty.
      const much = Math.min(
        MOST_OFFERED,
        (state.letGo.get(name) ?? 0) * 3 +
          places * Math.min(OFFERED_EACH, Math.ceil(MOST_OFFERED / names.length)) +
          10,
      );
      const taken =
        places > 0 && factor > 0 && (free > 0 || forMs > 0)
          ? supply.take(much, now, isBlocked, new Set([...hops, ...supply.largest(LARGEST)]))
          : [];
      const yields =
        free > 0 || taken.length === 0 || !supply.isOverdue(hops, now) ? 0 : Math.min(YIELD, places);
      if (taken.length === 0 && watch.length === 0) continue;
      offered.push(...taken);
      state.offered.set(name, taken.length);
      const perSecond = this.#paceOf(lane, name);
      placedNames.push(name);
      lots.push({
        window: places,
        connections: this.#mostOpen(lane, name, places),
        peers,
        perSecond,
        credit: perSecond === null ? undefined : creditOf(state, name, perSecond, now),
        reuses: state.reuses.get(name),
        yields,
        release: taken.map(({ key }) => key),
        watch: watch.map(({ id }) => id),
        watchHops: watch.map(({ hop }) => hop),
      });
    }
    const isShort = room < wishes.reduce((sum, { wants }) => sum + wants, 0);
    const forHost = offered.length === 0 ? 0 : forMs;
    return { order: { lots, forMs: forHost }, parcels: offered, names: placedNames, isShort };
  }

  /** The order's answer was lost: what it may have released is watched until a look tells. */
  lost(lane: string, { parcels }: PlacedOrder): void {
    const { flights, offered } = this.#laneOf(lane);
    offered.clear();
    for (const parcel of parcels) flights.set(parcel.key.id, { parcel, ended: undefined });
  }

  /**
   * What an order has offered and is held may have been let go after its answer: it is watched until a look tells. Gives
   * how it is taken for held again, where nobody could look.
   */
  watchOffered(lane: string, { parcels }: PlacedOrder): () => void {
    const { flights, supplies } = this.#laneOf(lane);
    const offered = new Set(parcels.map(({ key }) => key.id));
    const watched: Parcel[] = [];
    for (const supply of supplies.values()) {
      watched.push(...supply.all().filter(({ key }) => offered.has(key.id)));
      supply.remove(offered);
    }
    for (const parcel of watched) flights.set(parcel.key.id, { parcel, ended: undefined });
    return () => {
      for (const parcel of watched)
        if (flights.delete(parcel.key.id)) supplies.get(parcel.destination)?.giveBack([parcel]);
    };
  }

  /** Takes in a tick's answer, what the log told since the last one, and the connections of the queue's host. */
  see(
    lane: string,
    placed: PlacedOrder,
    seen: {
      readonly look: DrainLook;
      readonly events: readonly DeliveryEvent[];
      /** Was all of the log there? Else the queue's own moves are all there is. */
      readonly isLogWhole: boolean;
      /** By destinations whose addresses are known; null: they cannot be seen; undefined: not asked since the last look. */
      readonly open: ReadonlyMap<string, number> | null | undefined;
    },
    now: number,
  ): Judged {
    const state = this.#laneOf(lane);
    state.isLogWhole = seen.isLogWhole;
    state.offered.clear();
    const aside = Math.max(state.aside, seen.look.aside ?? 0);
    const more = aside - state.aside;
    state.aside = aside;
    this.#takeFates(state, placed, seen.look, now);
    for (const [index, count] of seen.look.reuses ?? []) {
      const name = placed.names[index];
      if (name !== undefined) state.reuses.set(name, count);
    }
    const learned = new Map<string, string>();
    for (const event of seen.events) this.#takeEvent(state, event, learned, now);
    const putBack = this.#settle(state, now);
    this.#freePlaces(lane, state, now);
    if (seen.open === null) for (const { open } of this.#destinations.values()) open.delete(state.kernel);
    if (seen.open) this.#askedAt.set(state.kernel, now);
    for (const [name, count] of seen.open ?? []) {
      const destination = this.#destinations.get(name);
      destination?.open.set(state.kernel, count);
      destination?.asked.add(state.kernel);
    }
    const changes = [...this.#judge(now)];
    if (more > 0) {
      const destination = placed.parcels[0]?.destination ?? [...state.supplies.keys()][0] ?? lane;
      changes.push({ destination, text: `${more} not delivered: their server has put them aside` });
    }
    return { changes, putBack, learned };
  }

  /** The rest that is parked; for giving it back. */
  heldOf(lane: string): readonly MessageKey[] {
    const { supplies, stuck } = this.#laneOf(lane);
    const parcels = [...supplies.values()].flatMap((supply) => supply.all());
    return [...parcels, ...stuck.map(({ parcel }) => parcel)].map(({ key }) => key);
  }

  /** So many of them are the server's again. */
  gaveBack(lane: string, ids: readonly string[]): void {
    const state = this.#laneOf(lane);
    const given = new Set(ids);
    for (const supply of state.supplies.values()) supply.remove(given);
    const stay = state.stuck.filter(({ parcel }) => !given.has(parcel.key.id));
    state.stuck.splice(0, state.stuck.length, ...stay);
    state.counts.givenBack += given.size;
  }

  /** Has the queue been given to it yet? */
  knows(lane: string): boolean {
    return this.#lanes.has(lane);
  }

  counts(lane: string): DrainCounts {
    const { counts, flights, supplies, stuck, aside, offered } = this.#laneOf(lane);
    // What is offered by the order that is under way is held as far as anybody knows.
    const held = [...supplies].reduce(
      (sum, [name, { count }]) => sum + count + (offered.get(name) ?? 0),
      stuck.length,
    );
    // By their names they are gone from the queue, as if they were delivered.
    const notSent = Math.min(aside, counts.delivered);
    const [delivered, deferred] = [counts.delivered - notSent, counts.deferred + notSent];
    return { ...counts, delivered, deferred, inFlight: flights.size, held };
  }

  perSecond(lane: string, now: number): number {
    return this.#laneOf(lane).rate.of(now);
  }

  /** Destinations with something left, the largest first. */
  destinations(lane: string | undefined, now: number): readonly DestinationSight[] {
    const lanes = lane === undefined ? [...this.#lanes.values()] : [this.#laneOf(lane)];
    const flying = flyingOf(lanes);
    return [...this.#destinations]
      .map(([destination, { window, grants, open, rate }]) => {
        const inFlight = flying.get(destination) ?? 0;
        const left = lanes.reduce(
          (sum, { supplies, offered }) =>
            sum + (supplies.get(destination)?.count ?? 0) + (offered.get(destination) ?? 0),
          0,
        );
        const given = lane === undefined ? undefined : grants.get(lane)?.places;
        const own = lanes[0] === undefined ? undefined : open.get(lanes[0].kernel);
        const seen = lane === undefined ? [...open.values()] : own === undefined ? [] : [own];
        return {
          destination,
          left: left + inFlight,
          window: lane === undefined || this.#lanes.size === 1 ? window.window : (given ?? 0),
          inFlight,
          open: seen.length === 0 ? null : seen.reduce((sum, one) => sum + one, 0),
          limit: window.limit,
          share: window.share,
          state: window.state,
          since: window.since,
          retryAt: window.retryAt,
          perSecond: rate.of(now),
        };
      })
      .sort((a, b) => b.left - a.left || (a.destination < b.destination ? -1 : 1));
  }

  #laneOf(lane: string): Lane {
    const found = this.#lanes.get(lane);
    if (found === undefined) throw new Error(`no queue ${lane} in this drain`);
    return found;
  }

  #destinationOf(name: string, now: number): Destination {
    let one = this.#destinations.get(name);
    if (one === undefined) {
      one = {
        window: new DestinationWindow(this.#parts.limitOf(name), now, this.#parts.isCounted),
        open: new Map(),
        asked: new Set(),
        grants: new Map(),
        rate: new Rate(),
        tries: 0,
        pushed: 0,
      };
      if (this.#scale < 1) one.window.scale(this.#scale);
      this.#destinations.set(name, one);
    }
    return one;
  }

  #placesOf({ window: { window } }: Destination, factor: number): number {
    return Math.floor(window * factor) || (window > 0 && factor > 0 ? 1 : 0);
  }

  /** A queue's part of a window: by what it has left, and never more than the others leave. */
  #grant(lane: string, name: string, flying: number, factor: number, now: number): number {
    const destination = this.#destinationOf(name, now);
    const { grants } = destination;
    const all = this.#placesOf(destination, factor);
    let [left, taken] = [0, 0];
    for (const [other, { supplies }] of this.#lanes) {
      left += supplies.get(name)?.count ?? 0;
      if (other === lane) continue;
      const grant = grants.get(other);
      if (grant === undefined || now - grant.at >= STALE_S) continue;
      // What a queue of the same kernel has left open is counted there.
      const isBeside = this.#lanes.get(other)?.kernel === this.#laneOf(lane).kernel;
      taken += isBeside ? grant.places : mostOf(grant, now);
      left += grant.places;
    }
    const own = (this.#laneOf(lane).supplies.get(name)?.count ?? 0) + flying;
    const fair = own === 0 ? 0 : Math.max(1, Math.round((all * own) / (left + flying)));
    const places = Math.max(0, Math.min(fair, all - taken));
    // What flies already takes places until it has landed.
    grants.set(lane, nextGrant(grants.get(lane), Math.max(places, flying), now));
    return places;
  }

  /**
   * Connections that may be open by the count of the lane's kernel, which sees those of its other queues too: all their
   * parts, but one less for each that lets go beside us.
   */
  #mostOpen(lane: string, name: string, places: number): number | null {
    const destination = this.#destinations.get(name);
    if (destination === undefined || destination.window.limit.inFlight !== null) return null;
    const { kernel } = this.#laneOf(lane);
    let most = places;
    for (const [other, grant] of destination.grants)
      if (other !== lane && grant.places > 0 && this.#lanes.get(other)?.kernel === kernel)
        most += grant.places - 1;
    return Math.max(1, most);
  }

  #paceOf(lane: string, name: string): number | null {
    const destination = this.#destinations.get(name);
    const own = destination?.window.limit.perSecond ?? null;
    const all = this.#parts.perSecond;
    const [mine, total] = this.#shares(lane, name);
    const parts: number[] = [];
    if (own !== null) {
      const places = [...(destination?.grants.values() ?? [])].reduce((sum, grant) => sum + grant.places, 0);
      const given = destination?.grants.get(lane)?.places ?? 0;
      parts.push(own * (places === 0 ? 1 : given / places));
    }
    if (all !== null) parts.push(all * (total === 0 ? 1 : mine / total));
    return parts.length === 0 ? null : Math.max(0.01, Math.min(...parts)) * this.#scale;
  }

  #shares(lane: string, name: string): readonly [mine: number, total: number] {
    let [mine, total] = [0, 0];
    for (const [other, { supplies, offered }] of this.#lanes)
      for (const [destination, supply] of supplies) {
        const count = supply.count + (offered.get(destination) ?? 0);
        const waits = count > 0 ? count + 1 : 0;
        total += waits;
        if (other === lane && destination === name) mine = waits;
      }
    return [mine, total];
  }

  #takeFates(state: Lane, placed: PlacedOrder, look: DrainLook, now: number): void {
    const failed = new Map(look.failed.map(({ id, why }) => [id, why]));
    const letGo = new Map<string, number>();
    const back = new Map<string, Parcel[]>();
    const offered = new Set<string>();
    for (const parcel of placed.parcels) {
      const { id } = parcel.key;
      offered.add(id);
      const why = failed.get(id);
      const fate = look.fates.get(id) ?? 'held';
      if (fate === 'held') {
        if (why !== undefined && this.#hasRefused(state, parcel, why, now)) continue;
        const list = back.get(parcel.destination) ?? [];
        back.set(parcel.destination, list);
        list.push(parcel);
        continue;
      }
      if (!state.seen.has(id)) {
        state.seen.add(id);
        state.counts.released += 1;
      }
      letGo.set(parcel.destination, (letGo.get(parcel.destination) ?? 0) + 1);
      state.flights.set(id, {
        parcel,
        ended: fate === 'gone' || fate === 'deferred' ? { fate, at: now } : undefined,
      });
    }
    for (const [name, parcels] of back) state.supplies.get(name)?.giveBack(parcels);
    for (const [name, count] of letGo) {
      state.letGo.set(name, count);
      const credit = state.credits.get(name);
      if (credit !== undefined) state.credits.set(name, { ...credit, left: credit.left - count });
    }
    for (const [id, flight] of state.flights) {
      if (flight.ended !== undefined || offered.has(id)) continue;
      const fate = look.fates.get(id);
      // The answer to the order that let it go was lost.
      if (fate !== undefined && fate !== 'held' && !state.seen.has(id)) {
        state.seen.add(id);
        state.counts.released += 1;
      }
      if (fate === 'gone' || fate === 'deferred') flight.ended = { fate, at: now };
      else if (fate === 'held') {
        // Never released after all, or held by somebody: it waits for its turn again.
        state.flights.delete(id);
        state.supplies.get(flight.parcel.destination)?.giveBack([flight.parcel]);
      }
    }
  }

  /** The server did not let it go: it is tried again later, in the end no more (true). It is held all the time. */
  #hasRefused(state: Lane, parcel: Parcel, why: string, now: number): boolean {
    parcel.tries += 1;
    if (parcel.tries >= MOST_TRIES) {
      state.stuck.push({ parcel, why });
      return true;
    }
    parcel.notBefore = now + waitAfter(parcel.tries);
    return false;
  }

  #takeEvent(state: Lane, event: DeliveryEvent, learned: Map<string, string>, now: number): void {
    const flight = state.flights.get(event.id);
    if (flight === undefined) hearLate(state, event);
    if (flight === undefined || event.outcome === 'refused') return;
    const { hop = '' } = flight.parcel.key;
    if (event.relay !== null) learned.set(event.relay.address, flight.parcel.destination);
    if (isKeptBack(event)) {
      // Its own mark lasts for minutes and is not ours to lift: asked again now and then.
      const before = state.keptBack.get(hop);
      if (before === undefined || before.until <= now) {
        const waitS = Math.min(MOST_KEPT_S, before === undefined ? KEPT_S : before.waitS * 2);
        state.keptBack.set(hop, { until: now + waitS, waitS });
      }
      this.#hear(state, event.id, 'kept');
      return;
    }
    const destination = this.#destinations.get(flight.parcel.destination);
    const pushed = isPushBack(event);
    if (destination !== undefined) {
      destination.tries += 1;
      if (pushed) destination.pushed += 1;
    }
    state.counts.tries += 1;
    if (pushed) state.counts.pushedBack += 1;
    if (event.outcome === 'sent') state.keptBack.delete(hop);
    this.#hear(
      state,
      event.id,
      pushed
        ? 'pushed'
        : event.outcome === 'deferred'
          ? 'deferred'
          : event.outcome === 'sent'
            ? 'sent'
            : 'bounced',
    );
  }

  /** A message with several recipients is what the worst of them is. */
  #hear({ told }: Lane, id: string, word: Word): void {
    const before = told.get(id);
    if (before === undefined || WORST.indexOf(word) < WORST.indexOf(before)) told.set(id, word);
  }

  /** Ends the flights of which all is known, or which the log has kept silent about for too long. */
  #settle(state: Lane, now: number): readonly MessageKey[] {
    const putBack: MessageKey[] = [];
    let landed = 0;
    for (const [id, { parcel, ended }] of state.flights) {
      if (ended === undefined) continue;
      const told = state.told.get(id);
      const isKnown = ended.fate === 'gone' ? told === 'sent' || told === 'bounced' : told !== undefined;
      if (!isKnown && state.isLogWhole && now - ended.at < LOG_LAG_S) continue;
      state.flights.delete(id);
      state.told.delete(id);
      const destination = this.#destinations.get(parcel.destination);
      if (told === undefined) {
        // The queue's own word alone: a try, and pushed back if it came back.
        state.counts.tries += 1;
        if (destination !== undefined) destination.tries += 1;
        if (ended.fate === 'deferred') {
          state.counts.pushedBack += 1;
          if (destination !== undefined) destination.pushed += 1;
        }
      }
      if (ended.fate === 'gone') {
        const isUnheard = told === undefined && state.isLogWhole;
        if (isUnheard) state.unheard.add(id);
        state.counts[told === 'bounced' ? 'bounced' : isUnheard ? 'lost' : 'delivered'] += 1;
        destination?.rate.add(1, now);
        landed += 1;
        continue;
      }
      const isOurs = told === undefined || told === 'pushed' || told === 'kept';
      if (!isOurs || parcel.tries + 1 >= MOST_TRIES) {
        state.counts.deferred += 1;
        continue;
      }
      // One that was not tried has no try behind it, and waits for its hop.
      if (told !== 'kept') parcel.tries += 1;
      parcel.notBefore = now + (told === 'kept' ? 0 : waitAfter(parcel.tries));
      putBack.push(parcel.key);
      state.supplies.get(parcel.destination)?.giveBack([parcel]);
    }
    state.rate.add(landed, now);
    return putBack;
  }

  /** What has nothing left needs no places, whether it is asked again or not. */
  #freePlaces(lane: string, state: Lane, now: number): void {
    let flying: ReadonlyMap<string, number> | undefined;
    for (const [name, { count }] of state.supplies) {
      const grants = this.#destinations.get(name)?.grants;
      const grant = grants?.get(lane);
      if (count > 0 || grant === undefined || grant.places === 0) continue;
      flying ??= flyingOf([state]);
      if (!flying.has(name)) grants?.set(lane, nextGrant(grant, 0, now));
    }
  }

  /** What a kernel said of which nothing is asked any more: its queues are over, or away for long. */
  #forgetOpen(now: number): void {
    for (const [kernel, at] of this.#askedAt) {
      if (now - at < CLOSING_S) continue;
      const isOver = [...this.#lanes].every(([lane, one]) => one.kernel !== kernel || this.isOver(lane));
      if (!isOver && now - at < STALE_S) continue;
      this.#askedAt.delete(kernel);
      for (const { open } of this.#destinations.values()) open.delete(kernel);
    }
  }

  #judge(now: number): readonly { readonly destination: string; readonly text: string }[] {
    const changes: { destination: string; text: string }[] = [];
    this.#forgetOpen(now);
    const flying = flyingOf([...this.#lanes.values()]);
    for (const [destination, one] of this.#destinations) {
      const open = [...one.open.values()];
      const isOpenOld = [...one.open].some(([kernel, count]) => count > 0 && !one.asked.has(kernel));
      if (!isOpenOld) one.asked.clear();
      const text = one.window.see(
        {
          tries: one.tries,
          pushedBack: one.pushed,
          open: open.length === 0 ? null : open.reduce((sum, count) => sum + count, 0),
          isOpenOld,
          inFlight: flying.get(destination) ?? 0,
        },
        now,
      );
      one.tries = 0;
      one.pushed = 0;
      if (text !== undefined) changes.push({ destination, text });
    }
    return changes;
  }
}

/** Places that a queue holds: those that it has, and those that it had a moment ago. */
const mostOf = ({ places, shed }: Grant, now: number): number =>
  shed.reduce((most, one) => (one.until > now ? Math.max(most, one.places) : most), places);

function nextGrant(before: Grant | undefined, places: number, now: number): Grant {
  const shed = (before?.shed ?? []).filter(({ until }) => until > now);
  if (before !== undefined && before.places > places)
    shed.push({ places: before.places, until: now + CLOSING_S });
  return { places, at: now, shed };
}

/** What of a rate has come together since; what was let go by the last look is taken off. */
function creditOf({ credits }: Lane, name: string, perSecond: number, now: number): number {
  const before = credits.get(name);
  const left = before === undefined ? 1 : Math.min(1, before.left + perSecond * (now - before.at));
  credits.set(name, { left, at: now });
  return left;
}

/** The log was behind: it was delivered, or returned, after all. */
function hearLate({ unheard, counts }: Lane, { id, outcome }: DeliveryEvent): void {
  if ((outcome !== 'sent' && outcome !== 'bounced') || !unheard.delete(id)) return;
  counts.lost -= 1;
  counts[outcome === 'sent' ? 'delivered' : 'bounced'] += 1;
}

const waitAfter = (tries: number): number => Math.min(MOST_WAIT_S, TRY_AGAIN_S * 2 ** (tries - 1));

function flyingOf(lanes: readonly Lane[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { flights } of lanes)
    for (const { parcel, ended } of flights.values())
      if (ended === undefined) counts.set(parcel.destination, (counts.get(parcel.destination) ?? 0) + 1);
  return counts;
}

/** What the log said of a message. */
type Word = 'sent' | 'bounced' | 'pushed' | 'deferred' | 'kept';
const WORST: readonly Word[] = ['pushed', 'kept', 'deferred', 'bounced', 'sent'];
