// What is set aside on the hosts of slots: on masters and on replicas that were masters once. A host that gives no
// answer is data.
import type { MailctlError } from '../errors.js';
import { gather } from '../fleet/gather.js';
import type { Surroundings } from './look-around.js';
import type { QuarantineFile } from './quarantine.js';
import type { Slot } from './slot.js';

/** What was found. */
export interface QuarantineSight {
  /** The oldest first. */
  readonly files: readonly QuarantineFile[];
  readonly silent: readonly { readonly host: string; readonly error: MailctlError }[];
}

/** Looks at all instances of these slots, one trip a host. */
export async function lookAtQuarantines(
  slots: readonly Slot[],
  around: Surroundings,
): Promise<QuarantineSight> {
  const instances = slots.flatMap((slot) => slot.instances);
  const names = [...new Set(instances.map(({ host }) => host))];
  const hosts = names.map((name) => around.hosts.get(name)).filter((host) => host !== undefined);
  const results = await gather(
    hosts,
    (host, signal) =>
      around.driver.quarantine.list(
        host,
        instances.filter((instance) => instance.host === host.name),
        signal,
      ),
    { concurrency: around.concurrency, signal: around.signal },
  );
  const age = (file: QuarantineFile) => file.birth ?? Number.NEGATIVE_INFINITY;
  return {
    files: results
      .flatMap((result) => (result.ok ? result.value.flat() : []))
      .sort((a, b) => age(a) - age(b)),
    silent: results.flatMap((result) => (result.ok ? [] : [{ host: result.host.name, error: result.error }])),
  };
}
