// What a server's words say by number: the SMTP reply and the enhanced status code in a reason, taken apart into the
// words of RFC 3463 and the registry of RFC 5248. Pure. A reason is hostile text: numbers that only look like a
// code (an address, a version) are none, and a code that no registry knows keeps its number and gets no words.

/** An enhanced status code: `4.7.650`. */
export type EnhancedCode = string;

/** What the first number says: it went, it may go later, it never will. */
export type StatusClass = 'success' | 'transient' | 'permanent';

/** A reason taken apart. */
export interface StatusCode {
  /** The three digits of the reply, 450; null: the words hold none. */
  readonly reply: number | null;
  /** Null: the words hold none. */
  readonly enhanced: EnhancedCode | null;
  /** By the enhanced code, else by the reply; null: neither is there. */
  readonly class: StatusClass | null;
  /** What it is about, `security or policy`; null: not told. */
  readonly subject: string | null;
  /** What exactly, `delivery not authorized, message refused`; null: nobody has registered it. */
  readonly meaning: string | null;
  /** The command that was answered, `RCPT TO`; null: not told. */
  readonly inReplyTo: string | null;
  /** Who said it: name and address as in `host NAME[ADDRESS] said:`; null: our own server, or not told. */
  readonly remote: { readonly name: string; readonly address: string | null } | null;
}

/** RFC 3463, section 4: the second number. */
const SUBJECTS: ReadonlyMap<number, string> = new Map([
  [0, 'other or undefined'],
  [1, 'the address'],
  [2, 'the mailbox'],
  [3, 'their mail system'],
  [4, 'network or routing'],
  [5, 'the protocol'],
  [6, 'the content'],
  [7, 'security or policy'],
]);

/** The registry of RFC 5248 as of 2024 (RFC 3463, 3886, 4468, 4865, 4954, 5248, 6531, 6710, 7293, 7372, 7505, 8461). */
const MEANINGS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    '0.0': 'no further reason',
    '1.0': 'other address status',
    '1.1': 'no such mailbox',
    '1.2': 'no such mail system',
    '1.3': 'the mailbox address is no address',
    '1.4': 'the mailbox address is ambiguous',
    '1.5': 'the address is valid',
    '1.6': 'the mailbox has moved, no forwarding address',
    '1.7': "the sender's mailbox address is no address",
    '1.8': "the sender's mail system does not exist",
    '1.9': 'relayed to a system that cannot report back',
    '1.10': 'the domain takes no mail (null MX)',
    '2.0': 'other mailbox status',
    '2.1': 'the mailbox is disabled, it accepts no messages',
    '2.2': 'the mailbox is full',
    '2.3': 'the message is longer than the mailbox allows',
    '2.4': 'a mailing list could not be expanded',
    '3.0': 'other mail system status',
    '3.1': 'the mail system is full',
    '3.2': 'the system accepts no messages from the network now',
    '3.3': 'the system is not capable of what was asked',
    '3.4': 'the message is too big for the system',
    '3.5': 'the system is configured wrongly',
    '3.6': 'the priority that was asked for was changed',
    '4.0': 'other network or routing status',
    '4.1': 'no answer from the host',
    '4.2': 'the connection broke or is bad',
    '4.3': 'a directory server failed (DNS)',
    '4.4': 'no route to it could be found',
    '4.5': 'the mail system is congested',
    '4.6': 'a routing loop was found',
    '4.7': 'it waited too long, delivery time has run out',
    '4.8': 'retry limit for this route',
    '5.0': 'other protocol status',
    '5.1': 'a command that is not valid',
    '5.2': 'a syntax error',
    '5.3': 'too many recipients',
    '5.4': 'command arguments that are not valid',
    '5.5': 'the wrong protocol version',
    '5.6': 'an authentication exchange line is too long',
    '6.0': 'other content or media status',
    '6.1': 'this media type is not supported',
    '6.2': 'conversion is needed and forbidden',
    '6.3': 'conversion is needed and not supported',
    '6.4': 'converted, with loss',
    '6.5': 'conversion failed',
    '6.6': 'the message content is not available',
    '6.7': 'addresses that are not ASCII are not supported',
    '6.8': 'a UTF-8 reply is needed and not allowed',
    '6.9': 'a UTF-8 header cannot be handed on',
    '6.10': 'a UTF-8 header cannot be handed on',
    '7.0': 'other security or policy status',
    '7.1': 'delivery not authorized, the message was refused',
    '7.2': 'this sender may not post to the list',
    '7.3': 'security conversion is needed and not possible',
    '7.4': 'a security feature is not supported',
    '7.5': 'a cryptographic failure',
    '7.6': 'a cryptographic algorithm is not supported',
    '7.7': 'message integrity failed',
    '7.8': 'the login was refused (credentials)',
    '7.9': 'the authentication mechanism is too weak',
    '7.10': 'encryption is needed',
    '7.11': 'encryption is needed for this authentication mechanism',
    '7.12': 'a password transition is needed',
    '7.13': 'the account is disabled',
    '7.14': 'a trust relationship is needed',
    '7.15': 'the priority is too low for now',
    '7.16': 'the message is too big for its priority',
    '7.17': 'the mailbox has changed its owner',
    '7.18': 'the domain has changed its owner',
    '7.19': 'the RRVS test could not be finished',
    '7.20': 'no DKIM signature passed',
    '7.21': 'no DKIM signature that is acceptable',
    '7.22': "no DKIM signature of the author's own domain",
    '7.23': 'SPF: our address may not send for this domain',
    '7.24': 'SPF could not be evaluated',
    '7.25': 'our address has no reverse DNS that is valid',
    '7.26': 'several authentication checks failed (SPF, DKIM, DMARC)',
    '7.27': 'the sender has a null MX',
    '7.28': 'too much mail at once (flood)',
    '7.29': 'ARC validation failed',
    '7.30': 'REQUIRETLS support is needed',
  }),
);

/** A registered code whose class says something else than the same with another class. */
const EXACT: ReadonlyMap<string, string> = new Map([
  ['4.7.1', 'not accepted for now, often greylisting'],
  ['4.2.1', 'the mailbox takes no mail for now, often a rate limit'],
  ['4.7.28', 'too much mail at once: a rate limit'],
]);

const CLASSES: Readonly<Record<string, StatusClass>> = { 2: 'success', 4: 'transient', 5: 'permanent' };

// No digit, dot or word may touch it: 4.7.1 in 10.4.7.1, v4.7.1 and 4.7.1.2 is no status code. `550-5.7.26` begins
// the lines of a longer reply.
const ENHANCED = /(?:(?<![\w.:=[-])|(?<=(?<!\w)[245][0-5]\d-))([245])\.(\d{1,3})\.(\d{1,3})(?![\w-]|\.\w)/;
// A reply begins the words, or follows who said it; 250-, 550-5.7.1 and `#550 ` are seen too.
const REPLY = /(?:^|: |[("#<]|\s)([245][0-5]\d)(?=[ -])(?!-\d{3}\b)/;
// The first 4096 characters hold whatever is worth looking for: the search must end for a reason of megabytes.
const MOST = 4096;

/** Takes a reason apart, whatever server wrote it. */
export function parseStatusCode(reason: string): StatusCode {
  const text = reason.slice(0, MOST);
  const remote = remoteOf(text);
  const words = remote === null ? text : text.slice(remote.end);
  const found = ENHANCED.exec(words);
  const reply = replyOf(words, found);
  const [, first = '', second = '', third = ''] = found ?? [];
  const enhanced = found === null ? null : `${first}.${Number(second)}.${Number(third)}`;
  return {
    reply,
    enhanced,
    class: CLASSES[first] ?? (reply === null ? null : (CLASSES[String(reply)[0] ?? ''] ?? null)),
    subject: found === null ? null : (SUBJECTS.get(Number(second)) ?? null),
    meaning: enhanced === null ? null : meaningOf(enhanced),
    inReplyTo: inReplyTo(text),
    remote: remote === null ? null : { name: remote.name, address: remote.address },
  };
}

/** The words of a code `4.7.1`; null: it is not registered. */
function meaningOf(enhanced: EnhancedCode): string | null {
  return EXACT.get(enhanced) ?? MEANINGS.get(enhanced.slice(enhanced.indexOf('.') + 1)) ?? null;
}

/** `permanent, security or policy: delivery not authorized, the message was refused`; empty: there is no code. */
export function describeStatus({ class: kind, subject, meaning }: StatusCode): string {
  if (kind === null) return '';
  const says = meaning !== null && (subject === null || meaning.includes(subject));
  const head = subject === null || says ? kind : `${kind}, ${subject}`;
  return meaning === null ? head : `${head}: ${meaning}`;
}

// `550 5.7.1` belong together: a reply right before the code wins over a number further ahead.
function replyOf(words: string, enhanced: RegExpExecArray | null): number | null {
  if (enhanced !== null) {
    const before = /([245]\d\d)[ -]$/.exec(words.slice(Math.max(0, enhanced.index - 4), enhanced.index));
    if (before !== null) return Number(before[1]);
  }
  const found = REPLY.exec(words);
  if (found === null || (enhanced !== null && found.index > enhanced.index)) return null;
  return Number(found[1]);
}

// Postfix: `host NAME[ADDRESS] said:` and `refused to talk to me:`; Exim: `host NAME [ADDRESS]` and `H=NAME [ADDRESS]`.
function remoteOf(text: string): { name: string; address: string | null; end: number } | null {
  const found = /(?:\bhost |\bH=)([^\s[\]]{1,255}) ?\[([0-9A-Fa-f.:]{2,45})\](?::\d+)?/.exec(text);
  if (found === null) return null;
  return { name: found[1] ?? '', address: found[2] ?? null, end: found.index + found[0].length };
}

function inReplyTo(text: string): string | null {
  const postfix = /\(in reply to ([A-Z][A-Z ]{2,20}?)(?: command)?\)/.exec(text)?.[1];
  if (postfix !== undefined) return postfix;
  const end = /\(in reply to (end of DATA)/.exec(text)?.[1];
  if (end !== undefined) return end;
  const exim = /\bafter (pipelined )?(end of data|initial connection|[A-Z]{4} (?:FROM|TO)|[A-Z]{4,8})\b/.exec(
    text,
  );
  return exim === null ? null : (exim[2] ?? null);
}
