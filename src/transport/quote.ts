// The one place that quotes for a shell. OpenSSH joins its arguments with blanks and hands the line to the login
// shell of the other side, so that whatever is not quoted here is run there. Single quotes as in POSIX.1-2017,
// XCU 2.2.2: nothing between them is special but the quote itself. Rests on a POSIX-like login shell.

/** One word, taken literally by a POSIX shell. Throws a TypeError on NUL, which no argument can carry. */
export function quoteWord(word: string): string {
  // A broken invariant: whoever takes words from outside refuses NUL before.
  if (word.includes('\0')) throw new TypeError('an argument holds a NUL byte');
  return `'${word.replaceAll("'", "'\\''")}'`;
}

/** Words as one line of shell; words that need no quotes stay readable, since people paste what we print. */
export function quoteWords(words: readonly string[]): string {
  // A first word with `=` would be an assignment.
  const isPlain = (word: string, index: number) =>
    (index === 0 ? /^[\w@%+:,./-]+$/ : /^[\w@%+:,./=-]+$/).test(word);
  return words.map((word, index) => (isPlain(word, index) ? word : quoteWord(word))).join(' ');
}

/**
 * A line for ssh's ProxyCommand: ssh expands `%` in it before the shell sees it. `%h` and `%p` are wanted only in
 * words given as `tokens`.
 */
export function quoteProxyCommand(words: readonly string[], tokens: readonly string[] = []): string {
  return words.map((word) => quoteWord(tokens.includes(word) ? word : word.replaceAll('%', '%%'))).join(' ');
}
