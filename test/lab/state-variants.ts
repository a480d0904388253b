/** A bastion whose state was lost: for tests of what a failover can still go by. */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import type { Lab } from './lab.js';

/** State databases that tell nothing: a fresh one, and one that cannot be written. The directory stays as it is. */
export function stateVariants(lab: Lab) {
  const base = path.join(lab.paths.dir, 'variants');
  fs.mkdirSync(base, { recursive: true });
  const variant = (name: string): Record<string, string> => {
    const dir = path.join(base, name);
    fs.mkdirSync(dir, { recursive: true });
    const config = path.join(base, `${name}.yaml`);
    const text = fs.readFileSync(lab.paths.mailctlYaml, 'utf8');
    fs.writeFileSync(config, `${text}\nstate:\n  url: sqlite:${dir}/state.db\n`, { mode: 0o600 });
    return { MAILCTL_CONFIG: config, XDG_STATE_HOME: path.join(base, `${name}-home`) };
  };
  const none = variant('none');
  const readOnly = variant('readonly');
  const locked = path.join(base, 'readonly');
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'ro', 'mailctl-lab-ro', locked]);
  const cleanUp = () => {
    execFileSync('umount', ['-l', locked]);
    fs.rmSync(base, { recursive: true, force: true });
  };
  return { none, readOnly, cleanUp };
}
