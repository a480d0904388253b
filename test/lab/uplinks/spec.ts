/**
 * The uplinks lab as data: one mail host with several providers, the routers of each, and the world's mail servers
 * behind them. Pure. Addresses are those of documentation, and of benchmarks where there are too many for these.
 */
import path from 'node:path';
import { LabError } from '../errors.js';

/** A router, or one member of an ECMP group, as it is called and addressed. */
export interface RouterSpec {
  readonly name: string;
  readonly four: string;
  readonly six: string;
}

/** One way out of the mail host. */
export interface ProviderSpec {
  readonly name: string;
  readonly device: string;
  readonly source4: string;
  readonly source6: string;
  /** Several in one place: an ECMP group. */
  readonly hops: readonly (readonly RouterSpec[])[];
}

/** A mail server of the world, the only exchanger of its domain. */
export interface ServerSpec {
  readonly domain: string;
  readonly name: string;
  readonly four: string;
  /** Not every destination has one. */
  readonly six?: string;
}

export interface UplinksSpec {
  readonly providers: readonly ProviderSpec[];
  readonly servers: readonly ServerSpec[];
  readonly nameServers: readonly { readonly name: string; readonly four: string; readonly six: string }[];
  /** Where a provider that intercepts port 25 sends it. */
  readonly interceptor: { readonly four: string; readonly six: string };
}

export const mailHost = 'relay1';
export const mailHostName = 'relay1.lab.example';
/** The cable between bastion and mail host, and the one between bastion and world. */
export const cables = {
  host: { device: 'mclabu0', bastion: '192.0.2.253', other: '192.0.2.254' },
  far: { device: 'mclabu1', bastion: '192.0.2.249', other: '192.0.2.250' },
} as const;

const two = (number: number) => number.toString(16);

function provider(
  name: string,
  letter: string,
  source4: string,
  hops: readonly (readonly [string, string])[][],
): ProviderSpec {
  let at = 0;
  return {
    name,
    device: `p${letter}`,
    source4,
    source6: `2001:db8:${letter}::10`,
    hops: hops.map((members) =>
      members.map(([router, four]) => {
        at += 1;
        return { name: router, four, six: `2001:db8:${letter}::${at}` };
      }),
    ),
  };
}

const servers: readonly ServerSpec[] = [
  { domain: 'gmail.example', name: 'mx.gmail.example', four: '203.0.113.131', six: '2001:db8:ffff::131' },
  {
    domain: 'microsoft.example',
    name: 'mx.microsoft.example',
    four: '203.0.113.132',
    six: '2001:db8:ffff::132',
  },
  { domain: 'yahoo.example', name: 'mx.yahoo.example', four: '203.0.113.133' },
];

/** Three providers of four, three and four routers, one of them with an ECMP pair; all end at one border router. */
export const usual: UplinksSpec = {
  providers: [
    provider('cogent', 'a', '192.0.2.10', [
      [['gw1.cogent.example', '192.0.2.9']],
      [['te0.r2.cogent.example', '192.0.2.14']],
      [['te4.r3.cogent.example', '192.0.2.18']],
      [['port1.x.exchange.example', '192.0.2.22']],
    ]),
    provider('level3', 'b', '198.51.100.10', [
      [['gw1.level3.example', '198.51.100.9']],
      [['ae5.r2.level3.example', '198.51.100.14']],
      [['port2.x.exchange.example', '198.51.100.18']],
    ]),
    provider('telia', 'c', '203.0.113.10', [
      [['gw1.telia.example', '203.0.113.9']],
      [
        ['be1.r2a.telia.example', '203.0.113.14'],
        ['be2.r2b.telia.example', '203.0.113.18'],
      ],
      [['be3.r3.telia.example', '203.0.113.26']],
      [['port3.x.exchange.example', '203.0.113.30']],
    ]),
  ],
  servers,
  nameServers: [
    { name: 'ns1.world.example', four: '203.0.113.140', six: '2001:db8:ffff::140' },
    { name: 'ns2.world.example', four: '203.0.113.141', six: '2001:db8:ffff::141' },
  ],
  interceptor: { four: '203.0.113.150', six: '2001:db8:ffff::150' },
};

/** As many providers and destinations as one likes, for measurements. */
export function many(providers: number, destinations: number): UplinksSpec {
  if (providers > 100 || destinations > 200) throw new LabError('at most 100 providers, 200 destinations');
  return {
    ...usual,
    providers: Array.from({ length: providers }, (_, index) => {
      const letter = two(index + 16);
      const net = `198.18.${index}`;
      const name = `isp${index + 1}`;
      return provider(name, letter, `${net}.10`, [
        [[`gw.${name}.example`, `${net}.9`]],
        [[`core.${name}.example`, `${net}.14`]],
        [[`x.${name}.example`, `${net}.18`]],
      ]);
    }),
    servers: Array.from({ length: destinations }, (_, index) => ({
      domain: `dest${index + 1}.example`,
      name: `mx.dest${index + 1}.example`,
      four: `198.19.0.${index + 1}`,
      six: `2001:db8:fffe::${two(index + 1)}`,
    })),
  };
}

export interface UplinksPaths {
  readonly dir: string;
  readonly marker: string;
  readonly spec: string;
  readonly disks: string;
  readonly run: string;
  readonly keys: string;
  readonly sshConfig: string;
  readonly knownHosts: string;
  readonly mailctlYaml: string;
  readonly state: string;
  /** The control sockets of the routers and of the servers. */
  readonly routers: string;
  readonly servers: string;
  readonly faults: string;
  readonly certificates: string;
}

/** Where it lies: beside the stores lab, so that both may be up. */
export function uplinksPaths(
  dir = `${process.env.MAILCTL_LAB_DIR ?? '/tmp/mailctl-lab'}-uplinks`,
): UplinksPaths {
  const root = path.resolve(dir);
  if (!/^\/[\w./+-]+$/.test(root)) throw new LabError(`${root}: a plain path, please, for the lab's folder`);
  const at = (...parts: string[]) => path.join(root, ...parts);
  return {
    dir: root,
    marker: at('.mailctl-lab'),
    spec: at('uplinks.json'),
    disks: at('disks'),
    run: at('run'),
    keys: at('keys'),
    sshConfig: at('ssh_config'),
    knownHosts: at('known_hosts'),
    mailctlYaml: at('mailctl.yaml'),
    state: at('state'),
    routers: at('run', 'routers.sock'),
    servers: at('run', 'servers.sock'),
    faults: at('faults.json'),
    certificates: at('certificates'),
  };
}

/** A lab of uplinks: what it consists of, and where it is. */
export interface Uplinks {
  readonly spec: UplinksSpec;
  readonly paths: UplinksPaths;
}

/** What the world calls every address, by address. */
export function namesOf(spec: UplinksSpec): ReadonlyMap<string, string> {
  const names: [string, string][] = [];
  for (const one of spec.providers) {
    for (const router of one.hops.flat()) names.push([router.four, router.name], [router.six, router.name]);
    const own = `${one.name}.${mailHostName}`;
    names.push([one.source4, own], [one.source6, own]);
  }
  for (const server of [...spec.servers, ...spec.nameServers]) {
    names.push([server.four, server.name]);
    if (server.six !== undefined) names.push([server.six, server.name]);
  }
  return new Map(names);
}
