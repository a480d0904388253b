// Where one instance's files are: the site's templates with their placeholders filled in. Nothing about one
// site's layout is assumed; what a template does not say is not known.
import type { CyrusConfig } from '../../config/config.js';
import type { Role } from '../../slot/driver.js';
import type { Instance } from '../../slot/slot.js';

/** The paths of one instance. Confs by role are absent where the site's templates cannot tell them apart. */
export interface InstancePaths {
  readonly configDir: string;
  readonly pidFile: string;
  readonly lease: string;
  readonly lane: string;
  /** What is in force now, whatever the role is. */
  readonly current: ConfPair;
  readonly byRole: { readonly [role in Role]?: ConfPair };
  readonly link:
    | { readonly path: string; readonly targets: { readonly [role in Role]?: string } }
    | undefined;
}

/** imapd.conf and cyrus.conf of an instance. */
export interface ConfPair {
  readonly imapd: string;
  readonly cyrus: string;
}

/** Fills {slot} {instance} {host} {address} {role} in. Unknown placeholders were refused with the configuration. */
export function fill(template: string, instance: Instance, role: string): string {
  return template.replaceAll(/\{(slot|instance|host|address|role)\}/g, (_, key: string) => {
    if (key === 'slot') return instance.slot;
    if (key === 'instance') return instance.instance;
    if (key === 'host') return instance.host;
    if (key === 'address') return instance.address ?? instance.host;
    return role;
  });
}

/** The same for a command: each word on its own, so that no value can become two words. */
export function fillWords(words: readonly string[], instance: Instance, role: string): string[] {
  return words.map((word) => fill(word, instance, role));
}

const ROLES: readonly Role[] = ['master', 'replica', 'readonly'];

/** All paths of an instance. */
export function instancePaths(config: CyrusConfig, instance: Instance): InstancePaths {
  const configDir = fill(config.configDir, instance, '');
  const link = config.role.kind === 'link' ? linkOf(config.role, instance) : undefined;
  const byRole: { [role in Role]?: ConfPair } = {};
  for (const role of ROLES) {
    const imapd = confOfRole(config.imapdConf, instance, role, link);
    const cyrus = confOfRole(config.cyrusConf, instance, role, link);
    if (imapd !== undefined && cyrus !== undefined) byRole[role] = { imapd, cyrus };
  }
  return {
    configDir,
    pidFile: fill(config.pidFile, instance, ''),
    lease: `${configDir}/mailctl.lease`,
    lane: `${configDir}/mailctl.lane`,
    current: { imapd: fill(config.imapdConf, instance, ''), cyrus: fill(config.cyrusConf, instance, '') },
    byRole,
    link,
  };
}

function linkOf(role: Extract<CyrusConfig['role'], { kind: 'link' }>, instance: Instance) {
  const targets: { [role in Role]?: string } = {
    master: fill(role.master, instance, 'master'),
    replica: fill(role.replica, instance, 'replica'),
  };
  if (role.readonly !== undefined) targets.readonly = fill(role.readonly, instance, 'readonly');
  return { path: fill(role.link, instance, ''), targets };
}

// A role's own file is known where the template names the role, or where it goes through the role link: the
// link then stands for the role's own target.
function confOfRole(
  template: string,
  instance: Instance,
  role: Role,
  link: { readonly path: string; readonly targets: { readonly [role in Role]?: string } } | undefined,
): string | undefined {
  const path = fill(template, instance, role);
  if (template.includes('{role}')) return path;
  const target = link?.targets[role];
  if (link === undefined || target === undefined || !path.startsWith(`${link.path}/`)) return undefined;
  const base = target.startsWith('/')
    ? target
    : `${link.path.slice(0, link.path.lastIndexOf('/'))}/${target}`;
  return base + path.slice(link.path.length);
}
