// Parsers of what hosts print, each with real samples to mutate and with what must hold whatever it is given: it ends,
// it throws nothing, counts are counts, recipients are distinct, and no property of all objects is touched.
import assert from 'node:assert/strict';
import { parseExecLine } from '../../src/drivers/exec/parse-ndjson.js';
import { parseActAnswer } from '../../src/drivers/exec/queue.js';
import { parseListLine } from '../../src/drivers/exim/list.js';
import { openLog as openEximLog } from '../../src/drivers/exim/parse-log.js';
import { parseQueueFile } from '../../src/drivers/mailman3/names.js';
import { parsePythonLiteral } from '../../src/drivers/mailman3/python-literal.js';
import { parseActed } from '../../src/drivers/mailman3/queue.js';
import { parseShown } from '../../src/drivers/mailman3/show.js';
import { openLog as openPostfixLog } from '../../src/drivers/postfix/parse-log.js';
import { parsePostqueueLine } from '../../src/drivers/postfix/parse-postqueue.js';
import { listingFormats } from '../../src/drivers/queues.js';
import { findScript, parseFound } from '../../src/queue/find.js';
import type { ListingFormat } from '../../src/queue/listing-format.js';
import { mailctlFormat } from '../../src/queue/mailctl-format.js';
import type { QueueMessage } from '../../src/queue/message.js';
import { describeStatus, parseStatusCode } from '../../src/queue/status-code.js';
import { fixture } from '../support/fixture.js';

/** One parser. */
export interface Target {
  readonly name: string;
  /** Texts to begin with; lines of them are mixed. */
  readonly samples: readonly string[];
  /** Takes one input; throws when something does not hold. */
  take(text: string): void;
}

const NOW = 1_795_762_000;
const CONTEXT = { queue: 'mx1', host: 'mx1', now: NOW };

/** All of them. */
export async function fuzzTargets(): Promise<readonly Target[]> {
  const mailman = fixture('mailman3/queue-files-3.3.8.txt').replaceAll(/^queue\//gm, 'f ');
  const qfile = fixture('mailman3/qfile-3.3.8.txt').replaceAll(/^/gm, 'q ');
  const postqueue = fixture('postfix/postqueue-j-3.7.json');
  const ndjson =
    '{"id":"a1","state":"deferred","arrival":1795288814,"size":1107,"sender":"b@example.net","submitter":"carl","recipients":[{"address":"x@example.org","reason":"450 4.2.1 busy"},"y@x"]}\n{"believed":{"gmail":20}}\n';
  const eximList = [
    [
      'm',
      '1xUqiE-0005Hm-01',
      'deferred',
      '1795288814',
      '1107',
      'b@example.net',
      '=carl',
      'x@example.org',
      '450 4.2.1 busy',
      'y@x',
      '',
    ],
    ['m', '1xUqiF-0005Hm-01', 'hold', '1795288815', '11', '', '', 'x@example.org', ''],
    ['c', '1xUqiG-0005Hm-01', '8'],
  ]
    .map((fields) => `${fields.join('\x1f')}\n`)
    .join('');
  const mailctl =
    '{"queue":"mx1","host":"mx1","id":"A1","state":"deferred","arrived_at":"2026-11-27T05:56:40Z","age_s":3,"size_bytes":12,"sender":"a@x","submitter":null,"recipients":[{"address":"b@y","domain":"y","delay_reason":"no"}]}\n';
  const samples: Readonly<Record<string, string>> = {
    'postfix-json': postqueue,
    'postfix-mailq': fixture('postfix/mailq-3.7.txt'),
    'exim-bp': fixture('exim/bp-4.96.txt'),
    'sendmail-mailq': fixture('sendmail/mailq-8.17.txt'),
    opensmtpd: fixture('opensmtpd/show-queue-6.8.txt'),
    mailctl,
  };
  const formats = [...(await listingFormats()), mailctlFormat];
  return [
    ...formats.map((format) => listing(format, [samples[format.name] ?? ''])),
    eachLine('postqueue line', [postqueue], (line) => message(parsePostqueueLine('mx1', 'mx1', line))),
    eachLine('exim list line', [eximList], (line) => message(parseListLine('mx1', 'mx1', line))),
    log('postfix log', fixture('postfix/maillog-3.7.txt'), () =>
      openPostfixLog({ now: NOW, zone: '+0000', tag: '' }),
    ),
    log(
      'exim log',
      '2026-11-27 06:00:01 1xUqiE-0005Hm-01 == a@b.example R=dns T=smtp defer (-44) H=mx.example [192.0.2.1]: 450 4.2.1 busy\n2026-11-27 06:00:02 1xUqiE-0005Hm-01 => a@b.example R=dns T=smtp H=mx.example [192.0.2.1] C="250 ok"\n',
      () => openEximLog({ now: NOW, zone: '+0000' }),
    ),
    eachLine('mailman names', [mailman], (line) => message(parseQueueFile('lists1', 'lists1', line))),
    {
      name: 'mailman message',
      samples: [
        `f path out/1795292036.299032+109fee1fdc07a44e925c8268dab791428b0938ba.pck\nf size 5\n${qfile}`,
      ],
      take: (text) => {
        const detail = parseShown('lists1', 'lists1', text);
        if (detail === null) return;
        isMessage(detail.message);
        assert(detail.headers.length <= 200);
      },
    },
    {
      name: 'python literal',
      samples: [
        "{'a': 1, 'b': [1.5, None, True], 'c': {'x', 'y'}}\n",
        "('long ' 'string', datetime.datetime(2026, 1, 2))\n",
      ],
      take: (text) => void parsePythonLiteral(text),
    },
    eachLine('exec list', [ndjson], (line) => message(parseExecLine('out1', 'out1', line))),
    {
      name: 'answers to acts',
      samples: ['{"changed":12}\n{"id":"a","gone":true}\n{"id":"b","failed":"why"}\n{"waiting":3}\n'],
      take: (text) => {
        const asked = new Set(['a', 'b']);
        const { changed, gone, failed } = parseActAnswer(text, asked);
        assert(changed === null || isCount(changed));
        assert(gone.every((id) => asked.has(id)) && failed.every(({ id }) => asked.has(id)));
        const acted = parseActed(text);
        assert(acted.changed === null || isCount(acted.changed));
      },
    },
    {
      name: 'status code',
      samples: [
        'host mx.example[192.0.2.1] said: 450-4.2.1 rate limited 450 4.2.1 x (in reply to RCPT TO command)\n',
        'SMTP error from remote mail server after RCPT TO:<a@b>: 451 4.7.650 H=mx [2001:db8::1]: no\n',
      ],
      take: (text) => {
        const status = parseStatusCode(text);
        assert(status.reply === null || (status.reply >= 200 && status.reply < 600));
        assert(status.enhanced === null || /^[245]\.\d{1,3}\.\d{1,3}$/.test(status.enhanced));
        assert.equal(describeStatus(status) === '', status.class === null);
      },
    },
    {
      name: 'found queues',
      samples: ['postfix\tpostfix\npostfix\tpostfix-out\nmailman3\tmailman3\n'],
      take: (text) => {
        const known = [{ name: 'postfix', find: 'true' }];
        for (const { software, instance } of parseFound(text, known))
          assert(software === 'postfix' && /^[\w.+@-]+$/.test(instance ?? ''));
        assert(findScript(known).endsWith('exit 0'));
      },
    },
  ];
}

/** A format: every line in order, then its end. */
function listing(format: ListingFormat, samples: readonly string[]): Target {
  return {
    name: format.name,
    samples,
    take(text) {
      const lines = text.split('\n');
      format.looksLike(lines.filter((line) => line.trim() !== '').slice(0, 20));
      let messages = 0;
      let malformed = 0;
      const parser = format.open(
        {
          message: (one) => {
            messages += 1;
            isMessage(one);
          },
          malformed: (line, what) => {
            malformed += 1;
            assert(line >= 1 && line <= lines.length, `line ${line} of ${lines.length}`);
            assert(what !== '');
          },
        },
        CONTEXT,
      );
      for (const line of lines) parser.line(line);
      parser.end();
      assert(messages + malformed <= lines.length * 2, 'more came out than went in');
    },
  };
}

function eachLine(name: string, samples: readonly string[], take: (line: string) => void): Target {
  return {
    name,
    samples,
    take: (text) => {
      for (const line of text.split('\n')) take(line);
    },
  };
}

function log(
  name: string,
  sample: string,
  open: () => { line(text: string): { readonly at: number; readonly recipient: string } | null },
): Target {
  return {
    name,
    samples: [sample],
    take(text) {
      const reader = open();
      for (const line of text.split('\n')) {
        const event = reader.line(line);
        if (event === null) continue;
        assert(Number.isFinite(event.at));
        assert.equal(typeof event.recipient, 'string');
      }
    },
  };
}

type Parsed = { readonly kind: string } & { readonly message?: QueueMessage; readonly what?: string };

function message(parsed: Parsed): void {
  if (parsed.kind === 'message' && parsed.message !== undefined) isMessage(parsed.message);
  if (parsed.kind === 'malformed') assert(typeof parsed.what === 'string' && parsed.what !== '');
}

const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 0;

function isMessage({ id, state, arrivedAt, sizeBytes, sender, recipients }: QueueMessage): void {
  assert(typeof id === 'string' && id !== '', 'an id is a text');
  assert(typeof state === 'string' && state !== '', 'a state is a word');
  assert(arrivedAt === null || Number.isSafeInteger(arrivedAt), `arrival ${arrivedAt}`);
  assert(isCount(sizeBytes), `size ${sizeBytes}`);
  assert(sender === null || typeof sender === 'string');
  assert.equal(
    new Set(recipients.map(({ address }) => address)).size,
    recipients.length,
    'a recipient twice',
  );
}
