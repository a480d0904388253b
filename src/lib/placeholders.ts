// `{slot}`-like placeholders in words that a site configures. They are filled in word by word, never through a
// shell. Braces that are no placeholder (`{print $1}`) are left as they are.

const PLACEHOLDER = /\{([A-Za-z_][A-Za-z0-9_-]*)\}/g;

/** The names in a word, in order. */
export function placeholdersIn(text: string): readonly string[] {
  return Array.from(text.matchAll(PLACEHOLDER), (match) => match[1] ?? '');
}

/**
 * Fills in what `values` has; a value is never looked at again, so one that holds `{slot}` stays what it is.
 * A placeholder that `values` lacks is a fault of the caller: the configuration was checked before.
 */
export function fillPlaceholders(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(PLACEHOLDER, (whole, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined) throw new Error(`no value for ${whole} in ${JSON.stringify(text)}`);
    return value;
  });
}
