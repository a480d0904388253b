// Which kind of database a url means. Apart from the reading of PostgreSQL's own and from the rules of the
// configuration, which are many: a start without a database asks no more than this. Pure.

/** True of `postgres://` and `postgresql://`. */
export function isPostgresUrl(url: string): boolean {
  return /^postgres(?:ql)?:\/\//i.test(url);
}

/** The path of `sqlite:PATH` or `sqlite:///PATH`; undefined: another kind of url. */
export function sqlitePath(url: string): string | undefined {
  const rest = /^sqlite:(.*)$/is.exec(url)?.[1];
  if (rest === undefined || (rest.startsWith('//') && !rest.startsWith('///'))) return undefined;
  return rest.startsWith('///') ? rest.slice(2) : rest;
}
