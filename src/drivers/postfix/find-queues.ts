// How a host is asked whether it has Postfix, and which of its instances have queues. Text only, since it is loaded
// wherever queues are looked for.

/** False where Postfix is not installed. */
export const NEEDS_POSTFIX = 'command -v postqueue';

/**
 * One line an instance (`postmulti`, 2.6 and later); the first is always called postfix, whatever its own name is. Without
 * postmulti there is one, and no process is started to learn it.
 */
export const FIND_POSTFIX = String.raw`command -v postqueue > /dev/null || exit 0
command -v postmulti > /dev/null || { echo postfix; exit 0; }
postmulti -l 2> /dev/null | {
  first=1
  while read -r name group enabled dir; do
    if [ -n "$first" ]; then echo postfix; first=; continue; fi
    [ "$name" != - ] || name=${'$'}{dir##*/}
    [ "$name" = postfix ] || printf '%s\n' "$name"
  done
  [ -z "$first" ] || echo postfix
}`;
