// The site's lists of users and moves as the configuration names them. Nothing is asked before a list is needed, and
// what is not configured is null, which is not the same as an empty list.
import type { DirectoryConfig } from '../config/config.js';
import type { Here } from '../drivers/directory-commands/user-sources.js';
import type { UserSources } from '../slot/users.js';
import type { StateDatabase } from '../state/database.js';

/** The lists that `directory` names. */
export function userSources(
  { users, moves }: DirectoryConfig,
  open: { readonly here: () => Promise<Here>; readonly database: () => Promise<StateDatabase> },
): UserSources {
  const commands = () => import('../drivers/directory-commands/user-sources.js');
  let askUsers: Promise<(slot: string) => Promise<readonly string[]>> | undefined;
  return {
    async usersOf(slot) {
      if (users === undefined) return null;
      askUsers ??= Promise.all([commands(), open.here()]).then(([{ commandUsers }, here]) =>
        commandUsers(users, here),
      );
      return (await askUsers)(slot);
    },
    async moves() {
      switch (moves?.kind) {
        case undefined:
          return null;
        case 'command':
          return (await commands()).commandMoves(moves.command, await open.here());
        case 'file':
          return (await commands()).fileMoves(moves.file, await open.here());
        case 'table': {
          const { tableMoves } = await import('../state/moves-table.js');
          return tableMoves(await open.database(), moves.table);
        }
      }
    },
  };
}
