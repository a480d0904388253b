// What delay and bounce texts mean: one rule a cause, in the order in which they are tried, with where the fact is
// from. A rule reads either the far side's words or our own server's: what a stranger says never passes for what our
// server found out. Whoever is not sure of a text leaves it out: it stays `other`, with its words. Pure data.
//
// Sources, as the rules name them. RFC 3463, 5248: enhanced codes. Gmail: support.google.com/a/answer/3726730 (SMTP
// errors) and 81126 (sender guidelines). Microsoft: sendersupport.olc.protection.outlook.com/pm/troubleshooting.aspx
// and learn.microsoft.com, "Email non-delivery reports in Exchange Online". Yahoo: senders.yahooinc.com/
// smtp-error-codes. Spamhaus: spamhaus.org, "Using DNSBL: errors". Postfix, Exim, Cyrus: their sources.

/** Whether a cause goes away: alone, alone but not soon, not before somebody acts, or when its user does something. */
export type Clears = 'by-itself' | 'slowly' | 'no' | 'user' | 'unknown';

/** One cause. */
export interface CauseRule {
  /** An interface of the JSON: only added to. */
  readonly id: string;
  readonly title: string;
  readonly clears: Clears;
  /** Of `no`: what must be done, in one or two words. */
  readonly act?: string;
  /** Whose words it reads: the far side's, or our own server's. */
  readonly said: 'there' | 'here' | 'either';
  /** On the words in lower case. Group `detail` goes into the title; group `ours` is our own address. */
  readonly words?: RegExp;
  /** On the enhanced code, `4.7.650`; with `words` both must fit. */
  readonly code?: RegExp;
  /** The code that Postfix's log gives, for words that hold none. */
  readonly implies?: string;
  /** What our own server refusing somebody else's mail for this is called; absent: its words. */
  readonly door?: string;
}

const IP = String.raw`(?:\[|\b)(?<ours>\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7})(?![\w.])`;
const withIp = (before: string, after = '') => new RegExp(`${before}${IP}${after}`);

/** All causes. The first that fits counts. */
export const CAUSE_RULES: readonly CauseRule[] = [
  // ---- our own server's words ----
  // Postfix, qmgr: `deferred transport` for what defer_transports keeps back.
  {
    id: 'kept-back',
    title: 'kept back by our own defer_transports',
    clears: 'no',
    act: 'config',
    said: 'here',
    words: /^deferred transport$/,
    implies: '4.3.2',
  },
  // Postfix, smtp_addr.c: a lookup that may succeed later; Exim: `host lookup did not complete`; Sendmail: `Name server:`.
  {
    id: 'dns-no-answer',
    title: 'no DNS answer',
    clears: 'no',
    act: 'DNS',
    said: 'here',
    words:
      /name service error for name=\S+ type=(?<detail>[a-z]{1,5}): (?:host not found, try again|malformed|temporary)|host lookup did not complete|name server: \S+ host name lookup failure|temporary failure in mx lookup/,
    implies: '4.4.3',
  },
  {
    id: 'no-such-domain',
    title: 'domain not found',
    clears: 'user',
    said: 'here',
    words:
      /name service error for name=\S+ type=\w+: (?:host not found|host found but no data record)|unrouteable address|all relevant mx records point to non-existent hosts|host unknown|domain does not exist/,
    implies: '5.4.4',
  },
  // RFC 7505.
  {
    id: 'null-mx',
    title: 'the domain takes no mail (null MX)',
    clears: 'user',
    said: 'either',
    words: /null ?mx|does not accept mail/,
    code: /^[45]\.1\.10$|^$/,
    implies: '5.1.10',
  },
  // Postfix: `mail for X loops back to myself`, `too many hops`; Exchange: 5.4.14 hop count exceeded; Exim.
  {
    id: 'mail-loop',
    title: 'mail loop',
    clears: 'no',
    act: 'loop',
    said: 'either',
    words:
      /loops back to myself|mail forwarding loop|too many hops|hop count exceeded|remote host address is the local host|too many "?received"? headers|mail loop/,
    implies: '5.4.6',
    door: 'mail loop',
  },
  // Postfix, sane_connect and smtp_connect.c.
  {
    id: 'no-route',
    title: 'network unreachable',
    clears: 'no',
    act: 'network',
    said: 'here',
    words:
      /(?:network is unreachable|no route to host|cannot assign requested address|address family not supported)\)?$/,
    implies: '4.4.1',
  },
  {
    id: 'connection-refused',
    title: 'connection refused',
    clears: 'unknown',
    said: 'here',
    words: /connection refused|connection refused by \S+$/,
    implies: '4.4.1',
  },
  {
    id: 'connection-timed-out',
    title: 'connection timed out',
    clears: 'unknown',
    said: 'here',
    words:
      /connect to .*: (?:connection|operation) timed out|^(?:deferred: )?connection timed out|\]: connection timed out$/,
    implies: '4.4.1',
  },
  {
    id: 'connection-lost',
    title: 'connection broke in the dialogue',
    clears: 'unknown',
    said: 'here',
    words:
      /lost connection with|conversation with .* timed out|connection reset by peer|remote host closed connection/,
    implies: '4.4.2',
  },
  {
    id: 'tls',
    title: 'TLS fails',
    clears: 'no',
    act: 'TLS',
    said: 'here',
    words:
      /tls is required, but|cannot start tls|server certificate not (?:verified|trusted)|a tls session is required|tls session: |sts policy|dane/,
    implies: '4.7.5',
  },
  {
    id: 'our-login',
    title: 'our login at the relay is refused',
    clears: 'no',
    act: 'password',
    said: 'either',
    words: /sasl authentication failed|authentication (?:credentials invalid|failed|unsuccessful)/,
    implies: '4.7.8',
  },
  {
    id: 'our-server',
    title: 'our own server cannot deliver',
    clears: 'no',
    act: 'config',
    said: 'here',
    words:
      /mail transport unavailable|local configuration error|server configuration (?:error|problem)|unknown mail transport error|temporary lookup failure|bad command startup|fatal: /,
    implies: '4.3.0',
  },
  {
    id: 'no-retry-yet',
    title: 'not tried again yet (all hosts failed before)',
    clears: 'unknown',
    said: 'here',
    words: /retry time(?:out| not) (?:reached|exceeded)|all hosts .*have been failing/,
  },
  {
    id: 'expired',
    title: 'waited too long',
    clears: 'user',
    said: 'here',
    words: /^(?:message |delivery time )?expired\b|message has been in the queue too long/,
    implies: '4.4.7',
  },

  // ---- Microsoft ----
  // troubleshooting.aspx: part of the network is on their block list; S3140, S3150 (earlier SC-001).
  {
    id: 'blocklist-microsoft',
    title: 'our IP blocklisted',
    clears: 'no',
    act: 'delist',
    said: 'there',
    words: withIp(
      'messages from \\[?',
      '\\]? weren.?t sent[\\s\\S]{0,200}?block ?list(?: \\((?<detail>s\\d{4})\\))?',
    ),
  },
  {
    id: 'blocklist-microsoft',
    title: 'our IP blocklisted',
    clears: 'no',
    act: 'delist',
    said: 'there',
    words: /weren.?t sent[\s\S]{0,200}?block ?list(?: \((?<detail>s\d{4})\))?/,
  },
  // "5.7.606-649 Access denied, banned sending IP"; removal at sender.office.com.
  {
    id: 'blocklist-microsoft',
    title: 'our IP banned by Microsoft',
    clears: 'no',
    act: 'delist',
    said: 'there',
    words: withIp('banned sending ip \\[?'),
  },
  // 451 4.7.650 (S775), 4.7.651 (S3114): rate limited due to IP reputation.
  {
    id: 'rate-limit-reputation',
    title: 'rate limit by reputation',
    clears: 'slowly',
    said: 'there',
    words: withIp('mail server \\[?', '\\]? has been temporarily rate limited due to ip reputation'),
  },
  // 4.7.652 (S3115): too many connections.
  {
    id: 'too-many-connections',
    title: 'too many connections from us',
    clears: 'by-itself',
    said: 'there',
    words: withIp('mail server \\[?', '\\]? has exceeded the maximum number of connections'),
  },
  // "451 4.7.500-699 (ASxxx)": IP throttling for a sender whose volume changed; AS(77712...), AS(77714...).
  {
    id: 'rate-limit-reputation',
    title: 'rate limit, our volume changed',
    clears: 'slowly',
    said: 'there',
    words: withIp('server busy\\. please try again later from \\[?'),
  },
  {
    id: 'rate-limit-reputation',
    title: 'rate limit, our volume changed',
    clears: 'slowly',
    said: 'there',
    words: /access denied, please try again later|server busy\. please try again later/,
    code: /^4\.7\.[5-6]\d\d$/,
  },
  // 5.7.509 DMARC reject, 5.7.515 required authentication level.
  {
    id: 'authentication',
    title: 'SPF, DKIM or DMARC does not pass',
    clears: 'no',
    act: 'SPF/DKIM',
    said: 'there',
    code: /^[45]\.7\.(?:509|515)$/,
  },
  // 5.4.1 Recipient address rejected: Access denied (directory based edge blocking).
  {
    id: 'no-such-user',
    title: 'no such mailbox',
    clears: 'user',
    said: 'there',
    words: /recipient address rejected: access denied/,
    code: /^5\.4\.1$/,
  },
  // 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded.
  {
    id: 'mailbox-busy',
    title: 'one mailbox gets too much',
    clears: 'by-itself',
    said: 'there',
    words: /recipient thread limit exceeded|receiving (?:mail|email)s? (?:too quickly|at a rate that)/,
  },

  // ---- Yahoo, AOL ----
  // TS03, TSS09: all messages will be permanently deferred, although the code begins with 4.
  {
    id: 'blocklist-yahoo',
    title: 'our IP blocked by Yahoo',
    clears: 'no',
    act: 'delist',
    said: 'there',
    words: withIp('\\[(?<detail>tss?\\d\\d)\\] all messages from \\[?', '\\]? will be permanently deferred'),
  },
  {
    id: 'blocklist-yahoo',
    title: 'our IP blocked by Yahoo',
    clears: 'no',
    act: 'delist',
    said: 'there',
    words: /\[(?<detail>ts03|tss09|tss11)\]/,
  },
  // BL21: Spamhaus SBL, BL23: XBL.
  {
    id: 'blocklist-dnsbl',
    title: 'our IP blocklisted',
    clears: 'no',
    act: 'delist',
    said: 'there',
    words: /\[(?<detail>bl2[0-9])\]/,
  },
  // TS01, TS02, TSS02, TSS04, TSS05: unexpected volume or user complaints.
  {
    id: 'rate-limit-reputation',
    title: 'rate limit by reputation',
    clears: 'slowly',
    said: 'there',
    words: withIp('\\[(?<detail>tss?\\d\\d)\\] messages from \\[?', '\\]? temporarily deferred'),
  },
  {
    id: 'rate-limit-reputation',
    title: 'rate limit by reputation',
    clears: 'slowly',
    said: 'there',
    words: /\[(?<detail>tss?0[1245])\]/,
  },
  {
    id: 'greylisting',
    title: 'greylisting',
    clears: 'by-itself',
    said: 'there',
    words: /\[(?<detail>gl01)\]/,
  },

  // ---- Gmail ----
  // 421 4.7.0 and 4.7.28: unusual rate of unsolicited mail, by IP, netblock, SPF or DKIM domain, URL.
  {
    id: 'rate-limit-reputation',
    title: 'rate limit by reputation',
    clears: 'slowly',
    said: 'there',
    words: withIp('\\[', '[^\\]]{0,10}\\][\\s\\S]{0,60}?unusual rate of unsolicited mail'),
  },
  {
    id: 'rate-limit-reputation',
    title: 'rate limit by reputation',
    clears: 'slowly',
    said: 'there',
    words: /unusual rate of unsolicited mail|unsolicitedratelimiterror/,
  },
  // 550 5.7.26, 421 4.7.26, 4.7.27 (SPF), 4.7.30 (DKIM), 4.7.32 (alignment).
  {
    id: 'authentication',
    title: 'SPF, DKIM or DMARC does not pass',
    clears: 'no',
    act: 'SPF/DKIM',
    said: 'there',
    code: /^[45]\.7\.(?:2[01267]|30|31|32)$/,
  },
  // 5.7.25, 4.7.25, 4.7.23 with these words: no PTR record.
  {
    id: 'reverse-dns',
    title: 'our IP has no good reverse DNS',
    clears: 'no',
    act: 'DNS (PTR)',
    said: 'there',
    words: withIp('\\[', '[^\\]]{0,10}\\][\\s\\S]{0,120}?\\bptr record'),
  },
  {
    id: 'reverse-dns',
    title: 'our IP has no good reverse DNS',
    clears: 'no',
    act: 'DNS (PTR)',
    said: 'there',
    // Postfix, reject_unknown_client_hostname; Sendmail; RFC 7372.
    words:
      /\bptr (?:resource )?records?\b|cannot find your (?:reverse )?hostname|reverse dns|fix reverse|client host rejected: cannot find|domain name of sender address .* reverse/,
    door: 'client without reverse DNS',
  },
  {
    id: 'reverse-dns',
    title: 'our IP has no good reverse DNS',
    clears: 'no',
    act: 'DNS (PTR)',
    said: 'there',
    code: /^[45]\.7\.25$/,
    door: 'client without reverse DNS',
  },
  {
    id: 'reputation',
    title: 'refused for poor reputation',
    clears: 'no',
    act: 'reputation',
    said: 'there',
    words: /(?:poor|bad|low) (?:\w+ )?reputation/,
    code: /^5|^$/,
  },
  // 5.7.1: likely unsolicited; the message, not the address.
  {
    id: 'content',
    title: 'message refused as spam',
    clears: 'no',
    act: 'content',
    said: 'there',
    words:
      /likely (?:unsolicited|suspicious)|unsolicitedmessageerror|reject\w* .{0,30}?\bas spam|considered spam|spam (?:message|content|score)|looks like spam|message (?:contains|identified as) spam/,
    door: 'spam',
  },
  // 4.7.29, 5.7.29 with these words: not sent over TLS.
  {
    id: 'tls',
    title: 'they want TLS',
    clears: 'no',
    act: 'TLS',
    said: 'there',
    words:
      /must issue a starttls|(?:wasn.?t|not) sent over a tls|encryption (?:needed|required)|tls (?:is )?required/,
  },

  // ---- blocklists ----
  // Spamhaus: an answer that is an error; their server asks through a public resolver, our address is not listed.
  {
    id: 'their-dnsbl-broken',
    title: 'their blocklist lookup is broken, we are not listed',
    clears: 'no',
    act: 'tell them',
    said: 'there',
    words:
      /blocked using (?<detail>[\w.-]{3,80})[;,]? .{0,40}?(?:error: )?(?:open|public) resolver|query refused.{0,40}open resolver/,
  },
  // Postfix's default_rbl_reply: Client host [A] blocked using LIST.
  {
    id: 'blocklist-dnsbl',
    title: 'our IP blocklisted',
    clears: 'no',
    act: 'delist',
    said: 'there',
    words: withIp('(?:client host|host|ip)? ?\\[?', '\\]? (?:is )?blocked using (?<detail>[\\w.-]{3,80})'),
    door: 'client on a blocklist',
  },
  {
    id: 'blocklist-dnsbl',
    title: 'our IP blocklisted',
    clears: 'no',
    act: 'delist',
    said: 'there',
    words:
      /(?:blocked using|listed (?:at|in|on|by)|found in|see https?:\/\/(?:www\.)?)\s*(?<detail>[\w.-]*(?:spamhaus|spamcop|barracudacentral|sorbs|uceprotect|abuseat|mailspike|psbl|surriel|dnswl|invaluement|nixspam|truncate|s5h|backscatterer)[\w.-]*)/,
    door: 'client on a blocklist',
  },
  // The look-up pages that Proofpoint, Cloudmark, Barracuda and Spamhaus put into their answers.
  {
    id: 'blocklist-dnsbl',
    title: 'our IP blocklisted',
    clears: 'no',
    act: 'delist',
    said: 'there',
    words: /(?<detail>ipcheck\.proofpoint\.com|csi\.cloudmark\.com|barracudacentral\.org|spamhaus\.org)/,
    door: 'client on a blocklist',
  },
  {
    id: 'blocklist-own',
    title: 'our IP on their own blocklist',
    clears: 'no',
    act: 'delist',
    said: 'there',
    words: withIp(
      '',
      '\\]?[\\s\\S]{0,60}?\\b(?:is |has been |was )?(?:black ?listed|block ?listed|on (?:our|the|a|their) (?:black|block) ?list)',
    ),
    door: 'client on a blocklist',
  },
  {
    id: 'blocklist-own',
    title: 'our IP on their own blocklist',
    clears: 'no',
    act: 'delist',
    said: 'there',
    words:
      /\b(?:ip|host|client|server|address|network)\b[\s\S]{0,40}?\b(?:black ?listed|block ?listed|on (?:our|the|a|their) (?:black|block) ?list|is blocked)/,
    door: 'client on a blocklist',
  },

  // ---- greylisting ----
  // postgrey: `Greylisted, see http://postgrey.schweikert.ch/help/...`; others: greylist, graylist, grey listed.
  {
    id: 'greylisting',
    title: 'greylisting',
    clears: 'by-itself',
    said: 'there',
    words: /gr[ea]y[- ]?list/,
    door: 'greylisting (ours)',
  },

  // ---- rates ----
  {
    id: 'too-many-connections',
    title: 'too many connections from us',
    clears: 'by-itself',
    said: 'there',
    words:
      /too many (?:concurrent |simultaneous |open )?(?:smtp )?(?:connections|sessions)|(?:connection|concurrency) (?:rate )?limit|maximum number of connections/,
    door: 'too many connections from one client',
  },
  {
    id: 'rate-limit',
    title: 'rate limit',
    clears: 'slowly',
    said: 'there',
    words:
      /rate[- ]limit|throttl|too many (?:messages|mails|emails|recipients|errors)|sending limit|exceeded .{0,40}?(?:limit|rate)|(?:too fast|too quickly|slow down|too much mail)/,
    code: /^4|^$|^5\.4\.5$|\.7\.28$/,
    door: 'rate limit (ours)',
  },
  { id: 'rate-limit', title: 'rate limit', clears: 'slowly', said: 'there', code: /^[45]\.7\.28$/ },
  {
    id: 'reputation',
    title: 'put off for poor reputation',
    clears: 'slowly',
    said: 'there',
    words: /(?:poor|bad|low) (?:\w+ )?reputation/,
    code: /^4/,
  },

  // ---- the mailbox ----
  // Cyrus lmtpd: `452 4.2.2 Over quota`, 552 5.2.2; Dovecot: `Quota exceeded`; Gmail: over quota, out of storage.
  {
    id: 'mailbox-full',
    title: 'mailbox full',
    clears: 'user',
    said: 'either',
    words:
      /over ?quota|quota exceeded|exceeded .{0,20}?quota|mailbox (?:is |for user is )?full|out of storage|exceeded storage allocation/,
    implies: '4.2.2',
    door: 'mailbox full',
  },
  {
    id: 'mailbox-full',
    title: 'mailbox full',
    clears: 'user',
    said: 'either',
    code: /^[45]\.2\.2$/,
    door: 'mailbox full',
  },
  // Postfix smtpd: `Insufficient system storage` (4.3.1); ENOSPC's own words.
  {
    id: 'disk-full',
    title: 'disk full',
    clears: 'no',
    act: 'disk',
    said: 'either',
    words:
      /insufficient (?:system storage|disk space)|no space left on device|disk (?:is )?full|queue file write error/,
    implies: '4.3.1',
    door: 'our disk is full',
  },
  {
    id: 'no-such-user',
    title: 'no such mailbox',
    clears: 'user',
    said: 'either',
    words:
      /user (?:unknown|not found|doesn'?t exist)|unknown (?:user|recipient|mailbox|local part)|no such (?:user|mailbox|recipient|address|person)|(?:mailbox|recipient|account|address) (?:\S+ )?(?:not found|unknown|does(?: not|n'?t) exist|unavailable)|that you tried to reach does not exist|nosuchuser|invalid (?:recipient|mailbox)|undeliverable address/,
    code: /^5|^$/,
    implies: '5.1.1',
    door: 'no such mailbox here',
  },
  {
    id: 'no-such-user',
    title: 'no such mailbox',
    clears: 'user',
    said: 'either',
    code: /^5\.1\.1$/,
    door: 'no such mailbox here',
  },
  {
    id: 'mailbox-off',
    title: 'the mailbox takes no mail',
    clears: 'user',
    said: 'there',
    words:
      /(?:mailbox|account|user) (?:is |has been )?(?:disabled|inactive|suspended|locked|over limit)|inactive (?:user|mailbox)/,
  },
  { id: 'mailbox-off', title: 'the mailbox takes no mail', clears: 'user', said: 'there', code: /^5\.2\.1$/ },
  {
    id: 'too-large',
    title: 'the message is too large',
    clears: 'user',
    said: 'either',
    words:
      /message (?:size |too |file too )(?:exceeds|big|large)|size limit exceeded|exceeds (?:the )?(?:maximum|fixed) .{0,20}?size/,
    implies: '5.3.4',
    door: 'message too large',
  },
  {
    id: 'too-large',
    title: 'the message is too large',
    clears: 'user',
    said: 'either',
    code: /^5\.(?:3\.4|2\.3)$/,
  },

  // ---- policy ----
  {
    id: 'authentication',
    title: 'SPF, DKIM or DMARC does not pass',
    clears: 'no',
    act: 'SPF/DKIM',
    said: 'there',
    words: /\bspf\b|\bdkim\b|\bdmarc\b|unauthenticated|sender is not authenticated/,
    door: 'SPF, DKIM or DMARC does not pass',
  },
  // Postfix: reject_unknown_sender_domain.
  {
    id: 'our-sender-domain',
    title: "our sender's domain is not found",
    clears: 'no',
    act: 'DNS',
    said: 'there',
    words:
      /sender address rejected: domain not found|domain of sender (?:address )?.{0,80}?does not (?:exist|resolve)|sender domain must (?:exist|resolve)/,
    door: "sender's domain is not found",
  },
  {
    id: 'our-sender-domain',
    title: "our sender's domain is not found",
    clears: 'no',
    act: 'DNS',
    said: 'there',
    code: /^[45]\.1\.8$/,
    door: "sender's domain is not found",
  },
  {
    id: 'our-helo',
    title: 'our HELO name is refused',
    clears: 'no',
    act: 'HELO',
    said: 'there',
    words: /helo command rejected|\behlo\b.{0,40}?(?:invalid|reject|not resolve)|invalid helo/,
    door: 'bad HELO',
  },
  {
    id: 'relay-denied',
    title: 'they do not relay for this domain',
    clears: 'no',
    act: 'MX/route',
    said: 'there',
    words: /relay(?:ing)? (?:access )?(?:denied|not (?:permitted|allowed))|unable to relay|we do not relay/,
    door: 'relaying refused',
  },
  {
    id: 'content',
    title: 'message refused for its content',
    clears: 'no',
    act: 'content',
    said: 'there',
    words:
      /(?:message|mail) content rejected|virus|malware|infected|phish|(?:attachment|content) (?:is )?(?:blocked|not allowed|rejected)|blocked .{0,40}?content|contains? .{0,20}?(?:url|link)s?\b/,
    door: 'refused for its content',
  },
  {
    id: 'content',
    title: 'message refused for its content',
    clears: 'no',
    act: 'content',
    said: 'there',
    code: /^5\.(?:6\.0|7\.7)$/,
  },

  // ---- their side ----
  // RFC 3463: X.3.2 system not accepting network messages; Gmail 421 4.3.0, 4.4.5; Exchange 4.3.2.
  {
    id: 'their-side-busy',
    title: 'their side busy',
    clears: 'by-itself',
    said: 'there',
    words:
      /(?:server|system|service) (?:is )?(?:currently |temporarily )?(?:busy|overloaded|unavailable|not available)|resources? (?:temporarily )?unavailable|insufficient system resources|temporary (?:system|server|local|internal) (?:problem|error|failure)|system not accepting|too busy|(?:high|heavy) load|load (?:average )?too high/,
    code: /^4|^$/,
  },
  {
    id: 'their-side-busy',
    title: 'their side busy',
    clears: 'by-itself',
    said: 'there',
    code: /^4\.(?:3\.[02]|4\.5)$/,
  },
  {
    id: 'their-fault',
    title: 'a fault of their server',
    clears: 'unknown',
    said: 'there',
    words:
      /temporary lookup failure|server configuration (?:error|problem)|local error in processing|internal (?:server )?error/,
    code: /^4|^$/,
  },
  {
    id: 'their-fault',
    title: 'a fault of their server',
    clears: 'unknown',
    said: 'there',
    code: /^[45]\.3\.5$/,
  },
  // rspamd's greylisting says only this, and so do others for other reasons.
  {
    id: 'try-later',
    title: 'asked to try later, no cause given',
    clears: 'by-itself',
    said: 'there',
    words: /try (?:again|it|back)? ?(?:again )?later|come back later|temporarily (?:deferred|rejected)/,
    code: /^4|^$/,
  },
  {
    id: 'policy',
    title: 'refused by their policy',
    clears: 'no',
    act: 'ask them',
    said: 'there',
    words:
      /local policy|policy (?:reasons|violation|restriction)|access denied|not authori[sz]ed|administrative prohibition/,
    code: /^5\.7\.|^$/,
    door: 'refused by our policy',
  },
];
