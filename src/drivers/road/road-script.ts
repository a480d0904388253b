// The script that tries a login through an IMAP frontend, and a recipient at an LMTP server, from the host it runs on,
// by bash's /dev/tcp. No mail is sent: after RCPT comes QUIT. Credentials come on stdin, never in arguments. A frontend
// that wants TLS for a password (port 993, or LOGINDISABLED) is spoken to by openssl, and its certificate must be good:
// the password leaves the host.

/**
 * In: a line a try: number US imap US host US port US base64 of SASL PLAIN US the words of LOGIN; or number US lmtp US
 * host US port US recipient. Out: number US ok|failed US what was said last.
 */
export const ROAD_SCRIPT = String.raw`
US=$(printf '\037')
command -v bash > /dev/null || { echo 'no bash on this host: /dev/tcp is its' >&2; exit 69; }
try() {
  said=$(printf '%s\n%s\n%s\n' "$2" "$5" "$6" | timeout 15 bash -c '
    IFS= read -r kind; IFS= read -r first; IFS= read -r second
    line= heard=
    say() { text="\${line//[[:cntrl:]]/ }"; printf "%s%s%s" "$1" "$3" "\${text:0:300}"; exit 0; }
    no() { line="\${2:-$line}"; say failed "" "$US"; }
    US=$(printf "\037")
    # What is no word of the protocol is of openssl, and tells why it ended.
    get() {
      IFS= read -r -t 5 line <&3 || no "" "\${heard:-no answer in 5 s}"
      case $heard:$line in "verify error"*|*:"* "*|*:"+"*|*:[0-9][0-9][0-9]" "*|*:[0-9][0-9][0-9]-*|*:*[!a-z]" OK"*) ;; *) heard=$line ;; esac
    }
    answer() { while get; do case $line in "$1 "*|"+"*) return ;; esac; done; }
    reply() { while get; do case $line in [0-9][0-9][0-9]-*) ;; *) return ;; esac; done; }
    tls() {
      local at="$1:$2" name="-verify_hostname"
      command -v openssl > /dev/null || no "" "logins only over TLS on port $2, and there is no openssl on this host to try one"
      case $1 in *:*) at="[$1]:$2" name="-verify_ip" ;; *[!0-9.]*) ;; *) name="-verify_ip" ;; esac
      set -- "$at" "$name" "$1" $3
      coproc TLS { exec openssl s_client -quiet -verify_return_error "$2" "$3" -servername "$3" -connect "$1" \${4:+-starttls "$4"} 2>&1; }
      trap "kill $TLS_PID 2> /dev/null" EXIT
      exec 3<&"\${TLS[0]}" 4>&"\${TLS[1]}"
    }
    greeting() { while get; do case $line in "* "*) break ;; esac; done; case $line in "* OK"*|"* PREAUTH"*) ;; *) no ;; esac; }
    if [ "$kind" = imap ]; then
      if [ "$2" = 993 ]; then tls "$1" "$2"; greeting
      else
        { exec 3<> "/dev/tcp/$1/$2"; } 2> /dev/null || no "" "no connection to $1 port $2"
        exec 4>&3
        greeting
        printf "a0 CAPABILITY\r\n" >&4; offers=
        while get; do case $line in "a0 "*) break ;; "* CAPABILITY"*) offers="\${line//[[:cntrl:]]/ } " ;; esac; done
        case $offers in *" LOGINDISABLED "*)
          case $offers in *" STARTTLS "*) ;; *) no "" "logins only over TLS on port $2, and no STARTTLS is offered there" ;; esac
          printf "a9 LOGOUT\r\n" >&4; exec 3<&- 4>&-
          tls "$1" "$2" imap ;;
        esac
      fi
      printf "a1 AUTHENTICATE PLAIN\r\n" >&4; answer a1
      case $line in "+"*) printf "%s\r\n" "$first" >&4; answer a1 ;; esac
      case $line in "a1 OK"*) ;; *)
        printf "a2 LOGIN %s\r\n" "$second" >&4; answer a2
        case $line in "a2 OK"*) ;; *) no ;; esac ;;
      esac
      printf "a3 LOGOUT\r\n" >&4
    else
      { exec 3<> "/dev/tcp/$1/$2"; } 2> /dev/null || no "" "no connection to $1 port $2"
      get; case $line in 220*) ;; *) no ;; esac
      printf "LHLO mailctl\r\n" >&3; reply; case $line in 250*) ;; *) no ;; esac
      printf "MAIL FROM:<>\r\n" >&3; reply; case $line in 250*) ;; *) no ;; esac
      printf "RCPT TO:<%s>\r\n" "$first" >&3; reply; case $line in 250*) ;; *) no ;; esac
      printf "RSET\r\nQUIT\r\n" >&3
    fi
    say ok "" "$US"
  ' bash "$3" "$4" 2> /dev/null)
  case $said in ok"$US"*|failed"$US"*) ;; *) said=failed\${US}'no answer in 15 s' ;; esac
  printf '%s%s%s\n' "$1" "$US" "$said"
}
while IFS= read -r request; do
  IFS=$US; set -f; set -- $request; IFS=' '
  try "$1" "$2" "$3" "$4" "$5" "$6" < /dev/null &
done
wait
`.replaceAll('\\$', '$');
