// Scripts of the canary: one delivers a small message by LMTP on the master's own host, one looks for the newest of
// them in the probe mailbox's files (mbpath, the spool), one takes old ones out by IMAP. The stamp is the master
// host's clock, so that it can be compared with the births of its logs.
import { IMAP_TALK } from './imap-talk.js';
import { SCRIPT_HEAD } from './observe-script.js';

/** The header that marks one. */
export const CANARY_HEADER = 'X-Mailctl-Canary';
/** So many of the newest stay. */
const KEEP = 60;

/**
 * In: a line an instance: number US slot US user US lmtp address US lmtp port. Out: number US sent US stamp, or
 * number US failed US what was said.
 */
export const CANARY_SEND_SCRIPT = `${SCRIPT_HEAD}${String.raw`
command -v bash > /dev/null || { echo 'no bash on this host: /dev/tcp is its' >&2; exit 69; }
item() {
  said=$(timeout 20 bash -c '
    slot=$1 user=$2 cr=$(printf "\r")
    fail() { local text="\${1//[[:cntrl:]]/ }"; printf "failed\037%s\n" "\${text:0:200}"; exit; }
    say() { printf "%s\r\n" "$1" >&3; }
    hear() {
      while IFS= read -r -t 5 line <&3; do case $line in [0-9][0-9][0-9]-*) ;; *) break ;; esac; done
      case $line in "$1"*) ;; *) fail "\${line:-no answer in 5 s}" ;; esac
    }
    { exec 3<> "/dev/tcp/$3/$4"; } 2> /dev/null || fail "LMTP does not answer"
    hear 220; say "LHLO mailctl"; hear 250
    say "MAIL FROM:<>"; hear 250
    say "RCPT TO:<$user>"; hear 250
    say DATA; hear 354
    stamp=$(date +%s)
    say "${CANARY_HEADER}: $stamp"
    say "Message-ID: <mailctl-canary.$stamp.$$@$slot.invalid>"
    say "Date: $(LC_ALL=C date -R)"
    say "From: mailctl <mailctl@invalid>"
    say "Subject: mailctl canary $stamp"
    say "Auto-Submitted: auto-generated"
    say ""
    say "A probe of replication; it may be deleted at any time."
    say .; hear 250
    printf "sent\037%s\n" "$stamp"
    say QUIT' bash "$2" "$3" "$4" "$5" 2> /dev/null)
  printf '%s\037%s\n' "$1" "\${said:-failed\${US}no answer in 20 s}"
}
while IFS= read -r request; do
  IFS=$US; set -- $request
  item "$1" "$2" "$3" "$4" "$5" < /dev/null &
done
wait
`.replaceAll('\\$', '$')}`;

/**
 * In: a line an instance: number US imapd.conf US user. Out: number US found US newest stamp or nothing US messages
 * US UID below which messages are old, or nothing; or number US failed US why.
 */
export const CANARY_FIND_SCRIPT = `${SCRIPT_HEAD}${String.raw`
item() (
  i=$1 conf=$2 user=$3
  [ -r "$conf" ] || { o "$i" failed "cannot read $conf"; exit; }
  # -u is there from 3.2 on; before, by the mailbox's name, with the separator that the site has.
  for word in "-u:$user" ":user/$user" ":user.$user"; do
    option=\${word%%:*}
    dir=$(timeout 10 mbpath -C "$conf" $option "\${word#*:}" 2> /dev/null < /dev/null | head -n 1)
    case $dir in /*) [ -d "$dir" ] && break ;; esac
    dir=
  done
  [ -n "$dir" ] || { o "$i" failed "there is no mailbox of $user"; exit; }
  files=$(find "$dir" -maxdepth 1 -type f -name '[0-9]*.' -printf '%f\n' 2> /dev/null | sort -rn)
  count=$(printf '%s' "$files" | grep -c .)
  old=$(printf '%s\n' "$files" | sed -n '${KEEP}{s/\.$//;p;}')
  newest=$(cd "$dir" && printf '%s\n' "$files" | head -n 12 | while IFS= read -r f; do
    [ -n "$f" ] && head -c 4000 < "$f" 2> /dev/null | tr -d '\r\000' | sed -n 's/^${CANARY_HEADER}: \([0-9]\{9,11\}\)$/\1/p' | head -n 1
  done | sort -rn | head -n 1)
  o "$i" found "$newest" "$count" "$old"
)
while IFS= read -r request; do
  IFS=$US; set -- $request
  item "$@" < /dev/null &
done
wait
`.replaceAll('\\$', '$')}`;

/**
 * In: base64 of the SASL PLAIN message, then a line an instance: number US imap address US imap port US UID below
 * which canaries go. Out: number US ok, or number US failed US what was said. Only what carries the header is
 * deleted. The credentials go to bash by its stdin, never by its arguments.
 */
export const CANARY_CLEAN_SCRIPT = `${SCRIPT_HEAD}${String.raw`
command -v bash > /dev/null || { echo 'no bash on this host: /dev/tcp is its' >&2; exit 69; }
IFS= read -r plain
item() {
  said=$(printf '\n\n%s\n' "$plain" | timeout 40 bash -c '
${IMAP_TALK}    fail() { local text="\${1//[[:cntrl:]]/ }"; printf "failed\037%s\n" "\${text:0:200}"; exit; }
    say() { [ "$2" = ok ] || fail "$3"; }
    tell() { printf "%s\r\n" "$1" >&4; }
    hear() {
      found=
      while IFS= read -r -t 10 line <&3; do
        case $line in
          "$1 OK"*) return ;;
          [a-f]" "*) fail "$line" ;;
          "* SEARCH"*) found=\${line#"* SEARCH"} ;;
        esac
      done
      fail "no answer in 10 s"
    }
    { exec 3<> "/dev/tcp/$1/$2"; } 2> /dev/null || fail "IMAP does not answer"
    greeted; log_in "$1" "$2"
    tell "b SELECT INBOX"; hear b
    tell "c UID SEARCH UID 1:$3 HEADER ${CANARY_HEADER} \"\""; hear c
    set=
    for uid in \${found//[^0-9 ]/}; do set=$set,$uid; done
    [ -n "$set" ] || { printf "ok\n"; exit; }
    tell "d UID STORE \${set#,} +FLAGS.SILENT (\\Deleted)"; hear d
    tell "e UID EXPUNGE \${set#,}"; hear e
    tell "f LOGOUT"
    printf "ok\n"' bash "$2" "$3" "$4" 2> /dev/null)
  printf '%s\037%s\n' "$1" "\${said:-failed\${US}no answer in 40 s}"
}
while IFS= read -r request; do
  IFS=$US; set -- $request
  item "$1" "$2" "$3" "$4" < /dev/null &
done
wait
`.replaceAll('\\$', '$')}`;
