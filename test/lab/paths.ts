/**
 * Where the lab keeps its things on the bastion. One folder holds everything, so that removing it (and what
 * is mounted below it) removes the lab.
 */
import path from 'node:path';
import { LabError } from './errors.js';

export interface LabPaths {
  readonly dir: string;
  /** Says that the folder is a lab's: nothing without this file is ever removed. */
  readonly marker: string;
  readonly spec: string;
  /** A tmpfs: one folder per host with its overlay and its /srv, which survive the host's reboots. */
  readonly disks: string;
  readonly run: string;
  readonly keys: string;
  readonly secrets: string;
  readonly knownHosts: string;
  readonly sshConfig: string;
  readonly mailctlYaml: string;
  readonly slotsYaml: string;
  /** Holds the directory's database; mx1 sees this folder, too. */
  readonly directory: string;
  readonly directoryDb: string;
  /** XDG_STATE_HOME for runs against the lab. */
  readonly state: string;
}

/** The paths of the lab in `dir`, by default `$MAILCTL_LAB_DIR` or /tmp/mailctl-lab. */
export function labPaths(dir = process.env.MAILCTL_LAB_DIR ?? '/tmp/mailctl-lab'): LabPaths {
  const root = path.resolve(dir);
  // It becomes part of mount options, of ssh_config and of the directory's URL: none of them quotes alike.
  if (!/^\/[\w./+-]+$/.test(root)) throw new LabError(`${root}: a plain path, please, for the lab's folder`);
  const at = (...parts: string[]) => path.join(root, ...parts);
  return {
    dir: root,
    marker: at('.mailctl-lab'),
    spec: at('lab.json'),
    disks: at('disks'),
    run: at('run'),
    keys: at('keys'),
    secrets: at('secrets'),
    knownHosts: at('known_hosts'),
    sshConfig: at('ssh_config'),
    mailctlYaml: at('mailctl.yaml'),
    slotsYaml: at('slots.yaml'),
    directory: at('directory'),
    directoryDb: at('directory', 'mailctl.db'),
    state: at('state'),
  };
}
