/**
 * The configuration files of an instance in each of its roles. A master's replication points to all the other
 * hosts of the slot, so that after a failover it runs the other way round. Pure: text in, text out.
 */
import { type Instance, type Role, type SlotSpec, type StoreHost, saslRealm } from './spec.js';

/** imapd.conf of an instance in a role. */
export function imapdConf(instance: Instance, slot: SlotSpec, role: Role, syncPassword: string): string {
  const lines = [
    `configdirectory: ${instance.configDir}`,
    'defaultpartition: default',
    `partition-default: ${instance.spool}`,
    `sieveusehomedir: no`,
    `sievedir: ${instance.configDir}/sieve`,
    `servername: ${saslRealm}`,
    `syslog_prefix: ${instance.name}`,
    'unixhierarchysep: yes',
    'admins: cyrus',
    'proxyservers: cyrus',
    'allowplaintext: yes',
    'sasl_pwcheck_method: auxprop',
    'sasl_auxprop_plugin: sasldb',
    `sasl_sasldb_path: ${instance.sasldb}`,
    'sasl_mech_list: PLAIN',
    // Never speak replication to a plain IMAP server: an old master could write into the new one that way.
    'sync_try_imap: no',
    ...(role === 'master' ? replicationKeys(instance, slot, syncPassword) : []),
    ...(role === 'readonly' ? ['readonly: yes'] : []),
  ];
  return `${lines.join('\n')}\n`;
}

function replicationKeys(instance: Instance, slot: SlotSpec, password: string): string[] {
  const peers = peersOf(instance, slot);
  const keysFor = (prefix: string, peer: Instance, folder: string) => [
    `${prefix}sync_host: ${syncHost(peer)}`,
    `${prefix}sync_port: ${peer.csyncPort}`,
    `${prefix}sync_authname: cyrus`,
    `${prefix}sync_password: ${password}`,
    `${prefix}sync_reconnect_maxwait: 5s`,
    `${prefix}sync_shutdown_file: ${folder}/shutdown`,
  ];
  const sync = `${instance.configDir}/sync`;
  if (!usesChannels(slot)) {
    return ['sync_log: yes', ...peers.flatMap((peer) => keysFor('', peer, sync))];
  }
  return [
    'sync_log: yes',
    `sync_log_channels: ${peers.map((peer) => peer.host).join(' ')}`,
    ...peers.flatMap((peer) => keysFor(`${peer.host}_`, peer, `${sync}/${peer.host}`)),
  ];
}

/** The other instances of the slot. */
export function peersOf(instance: Instance, slot: SlotSpec): Instance[] {
  return slot.instances.filter((other) => other.host !== instance.host);
}

/** One replica uses Cyrus's default channel, several need one each. */
export function usesChannels(slot: SlotSpec): boolean {
  return slot.instances.length > 2;
}

/** The folders of a master's replication logs, one per channel. */
export function syncFolders(instance: Instance, slot: SlotSpec): string[] {
  const sync = `${instance.configDir}/sync`;
  return usesChannels(slot) ? peersOf(instance, slot).map((peer) => `${sync}/${peer.host}`) : [sync];
}

/** The host's name where it says where the instance is; its own address where it has one. */
function syncHost(peer: Instance): StoreHost | string {
  return peer.address.startsWith('198.51.100.') ? peer.host : peer.address;
}

/** cyrus.conf of an instance in a role; `replicating` leaves the replication clients out, all or those towards hosts. */
export function cyrusConf(
  instance: Instance,
  slot: SlotSpec,
  role: Role,
  { replicating = true }: { readonly replicating?: boolean | readonly StoreHost[] } = {},
): string {
  const conf = instance.imapdConf;
  // Children do not get the master's -C: without one of their own they would read /etc/imapd.conf.
  const cmd = (name: string, args = '') => `cmd="${name} -C ${conf}${args}"`;
  const services: string[] = [];
  const daemons: string[] = [];
  if (role === 'replica') {
    services.push(`csync ${cmd('sync_server')} listen="${instance.address}:${instance.csyncPort}"`);
    services.push(`imap ${cmd('imapd')} listen="${instance.loopback}:${instance.imapPort}"`);
  } else {
    services.push(`imap ${cmd('imapd')} listen="${instance.address}:${instance.imapPort}"`);
  }
  if (role === 'master') {
    services.push(`lmtp ${cmd('lmtpd', ' -a')} listen="${instance.address}:${instance.lmtpPort}"`);
    for (const peer of peersOf(instance, slot)) {
      if (!(typeof replicating === 'boolean' ? replicating : replicating.includes(peer.host))) continue;
      const channel = usesChannels(slot) ? ` -n ${peer.host}` : '';
      daemons.push(`sync${peer.host} ${cmd('sync_client', ` -l -r${channel}`)}`);
    }
  }
  const section = (name: string, entries: string[]) =>
    `${name} {\n${entries.map((entry) => `  ${entry}\n`).join('')}}\n`;
  return [
    section('START', [`recover ${cmd('ctl_cyrusdb', ' -r')}`]),
    section('SERVICES', services),
    ...(daemons.length > 0 ? [section('DAEMON', daemons)] : []),
    section('EVENTS', [`checkpoint ${cmd('ctl_cyrusdb', ' -c')} at=0330`]),
  ].join('\n');
}
