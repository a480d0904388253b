// Delay reasons and bounce texts clustered into causes: numbers, addresses, ids and hosts taken out, enhanced codes
// read, well-known answers named (reason-rules.ts). Unknown stays `other`, with its words. Pure; every text is hostile
// and may be of any length: only its beginning is looked at, and the same words are judged once.
import { CAUSE_RULES, type CauseRule, type Clears } from './reason-rules.js';
import { parseStatusCode } from './status-code.js';

/** What a text says. */
export interface Cause {
  /** Stable: `blocklist-microsoft`; `other`; `not-tried` when there is no text. */
  readonly id: string;
  /** For people: `our IP blocklisted, S3150`. Of `other` the pattern: raw, hostile. */
  readonly title: string;
  readonly clears: Clears;
  /** Of `no`: what must be done, `delist`; else null. */
  readonly act: string | null;
  /** `550 5.7.1`, `4.4.3`; empty: there is none. */
  readonly code: string;
  /** Our own address, where the words name it. */
  readonly source: string | null;
  /** The far side that said it, where the words name it. */
  readonly remote: { readonly name: string; readonly address: string | null } | null;
  /** The words without what differs from message to message. */
  readonly pattern: string;
}

/** What is known beside the words. */
export interface ReasonContext {
  /** The enhanced code that the log gives. */
  readonly dsn?: string | null | undefined;
  /** True: our own server turned somebody else's mail away at the door. */
  readonly atDoor?: boolean | undefined;
}

/** Characters that are looked at. */
const MOST_LENGTH = 2000;
/** Texts that are remembered. */
const MOST_KEPT = 20_000;
const PATTERN_LENGTH = 300;

const NOT_TRIED: Cause = {
  id: 'not-tried',
  title: 'not tried yet',
  clears: 'by-itself',
  act: null,
  code: '',
  source: null,
  remote: null,
  pattern: '',
};

/** Judges texts, each once. One for a command: what it remembers grows to a bound. */
export function reasonReader(): (reason: string | null, context?: ReasonContext) => Cause {
  const kept = new Map<string, Cause>();
  return (reason, context = {}) => {
    if (reason === null || reason === '') return NOT_TRIED;
    const text = reason.length > MOST_LENGTH ? reason.slice(0, MOST_LENGTH) : reason;
    const key = `${context.atDoor === true ? '<' : '>'}${context.dsn ?? ''} ${text}`;
    const known = kept.get(key);
    if (known !== undefined) return known;
    const cause = judgeReason(text, context);
    if (kept.size >= MOST_KEPT) kept.clear();
    kept.set(key, cause);
    return cause;
  };
}

/** Judges one text. */
export function judgeReason(reason: string, context: ReasonContext = {}): Cause {
  const text = reason.slice(0, MOST_LENGTH).replace(/^delivery temporarily suspended: /, '');
  const status = parseStatusCode(text);
  const dsn = context.dsn ?? null;
  const enhanced = status.enhanced ?? dsn ?? '';
  const { words, isTheirs } = wordsOf(text, context.atDoor === true);
  const lower = words.toLowerCase();
  const found = findRule(lower, enhanced, isTheirs);
  const pattern = reasonPattern(words);
  const code = [status.reply, status.enhanced ?? dsn ?? found?.rule.implies].filter(
    (one) => one !== null && one !== undefined,
  );
  const common = { code: code.join(' '), remote: status.remote, pattern };
  if (context.atDoor === true) {
    const title = found?.rule.door;
    return {
      ...common,
      id: title === undefined ? 'door-other' : `door-${found?.rule.id}`,
      title: title === undefined ? pattern : `${title}${detailOf(found?.groups)}`,
      clears: 'unknown',
      act: null,
      source: null,
    };
  }
  if (found === null)
    return { ...common, id: 'other', title: pattern, clears: 'unknown', act: null, source: null };
  const { rule, groups } = found;
  return {
    ...common,
    id: rule.id,
    title: `${rule.title}${detailOf(groups)}`,
    clears: rule.clears,
    act: rule.act ?? null,
    source: groups?.ours ?? null,
  };
}

/** The word of the column CLEARS: `NO: delist`. */
export function clearsText({ clears, act }: Pick<Cause, 'clears' | 'act'>): string {
  if (clears === 'no') return `NO: ${act ?? 'look'}`;
  return { 'by-itself': 'by itself', slowly: 'slowly', user: 'user', unknown: '?' }[clears];
}

type Groups = { readonly [name: string]: string | undefined } | undefined;

function detailOf(groups: Groups): string {
  const detail = groups?.detail;
  if (detail === undefined) return '';
  // Their own codes are written in capitals: S3150, TSS04, GL01, the type of a record.
  return `, ${/^[a-z]{1,5}\d*$/.test(detail) ? detail.toUpperCase() : detail}`;
}

function findRule(
  words: string,
  enhanced: string,
  isTheirs: boolean,
): { readonly rule: CauseRule; readonly groups: Groups } | null {
  for (const rule of CAUSE_RULES) {
    if (rule.said === (isTheirs ? 'here' : 'there')) continue;
    if (rule.code !== undefined && !rule.code.test(enhanced)) continue;
    if (rule.words === undefined) return { rule, groups: undefined };
    const found = rule.words.exec(words);
    if (found !== null) return { rule, groups: found.groups };
  }
  return null;
}

// Whose words they are. Postfix: `host H[A] said: ...`; Exim: `SMTP error from remote mail server after ...: host
// H [A]: 450 ...`; Sendmail and OpenSMTPD give the reply itself. Everything else is our own server's.
function wordsOf(text: string, atDoor: boolean): { readonly words: string; readonly isTheirs: boolean } {
  // What our server says to others has the form of a far side's words.
  if (atDoor) return { words: text, isTheirs: true };
  const postfix =
    /^host [^\s[\]]{1,255}\[[^\]]{1,255}\](?::\d{1,5})? (?:said|refused to talk to me): ([\s\S]*)$/.exec(
      text,
    );
  if (postfix !== null) {
    // What was asked is ours, not theirs.
    return { words: (postfix[1] ?? '').replace(/ \(in reply to [A-Za-z ]{1,30}\)$/, ''), isTheirs: true };
  }
  const exim =
    /remote mail server after [\s\S]{0,400}?: (?:host \S{1,255} \[\S{1,45}\]: )?([245]\d\d[ -][\s\S]*)$/.exec(
      text,
    );
  if (exim !== null) return { words: exim[1] ?? '', isTheirs: true };
  return { words: text, isTheirs: /^(?:Deferred: |")?[245]\d\d[ -]/.test(text) };
}

/** A text without what differs from message to message; its status codes stay. */
export function reasonPattern(text: string): string {
  return text
    .slice(0, MOST_LENGTH)
    .replace(/<[^<>\s]{0,256}@[^<>\s]{0,256}>|[^\s<>()[\]:;,"']{1,128}@[\w.-]{1,255}/g, '<address>')
    .replace(/https?:\/\/[^\s<>()"']{1,1000}/g, '<url>')
    .replace(/\b\d{1,3}(?:\.\d{1,3}){3}\b/g, '<ip>')
    .replace(/\b[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){3,7}(?![\w:])/g, '<ip>')
    .replace(/\b\d{4}-\d\d-\d\dT[\d:.]{5,15}Z?/g, '<time>')
    .replace(
      /\b(?=[\w-]{0,64}[A-Za-z])[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63}){1,10}\.[a-z]{2,24}\b/gi,
      '<host>',
    )
    .replace(/\b(?=[A-Za-z_-]{0,64}\d)(?=\d{0,64}[A-Za-z])[\w-]{8,}\b(?:\.\d+)?/g, '<id>')
    .replace(/(?<![\w.])(?!(?:[245]\d\d(?=[ -])|[245]\.\d{1,3}\.\d{1,3}(?![.\w])))\d+(?![\w.])/g, '#')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, PATTERN_LENGTH);
}
