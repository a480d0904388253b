#!/bin/sh
# First process of a lab host, in new mount, network, pid and uts namespaces. Makes the host's root (an overlay
# over the machine's, so that nothing of the machine's can be written), says its pid and "ready" on stdout, and
# becomes a process that does nothing but exist.
# Arguments: the marker by which `down` knows a lab host, the lab's folder, the host's name, the network namespace
# that the lab was made from.
set -eu
marker=$1 lab=$2 host=$3 network=$4
disk=$lab/disks/$host
root=$disk/mnt

# /proc is still the machine's: this is the pid that the machine knows us by.
read -r pid _ </proc/self/stat
echo "$pid" >"$lab/run/$host.pid"

hostname "$host"
mount -t overlay overlay -o "lowerdir=/,upperdir=$disk/upper,workdir=$disk/work" "$root"
mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
mount -t tmpfs -o mode=1777,nosuid,nodev tmp "$root/tmp"
mount -t tmpfs -o mode=755,nosuid,nodev run "$root/run"
mount -t tmpfs -o mode=755,nosuid dev "$root/dev"
mknod -m 666 "$root/dev/null" c 1 3
mknod -m 666 "$root/dev/zero" c 1 5
mknod -m 666 "$root/dev/full" c 1 7
mknod -m 666 "$root/dev/random" c 1 8
mknod -m 666 "$root/dev/urandom" c 1 9
mknod -m 666 "$root/dev/tty" c 5 0
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777,nosuid,nodev shm "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
# Not on the overlay: what survives a reboot lies on the disk itself, and birth times are those of the tmpfs.
# With what is mounted below it: a store may be on a file system of its own.
mount --rbind "$disk/srv" "$root/srv"
mount --bind "$disk/root" "$root/root"
if [ "$host" = mx1 ]; then
  mkdir -p "$root/srv/directory"
  mount --bind "$lab/directory" "$root/srv/directory"
fi

# All hosts share one kernel; a boot of its own is what a host is known by.
cat "$root/proc/sys/kernel/random/uuid" >"$root/run/boot_id"
mount --bind "$root/run/boot_id" "$root/proc/sys/kernel/random/boot_id"

cd "$root"
pivot_root . .
umount -l .
cd /

echo "ready $pid"
# Ignoring SIGCHLD makes the kernel reap whatever is orphaned to us.
exec /usr/bin/perl -e '$SIG{CHLD} = "IGNORE"; sleep while 1' "$marker" "$lab" "$host" "$network" \
  </dev/null >/dev/null 2>&1
