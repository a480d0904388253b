/**
 * What is in a user's INBOX on one host's disk, whatever role the slot has there and whether it runs or not:
 * the index says which messages count, their files say which they are.
 */
import fs from 'node:fs';
import path from 'node:path';
import { srvFile } from './disks.js';
import { inHost } from './host.js';
import { instanceOf, type Lab } from './spec.js';

const tools = '/usr/lib/cyrus/bin';

/** The Message-IDs in a user's INBOX on one host; empty when the mailbox is not there. */
export async function messagesOn(lab: Lab, slot: string, user: string, host: string): Promise<string[]> {
  const instance = instanceOf(lab, slot, host);
  const mailbox = `user/${user}`;
  const ask = (tool: string) =>
    inHost(lab, instance.host, [`${tools}/${tool}`, '-C', instance.imapdConf, mailbox], { mayFail: true });
  const [where, index] = await Promise.all([ask('mbpath'), ask('mbexamine')]);
  if (where.code !== 0 || index.code !== 0) return [];
  const folder = srvFile(lab, instance, where.stdout.trim());
  return liveUids(index.stdout).flatMap((uid) => {
    const id = messageId(path.join(folder, `${uid}.`));
    return id === undefined ? [] : [id];
  });
}

/** How many messages that is. */
export async function count(lab: Lab, slot: string, user: string, host: string): Promise<number> {
  return (await messagesOn(lab, slot, user, host)).length;
}

/** The UIDs of an index that are not expunged. */
function liveUids(examined: string): number[] {
  return examined
    .split(/^0*\d+> UID:/m)
    .slice(1)
    .filter((record) => !/^\s*> INTERNALFLAGS:.*EXPUNGED/m.test(record))
    .map((record) => Number.parseInt(record, 10));
}

function messageId(file: string): string | undefined {
  try {
    const head = fs.readFileSync(file, 'latin1').split(/\r?\n\r?\n/, 1)[0] ?? '';
    return /^Message-ID:\s*(\S+)/im.exec(head)?.[1];
  } catch {
    return undefined;
  }
}
