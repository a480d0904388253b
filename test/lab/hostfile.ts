/** The scripts that run inside the hosts lie beside this file as what they are, not as strings. */
import fs from 'node:fs';

/** The text of one of them. */
export function hostFile(name: string): string {
  return fs.readFileSync(new URL(`./hostfiles/${name}`, import.meta.url), 'utf8');
}
