// Starts a relay on a host by what is there: perl, else python3, else nothing but the word that says so. The program
// is an argument; only frames go over stdin. $1 names the one to take, `any` the first that works.

import { quoteWord } from '../../transport/quote.js';
import { RELAY_PERL } from './relay-perl.js';
import { RELAY_PYTHON } from './relay-python.js';

/** The script. */
export const RELAY_SCRIPT = `
# What it calls itself in EHLO: as its mail server does, where there is one.
MAILCTL_NAME=
command -v postconf > /dev/null && MAILCTL_NAME=$(timeout 2 postconf -h myhostname 2>/dev/null)
[ -n "$MAILCTL_NAME" ] || { [ -r /etc/mailname ] && read -r MAILCTL_NAME < /etc/mailname; }
[ -n "$MAILCTL_NAME" ] || MAILCTL_NAME=$(uname -n)
export MAILCTL_NAME
if [ "$1" = any ] || [ "$1" = perl ]; then
  if perl -e 'use strict; use Socket (); use POSIX (); use Fcntl (); Socket::inet_pton(2, "127.0.0.1") or exit 1' 2>/dev/null; then
    exec perl -e ${quoteWord(RELAY_PERL)}
  fi
fi
if [ "$1" = any ] || [ "$1" = python3 ]; then
  if python3 -c 'import select, socket' 2>/dev/null; then
    exec python3 -u -c ${quoteWord(RELAY_PYTHON)}
  fi
fi
nc=no
if command -v nc > /dev/null; then
  nc=other
  case $(nc -h 2>&1) in *-s*source*|*-s*addr*) nc=source ;; esac
fi
p=0; command -v ping > /dev/null && p=1
i=0; command -v ip > /dev/null && i=1
printf 'H 1 none nc=%s ping=%s ip=%s name=%s\\n' "$nc" "$p" "$i" "$MAILCTL_NAME"
`;
