/** The lab itself, on a small one: every fault does what it says, and taking it down leaves nothing behind. */
import fs from 'node:fs';
import net from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeUnless } from '../support/unless.js';
import {
  configuredRole,
  count,
  crash,
  deliver,
  directoryOf,
  fail,
  flushMx,
  hang,
  hostAddress,
  hostNames,
  hostStates,
  inHost,
  initOf,
  instanceOf,
  type Lab,
  LabError,
  labPaths,
  lag,
  messagesOn,
  missingOnMasters,
  returnHost,
  run,
  runningRole,
  setDirectory,
  setRoleOnDisk,
  sleep,
  startDeliveries,
  syncLogs,
  takeDown,
  unlag,
  up,
  waitDelivered,
  waitingOnMx,
  waitUntil,
  whyNoLab,
} from './lab.js';
import { allPids, argvOf, hasEnded, processesOf } from './proc.js';

/** mx1's map of the directory answers from memory for half a second. */
const mapMemory = 600;
const reason = whyNoLab();

describeUnless(reason, 'the lab', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await up({ slots: 2, forTests: true });
  });
  afterAll(async () => {
    // Undefined when `up` refused: the lab that is there is somebody else's.
    if (lab !== undefined) await takeDown(lab.paths);
  });

  const ssh = (host: string, ...words: string[]) =>
    run(['ssh', '-F', lab.paths.sshConfig, '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=2', host, ...words], {
      mayFail: true,
    });

  test('every host is a machine of its own, with the limits of a plain sshd', async () => {
    const answers = await Promise.all(
      hostNames.map((host) => ssh(host, 'hostname; cat /proc/sys/kernel/random/boot_id; ls /root')),
    );
    expect(answers.map((answer) => answer.stdout.split('\n')[0])).toEqual(hostNames);
    expect(new Set(answers.map((answer) => answer.stdout.split('\n')[1])).size).toBe(hostNames.length);
    const { stdout } = await ssh('imap22', '/usr/sbin/sshd -T');
    expect(stdout).toMatch(/^maxsessions 10$/m);
    expect(stdout).toMatch(/^maxstartups 10:30:100$/m);
  });

  test('a host cannot write to the machine', async () => {
    await inHost(lab, 'imap21', ['sh', '-c', 'echo x > /etc/lab-was-here; echo x > /tmp/lab-was-here']);
    expect(fs.existsSync('/etc/lab-was-here')).toBe(false);
    expect(fs.existsSync('/tmp/lab-was-here')).toBe(false);
  });

  test('mail is delivered to the master and replicated', async () => {
    const accepted = await deliver(lab, 'store1', 'ann', 5);
    expect(await waitDelivered(lab, accepted)).toEqual([]);
    const ids = accepted.map((message) => message.id).sort();
    const replicated = await waitUntil(
      async () => (await count(lab, 'store1', 'ann', 'imap22')) === 5,
      10_000,
    );
    expect(replicated).toBe(true);
    expect((await messagesOn(lab, 'store1', 'ann', 'imap22')).sort()).toEqual(ids);
    expect(await messagesOn(lab, 'store2', 'ann', 'imap21')).toEqual([]);
  });

  test('a failed host is silent, but goes on', async () => {
    await fail(lab, 'imap22');
    expect(hostStates(lab, 'imap22')).toEqual(['failed']);
    expect((await ssh('imap22', 'true')).code).toBe(255);
    expect(await connection('imap22', 22)).toBe('silent');
    expect((await inHost(lab, 'imap22', ['hostname'])).stdout).toBe('imap22');
    await returnHost(lab, 'imap22');
    expect((await ssh('imap22', 'true')).code).toBe(0);
  });

  test('a hung host accepts and never answers', async () => {
    const { imapPort } = instanceOf(lab, 'store1', 'imap21');
    await hang(lab, 'imap21');
    expect(hostStates(lab, 'imap21')).toEqual(['hung']);
    expect(await connection('imap21', 22)).toBe('accepted');
    expect(await connection('imap21', imapPort)).toBe('accepted');
    const tried = await ssh('imap21', 'true');
    expect(tried.stderr).toContain('banner exchange');
    await returnHost(lab, 'imap21');
    expect(await connection('imap21', imapPort)).toBe('greeted');
    expect((await ssh('imap21', 'true')).code).toBe(0);
  });

  test('a hung sshd leaves IMAP serving', async () => {
    await hang(lab, 'imap21', { sshdOnly: true });
    expect(hostStates(lab, 'imap21')).toEqual(['sshd hung']);
    expect(await connection('imap21', 22)).toBe('accepted');
    expect(await connection('imap21', instanceOf(lab, 'store1', 'imap21').imapPort)).toBe('greeted');
    await returnHost(lab, 'imap21');
    expect(await connection('imap21', 22)).toBe('greeted');
  });

  test('a lagging slot serves, and its log says since when', async () => {
    const master = instanceOf(lab, 'store1', 'imap21');
    const began = Date.now() / 1000 - 1;
    await lag(lab, 'store1', { messages: 2, user: 'ben' });
    const [first] = syncLogs(lab, master);
    expect(first?.lines).toBe(4);
    expect(first?.birth).toBeGreaterThan(began);
    const more = await deliver(lab, 'store1', 'ben', 1);
    expect(await waitDelivered(lab, more)).toEqual([]);
    const [second] = syncLogs(lab, master);
    expect(second?.lines).toBe(6);
    expect(second?.birth).toBe(first?.birth);
    expect(await count(lab, 'store1', 'ben', 'imap22')).toBe(0);
    const { stdout } = await ssh('imap21', `stat -c %W ${master.configDir}/sync/log`);
    expect(Number(stdout)).toBe(Math.floor(first?.birth ?? 0));

    await unlag(lab, 'store1');
    expect(await waitUntil(async () => (await count(lab, 'store1', 'ben', 'imap22')) === 3, 10_000)).toBe(
      true,
    );
    expect(syncLogs(lab, master)).toEqual([]);
  });

  test('mail for a slot that moves waits on mx1', async () => {
    await setDirectory(lab, 'store2', { state: 'readonly:imap23' });
    expect((await directoryOf(lab)).get('store2')).toMatchObject({ master: 'imap21', version: 2 });
    await sleep(mapMemory);
    // Two users: Postfix keeps the last answer for 30 s unless it asked for another recipient since.
    const accepted = [
      ...(await deliver(lab, 'store2', 'ben', 1)),
      ...(await deliver(lab, 'store2', 'carl', 1)),
    ];
    expect(await waitUntil(async () => (await waitingOnMx(lab)) === 2, 5_000)).toBe(true);
    expect(await missingOnMasters(lab, accepted)).toEqual(accepted);
    await setDirectory(lab, 'store2', { state: 'normal' });
    await sleep(mapMemory);
    await flushMx(lab);
    expect(await waitDelivered(lab, accepted)).toEqual([]);
  });

  test('after a crash and a power cycle slots start as configured; delivery follows the directory', async () => {
    const [old, now] = [instanceOf(lab, 'store1', 'imap21'), instanceOf(lab, 'store1', 'imap22')];
    const boot = (await ssh('imap21', 'cat /proc/sys/kernel/random/boot_id')).stdout;
    const stream = startDeliveries(lab, { slots: ['store1'], perSecond: 20 });
    expect(await crash(lab, 'store1')).toBe('imap21');
    expect(runningRole(lab, old)).toBe('stopped');

    setRoleOnDisk(lab, old, 'replica');
    setRoleOnDisk(lab, now, 'master');
    await Promise.all([returnHost(lab, 'imap21', { boot: true }), returnHost(lab, 'imap22', { boot: true })]);
    expect((await ssh('imap21', 'cat /proc/sys/kernel/random/boot_id')).stdout).not.toBe(boot);
    expect([configuredRole(lab, old), runningRole(lab, old)]).toEqual(['replica', 'replica']);
    expect(runningRole(lab, now)).toBe('master');
    expect(runningRole(lab, instanceOf(lab, 'store2', 'imap21'))).toBe('master');

    await setDirectory(lab, 'store1', { master: 'imap22' });
    await sleep(mapMemory);
    await flushMx(lab);
    const accepted = await stream.stop();
    expect(accepted.length).toBeGreaterThan(10);
    // What imap21 acknowledged before the crash, and had replicated, counts; so does all that waited.
    const onOld = await Promise.all(
      ['ann', 'ben', 'carl'].map((user) => messagesOn(lab, 'store1', user, 'imap21')),
    );
    const missing = await waitDelivered(lab, accepted);
    expect(missing.filter((message) => !onOld.flat().includes(message.id))).toEqual([]);
    // And back: the new master replicates to the old one.
    const [last] = await deliver(lab, 'store1', 'ann', 1);
    const back = async () => (await messagesOn(lab, 'store1', 'ann', 'imap21')).includes(last?.id ?? '');
    expect(await waitUntil(back, 15_000, 100)).toBe(true);
  });

  test('there is only one lab, and what is not there is said clearly', async () => {
    await expect(up({ slots: 1 })).rejects.toThrow(/is up already/);
    await expect(crash(lab, 'store9')).rejects.toThrow(LabError);
    await expect(lag(lab, 'store2', { user: 'nobody' })).rejects.toThrow(LabError);
  });

  test('down leaves nothing behind, also no connection of a test', async () => {
    const control = `${lab.paths.dir}/control`;
    const master = ['-M', '-S', control, '-o', 'ControlPersist=yes', '-f', '-N'];
    await run(['ssh', '-F', lab.paths.sshConfig, ...master, 'imap22']);
    const pids = hostNames.flatMap((host) => {
      const init = initOf(lab.paths, host) ?? 0;
      return [init, ...processesOf(init).map((one) => one.pid)];
    });
    expect(pids.length).toBeGreaterThan(20);
    expect(await takeDown(lab.paths)).toBe(true);
    expect(pids.filter((pid) => !hasEnded(pid))).toEqual([]);
    expect(traces()).toEqual([]);
    expect(await takeDown(lab.paths)).toBe(false);
  });
});

describeUnless(reason, 'the lab in its second layout, two replicas', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await up({ slots: 2, replicas: 2, layout: 'addresses', forTests: true });
  });
  afterAll(async () => {
    if (lab !== undefined) await takeDown(lab.paths);
  });

  test('everything is called differently, and privileged words need sudo', async () => {
    const ssh = ['ssh', '-F', lab.paths.sshConfig, '-o', 'BatchMode=yes', 'imap22'];
    expect((await run([...ssh, 'id -un; sudo -n id -un'])).stdout).toBe('ops\nroot');
    expect((await run([...ssh, 'cat /srv/mail/t01b/etc/imap.conf'], { mayFail: true })).code).toBe(1);
    expect((await run([...ssh, 'sudo -n /usr/local/sbin/slot-role get t01b'])).stdout).toBe('replica');
  });

  test('mail gets to the master and to both replicas; a lagging slot holds it back from both', async () => {
    const first = await deliver(lab, 'store1', 'ann', 2);
    expect(await waitDelivered(lab, first)).toEqual([]);
    const onReplicas = () =>
      Promise.all(['imap22', 'imap23'].map((host) => count(lab, 'store1', 'ann', host)));
    expect(await waitUntil(async () => (await onReplicas()).every((n) => n === 2), 10_000, 100)).toBe(true);
    await lag(lab, 'store1', { messages: 1 });
    expect(syncLogs(lab, instanceOf(lab, 'store1', 'imap21')).map((log) => log.lines)).toEqual([2, 2]);
    expect(await onReplicas()).toEqual([2, 2]);
    await unlag(lab, 'store1');
    expect(await waitUntil(async () => (await onReplicas()).every((n) => n === 3), 10_000, 100)).toBe(true);
  });

  test('the site tools swap a role, start and stop; a power cycle starts what is configured', async () => {
    const instance = instanceOf(lab, 'store2', 'imap23');
    const tool = (...words: string[]) => inHost(lab, 'imap23', words);
    await tool('slot-ctl', 'stop', instance.name);
    expect(runningRole(lab, instance)).toBe('stopped');
    await tool('slot-ctl', 'stop', instance.name);
    await tool('slot-role', 'set', instance.name, 'master');
    expect(configuredRole(lab, instance)).toBe('master');
    await tool('slot-ctl', 'start', instance.name);
    expect(await waitUntil(() => runningRole(lab, instance) === 'master', 5_000)).toBe(true);
    await tool('slot-role', 'set', instance.name, 'replica');
    await returnHost(lab, 'imap23', { boot: true });
    expect(runningRole(lab, instance)).toBe('replica');
  });
});

/** What a connection to a host does within a second. */
function connection(
  host: keyof typeof hostAddress,
  port: number,
): Promise<'greeted' | 'accepted' | 'silent' | 'refused'> {
  return new Promise((resolve) => {
    let accepted = false;
    const socket = net.connect({ host: hostAddress[host], port });
    const end = (answer: 'greeted' | 'accepted' | 'silent' | 'refused') => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('connect', () => {
      accepted = true;
    });
    socket.on('data', () => end('greeted'));
    socket.on('error', () => end('refused'));
    setTimeout(() => end(accepted ? 'accepted' : 'silent'), 1000);
  });
}

/** What a lab could leave on the machine: devices, mounts, processes that name its folder, the folder. */
function traces(): string[] {
  const { dir } = labPaths();
  const devices = fs.readFileSync('/proc/self/net/dev', 'latin1').matchAll(/^ *(mclab[^:]*):/gm);
  const mounts = fs.readFileSync('/proc/self/mounts', 'utf8').split('\n');
  const processes = allPids().map((pid) => argvOf(pid).join(' '));
  return [
    ...[...devices].map((match) => `device ${match[1]}`),
    ...mounts.filter((line) => line.includes(dir)),
    ...processes.filter((line) => line.includes(`${dir}/`)),
    ...(fs.existsSync(dir) ? [dir] : []),
  ];
}
