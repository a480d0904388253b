// Asks hosts for the instances that they have, then for their states, and judges. Many hosts at once; a host that does
// not answer is named. Changes nothing.
import type { MailctlError } from '../errors.js';
import { gather } from '../fleet/gather.js';
import type { Host } from '../fleet/host.js';
import { type Discovery, type Findings, judgeDiscovery, slotsToLookAt } from './discover.js';
import type { FoundInstance } from './driver.js';
import { lookAtSlots, type Surroundings } from './look-around.js';
import type { Slot } from './slot.js';

/** What was found out. */
export interface FoundSlots {
  readonly discovery: Discovery;
  readonly silent: readonly { readonly host: Host; readonly error: MailctlError }[];
}

/** The slots on `hosts`, against what the directory has now. */
export async function findAndLook(
  hosts: readonly Host[],
  directory: readonly Slot[],
  around: Surroundings,
): Promise<FoundSlots> {
  const results = await gather(hosts, (host, signal) => around.driver.findInstances(host, signal), {
    concurrency: around.concurrency,
    signal: around.signal,
  });
  const findings: Map<string, readonly FoundInstance[] | null> = new Map(
    results.map((result) => [result.host.name, result.ok ? result.value : null]),
  );
  // Instances that the directory has on hosts that were not asked are as good as silent: nobody saw them.
  for (const { instances } of directory) {
    for (const { host } of instances) if (!findings.has(host)) findings.set(host, null);
  }
  const asked: Findings = new Map([...findings].filter(([host]) => hosts.some((one) => one.name === host)));
  const { slots, unclear } = slotsToLookAt(findings, directory);
  const answered = new Set(results.filter((result) => result.ok).map((result) => result.host.name));
  const sight = await lookAtSlots(
    slots.map((slot) => ({ ...slot, instances: slot.instances.filter(({ host }) => answered.has(host)) })),
    around,
  );
  // A slot of which no host that was asked has anything is not of this question.
  const meant = slots.filter((slot) => slot.instances.some(({ host }) => asked.has(host)));
  const discovery = judgeDiscovery(meant, asked, sight, directory);
  return {
    discovery: { ...discovery, unclear: [...unclear, ...discovery.unclear] },
    silent: results.flatMap((result) => (result.ok ? [] : [{ host: result.host, error: result.error }])),
  };
}
