// Texts that are views of larger ones: V8 keeps the whole of a chunk alive for a slice of it.

/** A text that does not keep alive the larger one that it may be a view of. */
export function ownText(text: string): string {
  return text.length < 13 ? text : JSON.parse(JSON.stringify(text));
}
