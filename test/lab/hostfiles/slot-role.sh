#!/bin/sh
# This site's tool for a slot's role: slot-role set INSTANCE master|replica|readonly, slot-role get INSTANCE.
set -eu
etc=/srv/mail/$2/etc
case $1 in
get) cat "$etc/role" ;;
set)
  for file in imap services; do
    cp -p "$etc/$file.$3.conf" "$etc/$file.conf.new"
    mv -f "$etc/$file.conf.new" "$etc/$file.conf"
  done
  echo "$3" >"$etc/role.new"
  mv -f "$etc/role.new" "$etc/role"
  ;;
*) exit 64 ;;
esac
