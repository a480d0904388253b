// Many hosts at once, failures kept as data: a host that does not answer costs its own row and nothing else. A
// fault of ours is no row: it ends the gathering.
import { setMaxListeners } from 'node:events';
import { MailctlError, TransportError } from '../errors.js';
import type { Host } from './host.js';

/** What one host gave. */
export type HostResult<T> =
  | { readonly host: Host; readonly ok: true; readonly value: T }
  | { readonly host: Host; readonly ok: false; readonly error: MailctlError };

/** How to ask. */
export interface GatherOptions<T> {
  /** Hosts at once. */
  readonly concurrency?: number | undefined;
  /** Aborted: hosts not yet asked are not asked any more, and those without an answer count as interrupted. */
  readonly signal?: AbortSignal | undefined;
  /** Called as each result comes, in the order in which they come. */
  readonly onResult?: ((result: HostResult<T>) => void) | undefined;
}

/** Hosts asked at once when `--concurrency` says nothing; more gained nothing on two cores. */
export const DEFAULT_CONCURRENCY = 16;

/**
 * Asks every host and returns the results in the order of `hosts`. `ask` gets a signal that is aborted when the
 * gathering ends early. Errors other than MailctlError (of `ask` or of `onResult`) reject at once, with no
 * further host asked.
 */
export async function gather<T>(
  hosts: readonly Host[],
  ask: (host: Host, signal: AbortSignal) => Promise<T>,
  options: GatherOptions<T> = {},
): Promise<readonly HostResult<T>[]> {
  const { signal, onResult } = options;
  const width = Math.max(1, Math.floor(options.concurrency ?? DEFAULT_CONCURRENCY) || 1);
  const ending = new AbortController();
  // Each host that is being asked listens; node would take more than ten of them for a leak and say so on stderr.
  setMaxListeners(0, ending.signal);
  const onAbort = () => ending.abort(signal?.reason);
  if (signal?.aborted) onAbort();
  else signal?.addEventListener('abort', onAbort, { once: true });

  const results: HostResult<T>[] = new Array(hosts.length);
  let next = 0;
  let hasFailed = false;
  const worker = async () => {
    while (next < hosts.length) {
      const index = next;
      next += 1;
      const host = hosts[index] as Host;
      const result = await askOne(host, ask, ending.signal, signal);
      results[index] = result;
      if (!hasFailed) onResult?.(result);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(width, hosts.length) }, worker));
    return results;
  } catch (error) {
    hasFailed = true;
    next = hosts.length;
    ending.abort(error);
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

async function askOne<T>(
  host: Host,
  ask: (host: Host, signal: AbortSignal) => Promise<T>,
  inner: AbortSignal,
  outer: AbortSignal | undefined,
): Promise<HostResult<T>> {
  if (outer?.aborted) return { host, ok: false, error: interrupted(host) };
  try {
    return { host, ok: true, value: await ask(host, inner) };
  } catch (error) {
    if (error instanceof MailctlError) return { host, ok: false, error };
    // What was waiting on the signal rejects with its reason, or with an AbortError: no fault of ours.
    const isAbort = error === inner.reason || (error instanceof Error && error.name === 'AbortError');
    if (outer?.aborted && isAbort) return { host, ok: false, error: interrupted(host) };
    throw error;
  }
}

function interrupted(host: Host): TransportError {
  return new TransportError(host.name, 'interrupted', `${host.name}: not asked to the end: interrupted`);
}
