// The scripts that look, by a real sh on this machine: what they print of real files, processes, links and ports.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cyrusHost, freePort, isAlive } from '../../../support/cyrus-host.js';

const timeout = 60_000;

/** A TCP server that talks as `talk` says; gives its port. */
async function serverOf(talk: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    talk(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.2', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

describe('the observation', { timeout }, () => {
  it('sees a running master whole', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    on.startMaster(slot);
    writeFileSync(join(slot.conf, 'sync/log'), 'a\nb\nc\n');
    writeFileSync(join(slot.conf, 'sync/log-run'), 'd\n');
    mkdirSync(join(slot.conf, 'sync/quarantine'));
    writeFileSync(join(slot.conf, 'sync/quarantine/run.1'), 'x\ny\n');
    const seen = await on.look(slot);
    expect(seen).toMatchObject({
      slot: 'store1',
      host: 'imap21',
      running: true,
      started: true,
      role: 'master',
      configuredRole: 'master',
      logging: true,
      problem: null,
      channels: [{ channel: '', syncHost: 'imap22', pending: true, events: 4, clientAlive: true }],
      quarantined: { files: 1, events: 2 },
      lease: null,
      laneLines: [],
    });
    expect(Math.abs(seen.at - Date.now() / 1000)).toBeLessThan(30);
    expect(seen.freeBytes).toBeGreaterThan(0);
    expect(seen.services.map(({ name, kind, port, listening }) => [name, kind, port, listening])).toEqual([
      ['imap', 'imap', slot.ports.imap, true],
      ['lmtp', 'lmtp', slot.ports.lmtp, true],
    ]);
  });

  it('sees many instances in one trip, each by itself', async () => {
    const on = await cyrusHost();
    const slots = [await on.slot('a'), await on.slot('b'), await on.slot('c')];
    const pid = on.startMaster(slots[0] as (typeof slots)[0]);
    rmSync((slots[1] as (typeof slots)[0]).conf, { recursive: true });
    const states = await on.driver.observe(
      on.host,
      slots.map((slot) => slot.instance),
    );
    expect(states.map(({ slot, running }) => [slot, running])).toEqual([
      ['a', true],
      ['b', null],
      ['c', false],
    ]);
    expect(isAlive(pid)).toBe(true);
  });

  it('changes nothing', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    const list = () => execFileSync('find', [on.base, '-printf', '%p %s %T@ %C@\n'], { encoding: 'utf8' });
    await on.look(slot);
    const before = list();
    await on.look(slot);
    await on.driver.replicaFiles(on.host, [slot.instance]);
    expect(list()).toBe(before);
  });

  it('never fetches a password, not even one that goes on over a line', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    const file = join(slot.base, 'role.master/imapd.conf');
    writeFileSync(
      file,
      `${readFileSync(file, 'utf8')}imap22_sync_password: \\\n  swordfish\nsasl_passwd_check: auxprop\nSync_PASSWORD: open sesame\nsync_timeout: 60\n`,
    );
    const asked: string[] = [];
    const { transport } = on;
    const spied = {
      ...transport,
      run: async (...args: Parameters<typeof transport.run>) => {
        const result = await transport.run(...args);
        asked.push(result.stdout);
        return result;
      },
    };
    const { cyrusStore } = await import('../../../../src/drivers/cyrus/store.js');
    const { systemClock } = await import('../../../../src/lib/clock.js');
    await cyrusStore({ config: on.config, transport: spied, clock: systemClock }).observe(on.host, [
      slot.instance,
    ]);
    expect(asked.join('')).toContain('sync_timeout: 60');
    expect(asked.join('')).not.toMatch(/geheim|swordfish|sesame/);
  });

  it('follows @include, and not for ever', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    const file = join(slot.base, 'role.master/imapd.conf');
    const other = join(slot.base, 'included.conf');
    const quoted = join(slot.base, "it's $(id) here.conf");
    const fifo = join(slot.base, 'fifo');
    writeFileSync(
      file,
      `configdirectory: x\n@include: ${on.base}\n@include: ${fifo}\n@include: ${quoted}\n@include: ${other}\n@include: ${file}\n@include: /nowhere\n@include: /\n`,
    );
    writeFileSync(other, 'sync_log: yes\n');
    writeFileSync(quoted, 'sync_host: imap22\n');
    execFileSync('mkfifo', [fifo]);
    expect(await on.look(slot)).toMatchObject({ logging: true, channels: [{ syncHost: 'imap22' }] });
  });

  it.each([
    ['a directory', (path: string) => mkdirSync(path)],
    ['a fifo', (path: string) => void execFileSync('mkfifo', [path])],
    ['nothing', () => {}],
    [
      'binary',
      (path: string) => writeFileSync(path, Buffer.from([0, 1, 2, 0x1b, 0x5b, 0x1f, 0xff, 10, 0x1f])),
    ],
  ])('is not held up by a configuration file that is %s', async (_, make) => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    const file = join(slot.base, 'role.master/cyrus.conf');
    rmSync(file);
    make(file);
    expect(await on.look(slot)).toMatchObject({
      running: false,
      problem: expect.stringContaining('role.master/cyrus.conf'),
    });
  });

  it('takes no link, and no file of an attacker, for records of its own', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    const second = await on.slot('store2');
    const forged = `x\n1\u001fpid\u001f1\n1\u001forphans\u001f9\n-\u001ftime\u001f1\n1\u001fend`;
    rmSync(join(slot.base, 'role'));
    symlinkSync(forged, join(slot.base, 'role'));
    mkdirSync(join(slot.conf, `sync/a\n1\u001forphans\u001f7`));
    writeFileSync(join(slot.conf, `sync/a\n1\u001forphans\u001f7/log`), 'x\n');
    writeFileSync(slot.lease, forged);
    writeFileSync(slot.lane, `${forged}\n!end\u001f1\n!pid\u001f1\u001f1\n`);
    const [one, two] = await on.driver.observe(on.host, [slot.instance, second.instance]);
    expect(one).toMatchObject({ running: false, configuredRole: null });
    expect(one?.problem).not.toMatch(/\n/);
    expect(two).toMatchObject({ running: false, configuredRole: 'master', problem: null });
    expect(Math.abs((two?.at ?? 0) - Date.now() / 1000)).toBeLessThan(30);
  });

  it('does not read lease and lane through links to what only root may read', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    writeFileSync(join(on.base, 'secret'), 'token 1\nroot:$6$hash\n');
    symlinkSync(join(on.base, 'secret'), slot.lease);
    symlinkSync(join(on.base, 'secret'), slot.lane);
    expect(await on.look(slot)).toMatchObject({ lease: null, laneLines: [] });
  });

  it('gives the last two hundred lines of a long lane file', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    writeFileSync(slot.lane, Array.from({ length: 1000 }, (_, n) => `line ${n}\n`).join(''));
    const { laneLines } = await on.look(slot);
    expect(laneLines).toHaveLength(200);
    expect(laneLines.at(-1)).toBe('line 999');
  });

  it.each(['log', 'log-run', 'imap23/log-run'])('sees what waits in %s', async (name) => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    mkdirSync(join(slot.conf, 'sync/imap23'));
    writeFileSync(join(slot.conf, 'sync', name), 'a\nb\n');
    const { channels } = await on.look(slot);
    expect(channels.filter(({ pending }) => pending)).toMatchObject([
      { channel: name.startsWith('imap23') ? 'imap23' : '', events: 2 },
    ]);
  });

  it('asks a site’s command for the role, and waits for it only so long', async () => {
    const on = await cyrusHost((base) => ({
      role: { kind: 'command', set: ['true'], get: [join(base, 'bin/get'), '{instance}'] },
    }));
    writeFileSync(
      join(on.bin, 'get'),
      '#!/bin/sh\ncase $1 in good) echo replica ;; loud) printf "\\033[2Jmaster\\037\\n%s" x ;; slow) sleep 100 ;; *) exit 4 ;; esac\n',
      { mode: 0o755 },
    );
    const slots = [await on.slot('good'), await on.slot('loud'), await on.slot('bad'), await on.slot('slow')];
    const states = await on.driver.observe(
      on.host,
      slots.map((slot) => slot.instance),
    );
    expect(states.map(({ configuredRole }) => configuredRole)).toEqual(['replica', null, null, null]);
    expect(states[2]?.problem).toMatch(/role command: status 4/);
    expect(states[3]?.problem).toMatch(/role command: status 124/);
  });
});

describe('trying ports', { timeout }, () => {
  it('tells a greeting, silence of a speaker, refusal and a name that is not known', async () => {
    const on = await cyrusHost();
    const greets = await serverOf((socket) => void socket.write('* OK hello\r\n'));
    const mute = await serverOf(() => {});
    const closed = await freePort();
    const ports = [
      { address: '127.0.0.2', port: greets },
      { address: '127.0.0.2', port: mute },
      { address: '127.0.0.2', port: closed },
      { address: 'no-such-host.invalid', port: 143 },
      { address: '$(touch /dev/shm/mailctl-owned)', port: 143 },
    ];
    const seen = await on.driver.tryPorts(on.host, ports, 3);
    const of = (port: (typeof ports)[0] | undefined) =>
      seen.find((one) => one.address === port?.address && one.port === port?.port)?.seen;
    expect(ports.map(of)).toEqual(['greeting', 'open', 'refused', 'unknown', 'unknown']);
    expect(() => readFileSync('/dev/shm/mailctl-owned')).toThrow();
    expect(await on.driver.tryPorts(on.host, [], 3)).toEqual([]);
  });
});

describe('seeing an instance serve', { timeout }, () => {
  interface Imap {
    readonly greeting?: string;
    readonly caps?: string;
    readonly plain?: boolean;
    readonly login?: boolean;
  }
  /** A small IMAP server that knows one login, by AUTHENTICATE PLAIN or by literals. */
  function imapServer(
    { greeting = '* OK ready', caps = '', plain = true, login = true }: Imap,
    got: string[],
  ) {
    return serverOf((socket) => {
      socket.write(`${greeting}\r\n`);
      let text = '';
      socket.on('data', (data) => {
        text += data.toString('latin1');
        for (let at = text.indexOf('\r\n'); at >= 0; at = text.indexOf('\r\n')) {
          const line = text.slice(0, at);
          text = text.slice(at + 2);
          got.push(line);
          if (/CAPABILITY$/.test(line)) socket.write(`* CAPABILITY IMAP4rev1${caps}\r\na0 OK done\r\n`);
          else if (/AUTHENTICATE PLAIN$/.test(line)) socket.write(plain ? '+ \r\n' : 'a1 NO not here\r\n');
          else if (line === Buffer.from('\0probe\0p "w\\d').toString('base64')) socket.write('a1 OK in\r\n');
          else if (/\{\d+\}$/.test(line)) socket.write(login ? '+ go\r\n' : 'a1 NO \u001b[2Jbad\r\n');
          else if (line === 'p "w\\d') socket.write('a1 OK in\r\n');
          else if (/LOGOUT/.test(line)) socket.end('* BYE\r\n');
        }
      });
    });
  }
  const lmtpServer = (answer = '250-x\r\n250 PIPELINING\r\n') =>
    serverOf((socket) => {
      socket.write('220 lmtp\r\n');
      socket.on('data', (data) => {
        if (data.toString().startsWith('LHLO')) socket.write(answer);
      });
    });

  /** An instance whose cyrus.conf names other servers' ports; the driver knocks where the files say. */
  async function serving(imap: Imap, account?: { user: string; password: string }, lmtp?: string) {
    const on = await cyrusHost(undefined, account);
    const slot = await on.slot('store1');
    const got: string[] = [];
    const ports = { imap: await imapServer(imap, got), lmtp: await lmtpServer(lmtp) };
    const file = join(slot.base, 'role.master/cyrus.conf');
    writeFileSync(
      file,
      `SERVICES {\n imap cmd="imapd" listen="127.0.0.2:${ports.imap}"\n lmtp cmd="lmtpd" listen="127.0.0.2:${ports.lmtp}"\n}\n`,
    );
    // 127.0.0.2 is a loopback to the driver: the files are read as those of an instance on this address.
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll('127.0.0.2', 'localhost2'));
    return { on, slot, got };
  }

  it('is not asked of an instance without network ports', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    writeFileSync(join(slot.base, 'role.master/cyrus.conf'), 'SERVICES {\n}\n');
    await on.driver.observe(on.host, [slot.instance]);
    expect(await on.driver.serving(on.host, slot.instance)).toMatchObject({
      imap: 'none',
      lmtp: 'none',
      login: 'not-tried',
    });
  });

  it('runs the dialogue by a script', async () => {
    // The script by itself, since the driver leaves loopback ports out.
    const { SERVE_SCRIPT } = await import('../../../../src/drivers/cyrus/serve-script.js');
    const { parseServing } = await import('../../../../src/drivers/cyrus/store.js');
    const on = await cyrusHost();
    const ask = async (imap: Imap, account = true, lmtp?: string) => {
      const got: string[] = [];
      const [imapPort, lmtpPort] = [await imapServer(imap, got), await lmtpServer(lmtp)];
      const plain = Buffer.from('\0probe\0p "w\\d').toString('base64');
      const head = account ? `probe\np "w\\d\n${plain}\n` : '\n\n\n';
      const result = await on.run({
        script: SERVE_SCRIPT,
        stdin: `${head}${['0', '127.0.0.2', imapPort, '127.0.0.2', lmtpPort].join('\u001f')}\n`,
      });
      const records = result.stdout
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => line.split('\u001f').slice(1));
      return { seen: parseServing(records), got };
    };
    expect((await ask({})).seen).toEqual({ imap: 'ok', lmtp: 'ok', login: 'ok', detail: '' });
    expect((await ask({ plain: false })).seen).toMatchObject({ imap: 'ok', login: 'ok' });
    expect((await ask({}, false)).seen).toMatchObject({ imap: 'ok', login: 'not-tried' });
    const bad = await ask({ plain: false, login: false });
    expect(bad.seen).toMatchObject({ imap: 'ok', login: 'failed' });
    expect(bad.seen.detail).not.toMatch(/\u001b/);
    expect((await ask({ greeting: '* BYE too many' })).seen).toMatchObject({
      imap: 'failed',
      login: 'not-tried',
      detail: expect.stringMatching(/^imap: \* BYE too many/),
    });
    // No password goes where none is taken in the clear, and what could not be tried is not told as failed.
    for (const imap of [
      { caps: ' LOGINDISABLED' },
      { greeting: '* OK [CAPABILITY IMAP4rev1 LOGINDISABLED] here' },
    ]) {
      const { seen, got } = await ask(imap);
      expect(seen).toMatchObject({
        imap: 'ok',
        login: 'not-tried',
        unverified: expect.stringMatching(
          /^logins only over TLS on port \d+, and no STARTTLS is offered there$/,
        ),
      });
      expect(got.filter((line) => /AUTH|LOGIN/.test(line))).toEqual([]);
    }
    expect((await ask({ greeting: '* PREAUTH hi' }, false)).seen).toMatchObject({ imap: 'ok' });
    expect((await ask({}, false, '451 not now\r\n')).seen).toMatchObject({ imap: 'ok', lmtp: 'failed' });
  });

  it('fails where nobody listens', async () => {
    const { on, slot } = await serving({}, { user: 'probe', password: 'x' });
    await on.driver.observe(on.host, [slot.instance]);
    expect(await on.driver.serving(on.host, slot.instance)).toMatchObject({ imap: 'failed', lmtp: 'failed' });
  });

  it('shows no password to the process list', async () => {
    const { SERVE_SCRIPT } = await import('../../../../src/drivers/cyrus/serve-script.js');
    const on = await cyrusHost();
    const port = await serverOf((socket) => void setTimeout(() => socket.write('* OK late\r\n'), 700));
    const running = on.run({
      script: SERVE_SCRIPT,
      stdin: `probe\ns3cretword\nAHM=\n${['0', '127.0.0.2', port, '', ''].join('\u001f')}\n`,
    });
    let all = '';
    for (let n = 0; n < 6; n += 1) {
      all += execFileSync('ps', ['-e', '-ww', '-o', 'args='], { encoding: 'utf8' });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await running;
    expect(all).not.toContain('s3cretword');
  });
});

describe('what the files of a replica tell', { timeout }, () => {
  it('is the newest arrival and when it was applied', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    const box = join(slot.base, 'mail/a/user/ann');
    mkdirSync(box, { recursive: true });
    const now = Math.floor(Date.now() / 1000);
    for (const [name, ago] of [
      ['1.', 5000],
      ['2.', 40],
      ['cyrus.index', 0],
    ] as const) {
      writeFileSync(join(box, name), 'x');
      utimesSync(join(box, name), now - ago, now - ago);
    }
    // A message from the future, as APPEND can make one, is no arrival.
    writeFileSync(join(box, '3.'), 'x');
    utimesSync(join(box, '3.'), now + 90_000, now + 90_000);
    const [files] = await on.driver.replicaFiles(on.host, [slot.instance]);
    expect(files).toMatchObject({ slot: 'store1', newestArrival: now - 40, complete: true });
    expect(Math.abs((files?.newestApplied ?? 0) - now)).toBeLessThan(30);
  });

  it('is nothing without messages, partitions or a configuration', async () => {
    const on = await cyrusHost();
    const [empty, none, bare] = [await on.slot('empty'), await on.slot('none'), await on.slot('bare')];
    rmSync(join(none.base, 'role.replica/imapd.conf'));
    writeFileSync(join(bare.base, 'role.replica/imapd.conf'), 'configdirectory: x\n');
    const files = await on.driver.replicaFiles(
      on.host,
      [empty, none, bare].map((slot) => slot.instance),
    );
    expect(files.map(({ newestApplied, newestArrival }) => [newestApplied, newestArrival])).toEqual([
      [null, null],
      [null, null],
      [null, null],
    ]);
  });
});

describe('the list of mailboxes', { timeout }, () => {
  it('is ctl_mboxlist’s, long lines whole, with what it complained of', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    const entry = (name: string) => `"${name}": {"uniqueid": "u-${name}", "mbtype": ""}`;
    const long = `user.${'x'.repeat(20_000)}`;
    writeFileSync(join(slot.conf, 'boxes'), `{\n${entry('user.ann')},\n${entry(long)}\n}\n`);
    writeFileSync(
      join(on.bin, 'ctl_mboxlist'),
      `#!/bin/sh\ncase $2 in *store1/*) cat ${slot.conf}/boxes ;; *) echo 'cannot open mailbox list' >&2; exit 75 ;; esac\n`,
      { mode: 0o755 },
    );
    const boxes = await on.driver
      .mailboxes(on.host, slot.instance, 'master')
      .catch((error: unknown) => error);
    expect(boxes).toMatchObject([{ name: 'user.ann', uniqueId: 'u-user.ann' }, { name: long }]);
    const other = await on.slot('store2');
    await expect(on.driver.mailboxes(on.host, other.instance, 'replica')).rejects.toMatchObject({
      status: 75,
      stderr: expect.stringContaining('cannot open mailbox list'),
    });
  });
});

describe('the machinery', { timeout }, () => {
  it('leaves no process behind', async () => {
    const on = await cyrusHost();
    const slot = await on.slot('store1');
    await on.look(slot);
    await on.take(slot);
    const marker = on.base;
    const child = spawn('true');
    await new Promise((resolve) => child.once('exit', resolve));
    const left = execFileSync('ps', ['-e', '-ww', '-o', 'args='], { encoding: 'utf8' })
      .split('\n')
      .filter((line) => line.includes(marker));
    expect(left).toEqual([]);
  });
});
