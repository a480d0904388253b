// The words by which a queue and whoever acts on it are known on the mail host. Bastions may name a host differently,
// so that a queue's folder is called by its server and its instance.
import type { DeskPlace } from '../../queue/desk.js';

/** The folder of a queue below `queues`. */
export function nameOf({ queue, host, software }: DeskPlace): string {
  const instance = queue.startsWith(`${host}:`) ? queue.slice(host.length + 1) : software;
  const own = instance === software ? software : `${software}-${instance}`;
  return own.replace(/[^A-Za-z0-9._-]/g, '_').replace(/^\.+/, '_');
}

/** One word of a lease. */
export const word = (text: string): string => text.replace(/[^\x21-\x7e]/g, '_').slice(0, 100) || '-';
