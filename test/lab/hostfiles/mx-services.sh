#!/bin/sh
# Starts what an MX runs: the map that asks the directory, then Postfix.
/usr/bin/perl /usr/local/lib/lab/route.pl || exit 1
exec /usr/sbin/postfix start >/dev/null 2>&1
