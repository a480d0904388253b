// What the scripts that speak IMAP from a host share: bash functions to be put into a `bash -c '...'`, so without a
// single quote. Credentials come by stdin, never by arguments; the connection is descriptor 3.

/**
 * Reads user, password and the SASL PLAIN message from stdin; then `say WHAT HOW TEXT` prints a record of instance
 * $i, `answer TAG` reads into $line until that answer or a continuation, `greeted` reads the greeting, and `log_in`
 * logs in, by AUTHENTICATE or, where the server will have none of it, by LOGIN.
 */
export const IMAP_TALK = String.raw`
    IFS= read -r user; IFS= read -r password; IFS= read -r plain
    i=$1
    say() {
      local text="\${3//[[:cntrl:]]/ }"
      printf "%s\037%s\037%s\037%s\n" "$i" "$1" "$2" "\${text:0:300}"
    }
    answer() {
      while IFS= read -r -t 5 line <&3; do
        case $line in "$1 "*|"+"*) return 0 ;; esac
      done
      line="no answer in 5 s"; return 1
    }
    greeted() {
      IFS= read -r -t 5 line <&3 || { say imap failed "no greeting in 5 s"; return 1; }
      case $line in "* OK"*|"* PREAUTH"*) say imap ok ;; *) say imap failed "$line"; return 1 ;; esac
    }
    log_in() {
      printf "a1 AUTHENTICATE PLAIN\r\n" >&3
      answer a1
      case $line in
        "+"*) printf "%s\r\n" "$plain" >&3; answer a1 ;;
        "a1 "*)
          printf "a1 LOGIN {%d}\r\n" "\${#user}" >&3; answer a1
          case $line in "+"*)
            printf "%s {%d}\r\n" "$user" "\${#password}" >&3; answer a1
            case $line in "+"*) printf "%s\r\n" "$password" >&3; answer a1 ;; esac ;;
          esac ;;
      esac
      case $line in "a1 OK"*) say login ok ;; *) say login failed "$line"; return 1 ;; esac
    }
`.replaceAll('\\$', '$');
