/**
 * A root that has no more than a bare Debian: over the machine's own root, every program that does not come with
 * the packages of priority required and important (and sshd) is hidden, and so is all of perl but perl-base.
 */
import fs from 'node:fs';
import path from 'node:path';
import { run } from '../run.js';

const folders = ['/usr/bin', '/usr/sbin', '/usr/local/bin', '/usr/local/sbin'];
const kept = ['openssh-server', 'openssh-client', 'iproute2', 'iputils-ping', 'perl-base'];
/** Of those priorities by their own word, but not in what debootstrap makes. */
const extra: readonly string[] = ['traceroute', 'nftables'];
/** Not on a bare Debian, or not the mail host's. */
const hidden = ['/usr/share/perl', '/usr/share/perl5', '/usr/lib/python3', '/usr/lib/python3.11', '/opt'];
const top = new Set(
  'bin boot dev etc home lib lib32 lib64 libx32 media mnt opt proc root run sbin srv sys tmp usr var'.split(
    ' ',
  ),
);

/** Writes the whiteouts below an overlay's `upper`. */
export async function hideTools(upper: string): Promise<void> {
  const listed = await run(['dpkg-query', '-W', '-f', `$${'{Priority}'} $${'{Package}'}\\n`]);
  const packages = listed.stdout
    .split('\n')
    .map((line) => line.split(' '))
    .filter(
      ([priority, name]) =>
        name &&
        !extra.includes(name) &&
        (priority === 'required' || priority === 'important' || kept.includes(name)),
    )
    .map(([, name]) => name ?? '');
  const files = await run(['dpkg-query', '-L', ...packages], { mayFail: true });
  const own = new Set(files.stdout.split('\n').map((file) => file.replace(/^\/(s?bin)\//, '/usr/$1/')));
  const gone: string[] = [];
  for (const folder of folders) {
    for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
      const file = path.join(folder, entry.name);
      if (!own.has(file) && !(entry.isSymbolicLink() && isAlternativeOf(file, own))) gone.push(file);
    }
  }
  const perl = fs.readdirSync('/usr/lib').filter((name) => fs.existsSync(`/usr/lib/${name}/perl-base`));
  for (const name of perl) gone.push(`/usr/lib/${name}/perl`, `/usr/lib/${name}/perl5`);
  gone.push(...hidden, ...fs.readdirSync('/').flatMap((name) => (top.has(name) ? [] : [`/${name}`])));
  const there = gone.filter((file) => fs.lstatSync(file, { throwIfNoEntry: false }) !== undefined);
  // A whiteout is a character device 0/0; one of them under all names is what the kernel does, too.
  const whiteout = path.join(upper, '..', 'whiteout');
  await run(['mknod', whiteout, 'c', '0', '0']);
  for (const file of there) {
    fs.mkdirSync(path.join(upper, path.dirname(file)), { recursive: true });
    fs.linkSync(whiteout, path.join(upper, file));
  }
}

function isAlternativeOf(file: string, own: ReadonlySet<string>): boolean {
  const target = fs.readlinkSync(file);
  if (!target.startsWith('/etc/alternatives/')) return false;
  try {
    return own.has(fs.readlinkSync(target).replace(/^\/(s?bin)\//, '/usr/$1/'));
  } catch {
    return false;
  }
}
