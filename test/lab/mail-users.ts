/** A user's own session on one host, as the proxying admin opens it: folders, messages, and what is in them. */
import { randomBytes } from 'node:crypto';
import { ImapSession } from './imap.js';
import { secret } from './secrets.js';
import { instanceOf, type Lab, mailDomain } from './spec.js';

/** A session on the host's IMAP port in master role; `cyrus` is the admin itself. */
export async function imapAs(lab: Lab, slot: string, host: string, user: string): Promise<ImapSession> {
  const { address, imapPort } = instanceOf(lab, slot, host);
  const session = await ImapSession.open(address, imapPort);
  const authzid = user === 'cyrus' ? '' : user;
  const plain = Buffer.from(`${authzid}\0cyrus\0${secret(lab.paths, 'cyrus')}`).toString('base64');
  await session.command(`AUTHENTICATE PLAIN ${plain}`);
  return session;
}

/** Does something as a user, and closes the session. */
export async function asUser<T>(
  lab: Lab,
  slot: string,
  host: string,
  user: string,
  work: (session: ImapSession) => Promise<T>,
): Promise<T> {
  const session = await imapAs(lab, slot, host, user);
  try {
    return await work(session);
  } finally {
    session.close();
  }
}

/** Appends a message of its own Message-ID to a folder; answers the Message-ID. */
export async function append(session: ImapSession, folder: string): Promise<string> {
  const id = `<${randomBytes(8).toString('hex')}@${mailDomain}>`;
  const text = `Message-ID: ${id}\r\nFrom: a@${mailDomain}\r\nSubject: ${folder}\r\n\r\nText.\r\n`;
  await session.command(`APPEND ${quoted(folder)} {${text.length}+}\r\n${text}`);
  return id;
}

/** The Message-IDs of a folder; undefined: there is no such folder. */
export async function idsOf(session: ImapSession, folder: string): Promise<readonly string[] | undefined> {
  try {
    await session.command(`EXAMINE ${quoted(folder)}`);
  } catch {
    return undefined;
  }
  const lines = await session.command('UID FETCH 1:* (BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])');
  return lines.flatMap((line) => /^Message-ID:\s*(\S+)/i.exec(line)?.[1] ?? []).sort();
}

/** All folders of the user, by name, with the Message-IDs in each. */
export async function contentOf(
  lab: Lab,
  slot: string,
  host: string,
  user: string,
): Promise<ReadonlyMap<string, readonly string[]>> {
  return asUser(lab, slot, host, user, async (session) => {
    const content = new Map<string, readonly string[]>();
    for (const line of await session.command('LIST "" "*"')) {
      const name = /^\* LIST \([^)]*\) "[^"]*" (.*)$/.exec(line)?.[1];
      if (name === undefined) continue;
      const folder = name.startsWith('"') ? name.slice(1, -1).replaceAll(/\\(.)/g, '$1') : name;
      content.set(folder, (await idsOf(session, folder)) ?? []);
    }
    return content;
  });
}

/** An IMAP quoted string. */
export const quoted = (text: string): string => `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
