#!/bin/sh
# This site's tool to start and stop a slot: slot-ctl start|stop INSTANCE. Both are safe to repeat.
set -eu
verb=$1 name=$2
etc=/srv/mail/$name/etc
pidfile=/run/mail/$name/master.pid

# The pid of the slot's master; fails when it does not run.
running() {
  [ -s "$pidfile" ] || return 1
  read -r pid <"$pidfile"
  [ -r "/proc/$pid/cmdline" ] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF " $etc/imap.conf "
}

case $verb in
start)
  if running; then exit 0; fi
  mkdir -p "/run/mail/$name"
  chown cyrus:mail "/run/mail/$name"
  /usr/sbin/cyrmaster -C "$etc/imap.conf" -M "$etc/services.conf" -p "$pidfile" -d </dev/null >/dev/null 2>&1
  ;;
stop)
  running || exit 0
  kill -QUIT "$pid"
  tries=150
  while [ -d "/proc/$pid" ] && [ "$tries" -gt 0 ]; do
    sleep 0.1
    tries=$((tries - 1))
  done
  [ -d "/proc/$pid" ] || exit 0
  # With "--": Debian 12's kill takes a bare -PID for something else.
  kill -KILL -- "-$pid"
  ;;
*) exit 64 ;;
esac
