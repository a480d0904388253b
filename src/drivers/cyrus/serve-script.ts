// Scripts that speak TCP from a host, by bash's /dev/tcp: whether an instance serves, as tried on its own host,
// and which ports of another host answer, as an observer sees them. They change nothing.
import { IMAP_TALK } from './imap-talk.js';
import { SCRIPT_HEAD } from './observe-script.js';

/**
 * Tries ports. In: lines of address US port US seconds. Out: the same with what was seen. `refused` is an answer
 * (the kernel there lives), `silent` is none;
 * `unknown` says nothing of the other host (its name is not known here).
 */
export const PORTS_SCRIPT = `${SCRIPT_HEAD}
command -v bash > /dev/null || { echo 'no bash on this host: /dev/tcp is its' >&2; exit 69; }
try() {
  said=$(timeout "$3" bash -c '
    exec 3<> "/dev/tcp/$1/$2" || exit 7
    IFS= read -r -t "$3" line <&3 && printf greeting || printf open' bash "$1" "$2" "$(($3 - 1))" 2>&1); status=$?
  case $said in
    *greeting) seen=greeting ;;
    *open) seen=open ;;
    *[Rr]efused*) seen=refused ;;
    *"o route to host"*|*"etwork is unreachable"*|*"timed out"*) seen=silent ;;
    *) if [ "$status" -eq 124 ]; then seen=silent; else seen=unknown; fi ;;
  esac
  o "$1" "$2" "$seen"
}
while IFS= read -r request; do
  IFS=$US; set -- $request
  try "$1" "$2" "$3" < /dev/null &
done
wait
`;

/**
 * Whether instances serve. In: first line user, second password, third base64 of the SASL PLAIN message (all
 * empty: no login is tried), then a line an instance: number US imap address US imap port US lmtp address US
 * lmtp port (port empty: it has no such service). Out: number US imap|lmtp|login US ok|failed|unverified US what was
 * said, and a last record `end`. The credentials are given on to bash by its stdin, never by its arguments.
 */
export const SERVE_SCRIPT = `${SCRIPT_HEAD}${String.raw`
command -v bash > /dev/null || { echo 'no bash on this host: /dev/tcp is its' >&2; exit 69; }
IFS= read -r user; IFS= read -r password; IFS= read -r plain
# One bash an instance: it tries IMAP, then LMTP. What it could not say before its time was over has failed.
item() {
  said=$(printf '%s\n%s\n%s\n' "$user" "$password" "$plain" | timeout 20 bash -c '
${IMAP_TALK}    # Opens 3; bash says why not on stderr, so that a second try is what tells it.
    knock() {
      { exec 3<> "/dev/tcp/$1/$2"; } 2> /dev/null && return
      refused=$( { : 3<> "/dev/tcp/$1/$2"; } 2>&1 ) || refused="\${refused##*: }"
      return 1
    }
    imap() {
      if [ "$3" = tls ]; then open_tls "$1" "$2" || return
      else knock "$1" "$2" || { say imap failed "$refused"; return; }; fi
      greeted || return
      [ -n "$user" ] || return
      log_in "$1" "$2"
      { printf "a2 LOGOUT\r\n" >&4; } 2> /dev/null
    }
    lmtp() {
      knock "$1" "$2" || { say lmtp failed "$refused"; return; }
      IFS= read -r -t 5 line <&3 || { say lmtp failed "no greeting in 5 s"; return; }
      case $line in 220*) ;; *) say lmtp failed "$line"; return ;; esac
      printf "LHLO mailctl\r\n" >&3
      while IFS= read -r -t 5 line <&3; do case $line in 250-*) ;; *) break ;; esac; done
      case $line in 250*) say lmtp ok ;; *) say lmtp failed "$line" ;; esac
      printf "QUIT\r\n" >&3
    }
    [ -z "$3" ] || imap "$2" "$3" "$6"
    [ -z "$5" ] || lmtp "$4" "$5"
  ' bash "$@" 2>&1)
  [ -z "$said" ] || printf '%s\n' "$said"
  for what in "imap$US$3" "lmtp$US$5"; do
    [ -n "\${what#*"$US"}" ] || continue
    what=\${what%%"$US"*}
    case $NL$said in *"$NL$1$US$what$US"*) ;; *) o "$1" "$what" failed 'no answer in 20 s' ;; esac
  done
  o "$1" end
}
while IFS= read -r request; do
  IFS=$US; set -- $request
  item "$1" "$2" "$3" "$4" "$5" "$6" < /dev/null &
done
wait
`.replaceAll('\\$', '$')}`;
