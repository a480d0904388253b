/** `npm run lab -- uplinks ...`: the lab of providers at the command line. */
import { spawn } from 'node:child_process';
import { LabError } from '../errors.js';
import {
  faultsOf,
  mailHostNetworkWords,
  mailHostWords,
  many,
  openUplinks,
  parseFault,
  setFaults,
  uplinksDown,
  uplinksEnv,
  uplinksMailctlWords,
  uplinksUp,
} from '../uplinks.js';
import { isServerFault, serverFaultKinds } from './faults.js';
import type { Uplinks } from './spec.js';

export const uplinksUsage = `  uplinks up [PROVIDERS DESTINATIONS] a mail host with three providers, their routers, the world's servers
  uplinks fault WHO KIND [key=value...]  adds a fault; WHO: a provider, a server's domain, or * (all servers)
  uplinks faults                    those that are in place
  uplinks clear                     none any more
  uplinks mailctl -- WORDS...       mailctl on this lab, with the world's name servers as the bastion's resolver
  uplinks exec -- COMMAND...        run something on the mail host, which has only what a bare Debian has
  uplinks net -- COMMAND...         run a tool of this machine on the mail host's network
  uplinks down
`;

const kinds = `of a provider (hop=2 dir=both|out|in family=4|6 port=N member=N): size n=500, dies n=12, mtu n=1400 mute=true,
  share n=6, loss n=30, delay ms=200, blackhole, prohibited, unreachable, filter, reset, intercept, silent, limit,
  corrupt n=5, reorder n=20, syn n=5
of a server (from=PROVIDER at=accept|banner|ehlo|starttls|tls|ehlo2|big|mail|rcpt): ${serverFaultKinds.join(', ')}
`;

/** One of its commands. */
export async function uplinksCommand(words: readonly string[]): Promise<void> {
  const [verb, ...rest] = words;
  const print = (text: string) => process.stdout.write(text);
  switch (verb) {
    case 'up': {
      const [providers, destinations] = rest.map(Number);
      const spec = providers === undefined ? {} : { spec: many(providers, destinations ?? 3) };
      const lab = await uplinksUp({ ...spec, say: (line) => process.stderr.write(`${line}\n`) });
      print(tellAbout(lab));
      return;
    }
    case 'down':
      print((await uplinksDown()) ? 'the uplinks lab is gone\n' : 'there was no uplinks lab\n');
      return;
    case 'fault': {
      const lab = openUplinks();
      if (rest.length < 2) throw new LabError(`uplinks fault WHO KIND\n${kinds}`);
      return setFaults(lab, [...faultsOf(lab), parseFault(lab, rest)]);
    }
    case 'faults': {
      const lines = faultsOf(openUplinks()).map((fault) => {
        const { kind, ...keys } = fault;
        const who = isServerFault(fault) ? fault.server : fault.provider;
        const more = Object.entries(keys).filter(([key]) => key !== 'server' && key !== 'provider');
        return [who, kind, ...more.map(([key, value]) => `${key}=${value}`)].join(' ');
      });
      print(lines.length === 0 ? 'no faults\n' : `${lines.join('\n')}\n`);
      return;
    }
    case 'clear':
      return setFaults(openUplinks(), []);
    case 'mailctl': {
      const lab = openUplinks();
      Object.assign(process.env, uplinksEnv(lab));
      return exec(uplinksMailctlWords(lab, rest));
    }
    case 'exec':
      return exec([...mailHostWords(openUplinks()), ...rest]);
    case 'net':
      return exec([...mailHostNetworkWords(openUplinks()), ...rest]);
    default:
      throw new LabError(
        `uplinks: up, fault, faults, clear, mailctl, exec, net or down\n\n${uplinksUsage}\nFaults ${kinds}`,
      );
  }
}

function tellAbout(lab: Uplinks): string {
  const environment = Object.entries(uplinksEnv(lab)).map(([key, value]) => `export ${key}=${value}\n`);
  const providers = lab.spec.providers.map(({ name, source4, source6 }) => `${name} ${source4} ${source6}`);
  return `${environment.join('')}
${providers.slice(0, 12).join('\n')}
ssh -F ${lab.paths.sshConfig} relay1        (relay1-root for root)
npm run lab -- uplinks fault level3 size n=500
`;
}

async function exec(words: readonly string[]): Promise<void> {
  const [file = '', ...rest] = words;
  const child = spawn(file, rest, { stdio: 'inherit' });
  process.exitCode = await new Promise<number>((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 255));
  });
}
