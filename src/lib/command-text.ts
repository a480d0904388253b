// Words as one line that an operator can read and paste into a shell. For showing only: what is sent to a host
// is quoted by transport/quote.ts.

/** Quotes the words that need it; control characters become $'...' so that the line stays one line. */
export function formatCommand(words: readonly string[]): string {
  return words.map(formatWord).join(' ');
}

function formatWord(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  if (/[\p{Cc}\p{Cf}]/u.test(word)) {
    const inner = [...word].map((character) => {
      if (character === "'" || character === '\\') return `\\${character}`;
      if (!/[\p{Cc}\p{Cf}]/u.test(character)) return character;
      return [...new TextEncoder().encode(character)]
        .map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`)
        .join('');
    });
    return `$'${inner.join('')}'`;
  }
  return `'${word.replaceAll("'", "'\\''")}'`;
}
