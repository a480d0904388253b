// The fast reading of `postqueue -j` says what the thorough one says, of real lines and of lines that were broken by
// a seeded hand.
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { glancePostqueueLine, parsePostqueueLine } from '../../../../src/drivers/postfix/parse-postqueue.js';

const lines = readFileSync(new URL('../../../fixtures/postfix/postqueue-j-3.7.json', import.meta.url), 'utf8')
  .trim()
  .split('\n');
const odd = (recipients: string, sender = 'a@b') =>
  `{"queue_name": "deferred", "queue_id": "A1", "arrival_time": 1, "message_size": 2, "forced_expire": false, "sender": "${sender}", "recipients": [${recipients}]}`;
const more = [
  '',
  odd(''),
  odd('{"address": "a@b"}, {"address": "a@b", "delay_reason": "x"}'),
  odd('{"address": "\\"q\\"@b", "delay_reason": "say \\"no\\""}'),
  odd('{"address": "ü@bücher.example"}', 'MAILER-DAEMON'),
  odd('{"address": "a@b"},{"address": "c@d"}'),
  odd(Array.from({ length: 40 }, (_, at) => `{"address": "a${at}@b", "delay_reason": "r"}`).join(', ')),
  `${odd('{"address": "a@b"}')} `,
  odd('{"address": "a@b"}').replace('"arrival_time": 1', '"arrival_time": 01'),
];

it('is the same, whatever was done to the line', () => {
  let seed = 7;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  const same = (line: string) =>
    expect(glancePostqueueLine('q', 'h', line), line).toEqual(parsePostqueueLine('q', 'h', line));
  for (const line of [...lines, ...more]) {
    same(line);
    for (let round = 0; round < 200; round++) {
      const at = random(line.length + 1);
      const put = ['', '"', '\\', ',', '}', ' ', '0', '\u0001', 'é'][random(9)] ?? '';
      same(line.slice(0, at) + put + line.slice(at + random(3)));
    }
  }
});

it('knows nothing of a sender that a line does not name: that is not the null sender', () => {
  const line =
    '{"queue_name": "deferred", "queue_id": "A1", "arrival_time": 1, "message_size": 2, "recipients": []}';
  for (const parse of [glancePostqueueLine, parsePostqueueLine])
    expect(parse('q', 'h', line)).toMatchObject({ message: { sender: null } });
});
