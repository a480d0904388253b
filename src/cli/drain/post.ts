// The drains' place on the mail hosts.
import type { DrainPost, HostGuards } from '../../queue/drain-way.js';
import type { Context } from '../context.js';

const NOTHING: HostGuards = {
  at: 0,
  memory: null,
  oomKills: null,
  sockets: null,
  files: null,
  load: null,
  disk: null,
};

/** All hosts' place. */
export async function drainPostOf(_context: Context, _readOnly: boolean): Promise<DrainPost> {
  return {
    begin: async () => ({ granted: true }),
    keep: async () => true,
    beat: async () => ({ isOurs: true, guards: NOTHING }),
    wake: async () => 0,
    guards: async () => NOTHING,
    end: async () => {},
    found: async () => [],
    keys: async () => {},
  };
}
