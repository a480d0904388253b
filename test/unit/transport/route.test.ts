import { describe, expect, it, vi } from 'vitest';
import type { Host } from '../../../src/fleet/host.js';
import { systemClock } from '../../../src/lib/clock.js';
import { type CommandReport, openTransport } from '../../../src/transport/route.js';

const loaded = vi.hoisted(() => ({ ssh: false }));
vi.mock('../../../src/transport/ssh.js', (original) => {
  loaded.ssh = true;
  return original();
});

const here: Host = { name: 'here', transport: 'local', groups: [] };
const dead: Host = { name: '-dead', transport: 'ssh', groups: [] };
const look = { name: 'look', script: 'exit 3', args: [], readOnly: true, privileged: false, timeoutMs: 5000 };

describe('the transport of commands', () => {
  it('picks the way by the host, loads ssh for ssh only, and reports every command, those that failed too', async () => {
    const reports: CommandReport[] = [];
    const transport = openTransport({
      defaults: { ssh: { config: '/dev/null', connectTimeoutMs: 2000, controlPersistMs: 1000 } },
      sudoFor: () => false,
      clock: systemClock,
      env: { PATH: process.env.PATH },
      onCommand: (report) => reports.push(report),
    });
    expect((await transport.run(here, look)).status).toBe(3);
    expect(loaded.ssh).toBe(false);
    await expect(transport.run(dead, look)).rejects.toMatchObject({ code: 'transport.bad-host' });
    expect(loaded.ssh).toBe(true);
    await transport.close();
    expect(reports.map(({ host, command, outcome }) => [host, command, outcome])).toEqual([
      ['here', 'look', 3],
      ['-dead', 'look', 'transport.bad-host'],
    ]);
    expect(reports.every(({ tookMs }) => tookMs >= 0)).toBe(true);
  });
});
