/** What a site has on its store hosts: the script that starts all slots at boot, and tools for one slot. */
import { hostFile } from './hostfile.js';
import { type HostName, instancesOn, type Lab, type LayoutName } from './spec.js';

/** Starts every slot of the host in the role that it is configured for, all at once. */
export function startScript(lab: Lab, host: HostName): string {
  const starts = instancesOn(lab, host).map((instance) =>
    lab.spec.layout === 'default'
      ? `/usr/sbin/cyrmaster -C ${instance.imapdConf} -M ${instance.cyrusConf} -p ${instance.pidFile} -d &`
      : `/usr/local/sbin/slot-ctl start ${instance.name} &`,
  );
  return `#!/bin/sh\n# Starts the slots as they are configured.\n${starts.join('\n')}\nwait\n`;
}

/** The site's own tools, by their path on the host. */
export function roleTools(layout: LayoutName): Record<string, string> {
  if (layout === 'default') return {};
  return {
    'usr/local/sbin/slot-role': hostFile('slot-role.sh'),
    'usr/local/sbin/slot-ctl': hostFile('slot-ctl.sh'),
  };
}
