// What a slot, a host and an instance may be called. The names become words of commands, parts of paths and rows
// of tables, so what would be read as an option, a path or a separator there is refused where it comes in.

/** What is wrong with a slot's (or an instance's) name, to follow the name in a sentence; undefined: nothing. */
export function slotNameFault(name: string): string | undefined {
  if (/\//.test(name)) return 'must not hold a "/"';
  return wordFault(name);
}

/** The same for a host's name. */
export function hostNameFault(name: string): string | undefined {
  if (/[/,:]/.test(name)) return 'must not hold "/", "," or ":"';
  return wordFault(name);
}

/** The same for an instance's address. */
export function addressFault(address: string): string | undefined {
  if (/[/,]/.test(address)) return 'must not hold "/" or ","';
  return wordFault(address);
}

function wordFault(word: string): string | undefined {
  if (word === '') return 'must not be empty';
  if (/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u.test(word)) return 'holds a control character';
  if (/\s/u.test(word)) return 'must not hold blanks';
  if (/^[-.]/.test(word)) return `must not begin with "${word[0]}"`;
  return word.length > 200 ? 'is longer than 200 characters' : undefined;
}

/** A name from outside, quoted for a message: one line, short, no control characters. */
export function quoteName(name: string): string {
  const short = name.length > 60 ? `${name.slice(0, 57)}...` : name;
  return JSON.stringify(short).replace(
    /[\p{Cc}\p{Cf}]/gu,
    (char) => `\\u${(char.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}
