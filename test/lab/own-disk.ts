/**
 * A store on a file system of its own: an ext4 image, loop-mounted on a host's disk. It is what real stores are on,
 * and the birth of a file on it can be set honestly, while it is not mounted. All of it while the host is off.
 */
import fs from 'node:fs';
import path from 'node:path';
import { srvFile } from './disks.js';
import { LabError } from './errors.js';
import { initOf } from './host.js';
import { run } from './run.js';
import type { Instance, Lab } from './spec.js';

const imageOf = (lab: Lab, instance: Instance) =>
  path.join(lab.paths.run, `${instance.host}-${instance.slot}.ext4`);

function mustBeOff(lab: Lab, instance: Instance): void {
  if (initOf(lab.paths, instance.host) !== undefined) throw new LabError(`${instance.host} is on`);
}

/** Moves an instance's folder to a file system of its own. Only where the slot's folder is below /srv. */
export async function moveToOwnDisk(lab: Lab, instance: Instance, megabytes = 64): Promise<void> {
  mustBeOff(lab, instance);
  const image = imageOf(lab, instance);
  const folder = srvFile(lab, instance, instance.base);
  await run(['truncate', '-s', `${megabytes}M`, image]);
  await run(['mkfs.ext4', '-q', '-O', '^has_journal', '-d', folder, image]);
  fs.rmSync(folder, { recursive: true });
  fs.mkdirSync(folder);
  await run(['mount', '-o', 'loop', image, folder]);
}

/** Sets the birth of files on that file system; `files` as the host names them, times in seconds since 1970. */
export async function setBirth(
  lab: Lab,
  instance: Instance,
  files: readonly string[],
  birth: number,
): Promise<void> {
  mustBeOff(lab, instance);
  const image = imageOf(lab, instance);
  const folder = srvFile(lab, instance, instance.base);
  await run(['umount', folder]);
  const commands = files.map((file) => {
    if (!file.startsWith(`${instance.base}/`)) throw new LabError(`${file} is not below ${instance.base}`);
    return `set_inode_field ${file.slice(instance.base.length)} crtime @${Math.floor(birth)}`;
  });
  await run(['debugfs', '-w', '-f', '-', image], { input: `${commands.join('\n')}\n` });
  await run(['mount', '-o', 'loop', image, folder]);
  const born = files.map((file) => fs.statSync(srvFile(lab, instance, file)).birthtimeMs / 1000);
  if (born.some((one) => Math.abs(one - birth) > 1))
    throw new LabError('the birth of a log could not be set');
}
