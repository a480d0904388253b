// Which boot of this machine a journal was written in: a run that another boot left has no process here.
import { readFile } from 'node:fs/promises';

/** Linux's boot id; empty where there is none. */
export async function readBootId(file = '/proc/sys/kernel/random/boot_id'): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim().slice(0, 64);
  } catch {
    return '';
  }
}
