// What the scripts that speak IMAP from a host share: bash functions to be put into a `bash -c '...'`, so without a
// single quote. Credentials come by stdin, never by arguments; the connection is descriptor 3, opened by the caller.

/**
 * Reads user, password and the SASL PLAIN message from stdin; then `say WHAT HOW TEXT` prints a record of instance
 * $i, `answer TAG` reads into $line until that answer or a continuation, `greeted` reads the greeting, `open_tls ADDRESS
 * PORT` connects where TLS is spoken from the first byte, and `log_in ADDRESS PORT` logs in, by AUTHENTICATE or, where
 * the server will have none of it, by LOGIN. What is sent goes to descriptor 4: where the server wants TLS for a password
 * and offers it, log_in goes on over openssl's (RFC 9051, 6.2.1).
 * Whose certificate that is says nothing here: the connection does not leave the host. A login that cannot be tried is
 * `login unverified`.
 */
export const IMAP_TALK = String.raw`
    IFS= read -r user; IFS= read -r password; IFS= read -r plain
    i=$1 offers= TLS_PID=
    say() {
      local text="\${3//[[:cntrl:]]/ }"
      printf "%s\037%s\037%s\037%s\n" "$i" "$1" "$2" "\${text:0:300}"
    }
    answer() {
      local seen=
      while IFS= read -r -t 5 line <&3; do
        case $line in "$1 "*|"+"*) return 0 ;; "* CAPABILITY "*) offers=$line ;; ?*) seen=$line ;; esac
      done
      line="\${seen:-no answer in 5 s}"; return 1
    }
    greeted() {
      [ -n "$TLS_PID" ] || exec 4>&3
      local seen=
      while IFS= read -r -t 5 line <&3 || { say imap failed "\${seen:-no greeting in 5 s}"; return 1; }; do
        # What comes before it is said by openssl.
        case $line in "* "*) break ;; *) [ -n "$TLS_PID" ] || break; seen=$line ;; esac
      done
      case $line in "* OK"*|"* PREAUTH"*) say imap ok ;; *) say imap failed "$line"; return 1 ;; esac
      case $line in *"[CAPABILITY "*) offers="\${line%%]*}" ;; esac
    }
    # Descriptors 3 and 4 by TLS: from the first byte, or by STARTTLS ($3: imap).
    tls() {
      local at="$1:$2"
      case $1 in *:*) at="[$1]:$2" ;; esac
      coproc TLS { exec openssl s_client -quiet -connect "$at" \${3:+-starttls "$3"} 2>&1; }
      trap "kill $TLS_PID 2> /dev/null" EXIT
      exec 3<&"\${TLS[0]}" 4>&"\${TLS[1]}"
    }
    no_openssl() {
      command -v openssl > /dev/null && return 1
      [ -z "$user$plain" ] || say login unverified "logins only over TLS on port $1, and there is no openssl on this host to try one"
      return 0
    }
    over_tls() {
      case " $offers " in *[Ss][Tt][Aa][Rr][Tt][Tt][Ll][Ss]*) ;;
        *) say login unverified "logins only over TLS on port $2, and no STARTTLS is offered there"; return 1 ;;
      esac
      no_openssl "$2" && return 1
      printf "a0 LOGOUT\r\n" >&4; exec 3<&- 4>&-
      tls "$1" "$2" imap
    }
    # Connects to a port that speaks TLS from the first byte; without openssl all that is seen is that it takes connections.
    open_tls() {
      { exec 3<> "/dev/tcp/$1/$2"; } 2> /dev/null || { say imap failed "port $2 does not answer"; return 1; }
      exec 3<&-
      if no_openssl "$2"; then say imap ok; return 1; fi
      tls "$1" "$2"
    }
    log_in() {
      [ -n "$offers" ] || { printf "a0 CAPABILITY\r\n" >&4; answer a0 || { say login failed "$line"; return 1; }; }
      [ -n "$TLS_PID" ] || case "\${offers//[[:cntrl:]]/ } " in *" LOGINDISABLED "*) over_tls "$1" "$2" || return 1 ;; esac
      printf "a1 AUTHENTICATE PLAIN\r\n" >&4
      answer a1
      case $line in
        "+"*) printf "%s\r\n" "$plain" >&4; answer a1 ;;
        "a1 "*)
          printf "a1 LOGIN {%d}\r\n" "\${#user}" >&4; answer a1
          case $line in "+"*)
            printf "%s {%d}\r\n" "$user" "\${#password}" >&4; answer a1
            case $line in "+"*) printf "%s\r\n" "$password" >&4; answer a1 ;; esac ;;
          esac ;;
      esac
      case $line in "a1 OK"*) say login ok ;; *) say login failed "$line"; return 1 ;; esac
    }
`.replaceAll('\\$', '$');
