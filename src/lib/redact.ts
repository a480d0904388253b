// Takes secrets out of text before it is shown or recorded. Masks what looks like a password of a url; it
// cannot know a secret that stands elsewhere, so secrets are never put into messages in the first place.

// The password reaches to the last @ of the word: people forget to encode the / and @ in theirs.
const USER_PASSWORD = /\b([a-z][a-z0-9+.-]{0,30}:\/\/[^\s:@/?#'"]*):[^\s'"]*@/gi;
const QUERY_SECRET = /([?&;](?:[a-z_-]{0,20}(?:password|passwd|pwd|secret|token|key))=)[^\s&;'"]*/gi;

/** `postgres://ann:***@db1/mailctl`: passwords of urls, before the host or in the query, become `***`. */
export function maskUrlPasswords(text: string): string {
  return text.replace(USER_PASSWORD, '$1:***@').replace(QUERY_SECRET, '$1***');
}
