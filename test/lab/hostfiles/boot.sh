#!/bin/sh
# Boots a lab host's services, as init would: /run starts empty, then syslog, sshd, and what the host is for.
mkdir -p /run/sshd /run/cyrus
chown cyrus:mail /run/cyrus
chmod 755 /run/sshd /run/cyrus
/usr/bin/perl /usr/local/lib/lab/syslog.pl
/usr/sbin/sshd </dev/null >/dev/null 2>&1 || exit 1
if [ -x /usr/local/sbin/lab-services ]; then exec /usr/local/sbin/lab-services </dev/null >/dev/null; fi
