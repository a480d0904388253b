// Reads the plain part of YAML that configuration files are written in: block maps and lists, flow maps and lists
// on one line, plain and simply quoted scalars, comments. For anything else (anchors, tags, escapes, several
// lines, tabs, duplicate keys, and everything that is wrong) it gives up, and the full library decides. What it
// does return is exactly what the library returns; a test compares them. It exists because the library costs
// four times a bare start of node for a hundred hosts.

/** What it gives up with. */
class NotPlain extends Error {}

const MAX_DEPTH = 20;

interface TextLine {
  readonly indent: number;
  readonly text: string;
}

/** The value of a plain file; undefined: not plain, or not right, or nothing in it. */
export function readPlainYaml(source: string): unknown {
  try {
    const lines = plainLines(source);
    if (lines.length === 0) return undefined;
    const reader = { lines, at: 0 };
    const value = readBlock(reader, 0, 0);
    return reader.at === lines.length ? value : undefined;
  } catch (error) {
    if (error instanceof NotPlain) return undefined;
    throw error;
  }
}

interface Reader {
  readonly lines: TextLine[];
  at: number;
}

function giveUp(): never {
  throw new NotPlain();
}

/** Lines with content: printable ASCII, and whatever in comments of their own. */
function plainLines(source: string): TextLine[] {
  const lines: TextLine[] = [];
  for (const line of source.split('\n')) {
    const text = line.trimStart();
    if (text === '' || text.startsWith('#')) {
      // Other blanks than spaces mean something to some readers.
      if (!/^ *(?:#[^\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff\ud800-\udfff]*)?$/.test(line)) giveUp();
      continue;
    }
    if (!/^ *[!-~][ -~]*$/.test(line)) giveUp();
    const indent = line.length - text.length;
    if (indent === 0 && /^(?:---|\.\.\.|%)/.test(text)) giveUp();
    lines.push({ indent, text: text.trimEnd() });
  }
  return lines;
}

const KEY = /^([A-Za-z0-9_](?:[\w.@+-]*[\w.@+])?|"[A-Za-z0-9_][\w.@+-]*"):(?: +|$)/;

/** The map or list whose first line is the next one, at exactly this indentation. */
function readBlock(reader: Reader, indent: number, depth: number): unknown {
  const first = reader.lines[reader.at];
  if (first === undefined || first.indent !== indent || depth > MAX_DEPTH) giveUp();
  return isItem(first.text) ? readList(reader, indent, depth) : readMap(reader, indent, depth);
}

function isItem(text: string): boolean {
  return text.startsWith('- ');
}

function readList(reader: Reader, indent: number, depth: number): unknown[] {
  const list: unknown[] = [];
  for (let line = reader.lines[reader.at]; line !== undefined; line = reader.lines[reader.at]) {
    if (line.indent < indent || (line.indent === indent && !isItem(line.text))) break;
    if (line.indent > indent) giveUp();
    const rest = line.text.slice(2).trimStart();
    const inner = indent + line.text.length - rest.length;
    if (rest === '' || rest.startsWith('#') || isItem(rest)) giveUp();
    if (KEY.test(rest)) {
      // A map that begins beside its dash: what follows the dash is its first line.
      reader.lines[reader.at] = { indent: inner, text: rest };
      list.push(readMap(reader, inner, depth + 1));
    } else {
      reader.at += 1;
      list.push(readInline(rest));
      if ((reader.lines[reader.at]?.indent ?? 0) > indent) giveUp();
    }
  }
  return list;
}

function readMap(reader: Reader, indent: number, depth: number): Record<string, unknown> {
  const map: Record<string, unknown> = {};
  for (let line = reader.lines[reader.at]; line !== undefined; line = reader.lines[reader.at]) {
    if (line.indent < indent) break;
    const match = line.indent === indent ? KEY.exec(line.text) : null;
    const key = match === null ? undefined : keyOf(match[1] ?? '', map);
    if (match === null || key === undefined) giveUp();
    const rest = line.text.slice(match[0].length);
    reader.at += 1;
    const next = reader.lines[reader.at];
    if (rest !== '' && !rest.startsWith('#')) {
      map[key] = readInline(rest);
      if (next !== undefined && next.indent > indent) giveUp();
    } else if (
      next !== undefined &&
      (next.indent > indent || (next.indent === indent && isItem(next.text)))
    ) {
      map[key] = readBlock(reader, next.indent, depth + 1);
      if ((reader.lines[reader.at]?.indent ?? 0) > indent) giveUp();
    } else {
      map[key] = null;
    }
  }
  return map;
}

function keyOf(written: string, map: Record<string, unknown>): string | undefined {
  const key = written.startsWith('"') ? written.slice(1, -1) : written;
  return key === '__proto__' || Object.hasOwn(map, key) ? undefined : key;
}

/** A value that stands behind its key or dash: a scalar or a flow collection, then at most a comment. */
function readInline(text: string): unknown {
  if (text.startsWith('[') || text.startsWith('{')) {
    const cursor = { text, at: 0 };
    const value = readFlow(cursor, 0);
    if (!/^(?: *| +#.*)$/.test(text.slice(cursor.at))) giveUp();
    return value;
  }
  const quoted = /^(?:"([^"\\]*)"|'([^']*)')(?: *| +#.*)$/.exec(text);
  if (quoted !== null) return quoted[1] ?? quoted[2] ?? '';
  const plain = text.replace(/ +#.*$/, '');
  // In a block a plain scalar may hold nearly everything; what follows here is surely one.
  if (
    !/^[A-Za-z0-9_/.~+-][\w/.~+@%=,;:{}()*?!$&<>|^-]*(?: [\w/.~+@%=,;{}()*?!$&<>|^-][\w/.~+@%=,;:{}()*?!$&<>|^-]*)*$/.test(
      plain,
    )
  )
    giveUp();
  if (/: |:$|^- |^-$/.test(plain)) giveUp();
  return scalar(plain);
}

interface Cursor {
  readonly text: string;
  at: number;
}

function readFlow(cursor: Cursor, depth: number): unknown {
  if (depth > MAX_DEPTH) giveUp();
  const open = cursor.text[cursor.at];
  if (open === '[') return readFlowList(cursor, depth);
  if (open === '{') return readFlowMap(cursor, depth);
  return readFlowScalar(cursor);
}

function readFlowList(cursor: Cursor, depth: number): unknown[] {
  const list: unknown[] = [];
  cursor.at += 1;
  skipBlanks(cursor);
  if (take(cursor, ']')) return list;
  for (;;) {
    list.push(readFlow(cursor, depth + 1));
    skipBlanks(cursor);
    if (take(cursor, ']')) return list;
    if (!take(cursor, ',')) giveUp();
    skipBlanks(cursor);
  }
}

const FLOW_KEY = /([A-Za-z0-9_][\w.@+-]*|"[A-Za-z0-9_][\w.@+-]*"): +/y;

function readFlowMap(cursor: Cursor, depth: number): Record<string, unknown> {
  const map: Record<string, unknown> = {};
  cursor.at += 1;
  skipBlanks(cursor);
  if (take(cursor, '}')) return map;
  for (;;) {
    const key = keyOf(match(cursor, FLOW_KEY), map);
    if (key === undefined) giveUp();
    map[key] = readFlow(cursor, depth + 1);
    skipBlanks(cursor);
    if (take(cursor, '}')) return map;
    if (!take(cursor, ',')) giveUp();
    skipBlanks(cursor);
  }
}

const FLOW_QUOTED = /"([^"\\]*)"|'([^']*)'/y;
const FLOW_PLAIN = /([A-Za-z0-9_/.~+-][\w/.~+@%=;()*?!$&<>|^-]*(?: +[\w/.~+@%=;()*?!$&<>|^-]+)*)/y;

function readFlowScalar(cursor: Cursor): unknown {
  const quote = cursor.text[cursor.at];
  if (quote === '"' || quote === "'") {
    const text = match(cursor, FLOW_QUOTED);
    // A quoted word before a colon would be a key.
    if (cursor.text[cursor.at] === ':' || cursor.text[cursor.at] === quote) giveUp();
    return text;
  }
  const plain = match(cursor, FLOW_PLAIN);
  if (!/[ ,\]}]/.test(cursor.text[cursor.at] ?? '') || /^-(?: |$)/.test(plain)) giveUp();
  return scalar(plain);
}

function match(cursor: Cursor, pattern: RegExp): string {
  pattern.lastIndex = cursor.at;
  const found = pattern.exec(cursor.text);
  if (found === null) giveUp();
  cursor.at = pattern.lastIndex;
  return found[1] ?? found[2] ?? '';
}

function take(cursor: Cursor, char: string): boolean {
  if (cursor.text[cursor.at] !== char) return false;
  cursor.at += 1;
  return true;
}

function skipBlanks(cursor: Cursor): void {
  while (cursor.text[cursor.at] === ' ') cursor.at += 1;
}

/** A plain scalar by YAML's core schema; numbers other than plain whole ones are left to the library. */
function scalar(text: string): unknown {
  if (text === 'null' || text === '~') return null;
  if (text === 'true') return true;
  if (text === 'false') return false;
  if (/^(?:0|[1-9]\d{0,14})$/.test(text)) return Number(text);
  if (
    /^[-+]?[0-9]+$|^0o|^0x|^[-+]?\.?[0-9]+\.?[0-9]*(?:e[-+]?[0-9]+)?$|^[-+]?\.(?:inf|nan)$|^(?:null|true|false)$/i.test(
      text,
    )
  )
    giveUp();
  return text;
}
