// The directory on our own tables. To set a master is one UPDATE ... WHERE: of any number of callers at once one
// wins, and every change raises the record's version. A master must be a host that carries the slot.
import { sql } from 'kysely';
import { EXIT, MailctlError } from '../errors.js';
import { compareNames } from '../lib/natural.js';
import type { Directory } from '../slot/directory.js';
import type { Instance, Slot } from '../slot/slot.js';
import type { SlotMapEntry, SlotMapStore } from '../slot/slot-map.js';
import { quoteName } from '../slot/slot-name.js';
import type { Queries, StateDatabase } from './database.js';
import { fromBytes, textOf } from './schema.js';

/** The directory in `state`. Reading needs the file's tables to exist (`state.empty` says how to make them). */
export function databaseDirectory(state: StateDatabase): Directory & SlotMapStore {
  return {
    name: state.path,
    stateFault: null,
    list: () => state.run('reading the slot map', (queries) => selectSlots(queries, undefined)),
    get: (slot) =>
      state.run('reading the slot map', async (queries) => (await selectSlots(queries, slot))[0]),
    setMaster: ({ slot, from, to, version }) =>
      state.write(`setting the master of ${quoteName(slot)}`, async (queries) => {
        let update = queries
          .updateTable('slots')
          // A slot that was served read-only is served normally by its new master.
          .set(({ eb }) => ({ master: to, state: 'normal', version: eb('version', '+', 1) }))
          .where('slot', '=', slot)
          .where('master', '=', from)
          .where(({ exists, selectFrom }) =>
            exists(selectFrom('instances').select('host').where('slot', '=', slot).where('host', '=', to)),
          );
        if (version !== undefined) update = update.where('version', '=', version);
        const set = await update.returning('version').executeTakeFirst();
        if (set !== undefined) return { outcome: 'set', version: set.version };
        const [found] = await selectSlots(queries, slot);
        if (found === undefined) throw unknownSlot(state.path, slot);
        if (found.master === from && (version === undefined || found.version === version)) {
          throw new MailctlError(
            `${state.path}: slot ${quoteName(slot)} has no instance on ${quoteName(to)}`,
            {
              code: 'directory.no-instance',
              exitCode: EXIT.failed,
              detail: `it is on ${found.instances.map(({ host }) => host).join(', ')}`,
              hint: `mailctl slots show ${slot}`,
            },
          );
        }
        return { outcome: 'conflict', master: found.master, version: found.version };
      }),
    setState: ({ slot, master, from, to, version }) =>
      state.write(`setting the state of ${quoteName(slot)}`, async (queries) => {
        let update = queries
          .updateTable('slots')
          .set(({ eb }) => ({ state: to, version: eb('version', '+', 1) }))
          .where('slot', '=', slot)
          .where('master', '=', master)
          .where('state', '=', from);
        if (version !== undefined) update = update.where('version', '=', version);
        const set = await update.returning('version').executeTakeFirst();
        if (set !== undefined) return { outcome: 'set', version: set.version };
        const [found] = await selectSlots(queries, slot);
        if (found === undefined) throw unknownSlot(state.path, slot);
        return { outcome: 'conflict', master: found.master, state: found.state, version: found.version };
      }),
    raiseVersion: (slot) =>
      state.write(`raising the version of ${quoteName(slot)}`, async (queries) => {
        const raised = await queries
          .updateTable('slots')
          .set(({ eb }) => ({ version: eb('version', '+', 1) }))
          .where('slot', '=', slot)
          .returning('version')
          .executeTakeFirst();
        if (raised === undefined) throw unknownSlot(state.path, slot);
        return raised.version;
      }),
    applySlotMap: (diff) =>
      state.write('importing the slot map', async (queries) => {
        for (const entry of diff.add) {
          const added = await queries
            .insertInto('slots')
            .values({ slot: entry.slot, master: entry.master, state: 'normal', version: 1 })
            .onConflict((conflict) => conflict.doNothing())
            .returning('slot')
            .executeTakeFirst();
          if (added === undefined) throw changedMeanwhile(state.path, entry.slot);
          await writeInstances(queries, entry);
        }
        for (const { before, after, changesMaster } of diff.change) {
          const changed = await queries
            .updateTable('slots')
            .set(({ eb }) => ({ master: after.master, version: eb('version', '+', 1) }))
            .$if(changesMaster, (update) => update.set({ state: 'normal' }))
            .where('slot', '=', before.slot)
            .where('master', '=', before.master)
            .where('version', '=', before.version ?? 0)
            .returning('slot')
            .executeTakeFirst();
          if (changed === undefined) throw changedMeanwhile(state.path, before.slot);
          await queries.deleteFrom('instances').where('slot', '=', before.slot).execute();
          await writeInstances(queries, after);
        }
        for (const { slot, version } of diff.remove) {
          const removed = await queries
            .deleteFrom('slots')
            .where('slot', '=', slot)
            .where('version', '=', version ?? 0)
            .returning('slot')
            .executeTakeFirst();
          if (removed === undefined) throw changedMeanwhile(state.path, slot);
          await queries.deleteFrom('instances').where('slot', '=', slot).execute();
        }
      }),
  };
}

async function writeInstances(queries: Queries, entry: SlotMapEntry): Promise<void> {
  // Rows without a slot may be left by other tools; the slot is new, so they mean nothing.
  await queries.deleteFrom('instances').where('slot', '=', entry.slot).execute();
  const rows = entry.instances.map(({ slot, host, instance, address }, position) => ({
    slot,
    host,
    instance: instance === slot ? null : instance,
    address: address ?? null,
    position,
  }));
  if (rows.length > 0) await queries.insertInto('instances').values(rows).execute();
}

/** All slots, or one. One statement, so that a slot is never seen half changed. */
async function selectSlots(queries: Queries, only: string | undefined): Promise<readonly Slot[]> {
  const rows = await queries
    .selectFrom('slots')
    .leftJoin('instances', 'instances.slot', 'slots.slot')
    .$if(only !== undefined, (query) => query.where('slots.slot', '=', only ?? ''))
    .select(({ ref }) => [
      textOf(ref('slots.slot')).as('slot'),
      textOf(ref('slots.master')).as('master'),
      textOf(ref('slots.state')).as('state'),
      textOf(ref('instances.host')).as('host'),
      textOf(ref('instances.instance')).as('instance'),
      textOf(ref('instances.address')).as('address'),
    ])
    .select('slots.version')
    .orderBy('slots.slot')
    .orderBy('instances.position')
    .orderBy(sql`instances.host`)
    .execute();
  const slots = new Map<
    string,
    { slot: string; master: string; state: string; version: number; instances: Instance[] }
  >();
  for (const row of rows) {
    const slot = fromBytes(row.slot) ?? '';
    const known = slots.get(slot) ?? {
      slot,
      master: fromBytes(row.master) ?? '',
      state: fromBytes(row.state) ?? 'normal',
      version: row.version,
      instances: [],
    };
    slots.set(slot, known);
    const host = fromBytes(row.host);
    if (host !== null) {
      known.instances.push({
        slot,
        host,
        instance: fromBytes(row.instance) ?? slot,
        address: fromBytes(row.address) ?? undefined,
      });
    }
  }
  return [...slots.values()].sort((a, b) => compareNames(a.slot, b.slot)).map(masterFirst);
}

/** The master's instance first, also where a site's tool wrote none for it; the rest stay in their order. */
function masterFirst(slot: Slot): Slot {
  const own = slot.instances.find(({ host }) => host === slot.master) ?? {
    slot: slot.slot,
    host: slot.master,
    instance: slot.slot,
    address: undefined,
  };
  return { ...slot, instances: [own, ...slot.instances.filter(({ host }) => host !== slot.master)] };
}

function unknownSlot(path: string, slot: string): MailctlError {
  return new MailctlError(`${path}: the directory does not know slot ${quoteName(slot)}`, {
    code: 'directory.unknown-slot',
    exitCode: EXIT.failed,
    hint: 'mailctl slots list',
  });
}

function changedMeanwhile(path: string, slot: string): MailctlError {
  return new MailctlError(
    `${path}: slot ${quoteName(slot)} was changed by someone else meanwhile; nothing was imported`,
    {
      code: 'directory.changed',
      exitCode: EXIT.failed,
      hint: 'run the import again: it compares with what is there now',
    },
  );
}
