#!/bin/sh
# Installs packages into an overlay over the machine's root, and keeps what that adds as a tar file. Runs in a mount
# namespace of its own; takes the packages from apt's cache only. The machine's root is not written to.
# Arguments: the tar file, then the packages.
set -eu
image=$1; shift
mount -t tmpfs -o mode=755 mailctl-mta /mnt
mkdir /mnt/upper /mnt/work /mnt/root
root=/mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work "$root"
mount --bind /proc "$root/proc"
mount --bind /dev "$root/dev"
mount -t tmpfs tmp "$root/tmp"
mount -t tmpfs run "$root/run"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
# A mailname of the machine's would go into the configuration.
echo lab.example >"$root/etc/mailname"
DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get -y -q --no-download --no-install-recommends \
  -o Dpkg::Use-Pty=0 -o DPkg::Options::=--force-confnew install "$@" </dev/null
umount "$root/proc" "$root/dev" "$root/tmp" "$root/run" "$root"
cd /mnt/upper
rm -rf var/cache/apt var/cache/man var/lib/apt usr/share/doc usr/share/man usr/share/locale
tar --xattrs --xattrs-include='*' -cpf "$image.$$" .
mv "$image.$$" "$image"
