// Postfix's listings as files: `postqueue -j` (3.1 and later), a message a line, and `mailq`, the text for people.
// Texts are hostile and stay data; what is cut off or does not add up is named. Pure.
import type { ListingFormat, ListingParser, ListingSink } from '../../queue/listing-format.js';
import { mailqParser } from './parse-mailq.js';
import { glancePostqueueLine, parsePostqueueLine } from './parse-postqueue.js';

/** In the order in which they are asked. */
export const postfixFormats: readonly ListingFormat[] = [
  {
    name: 'postfix-json',
    looksLike: (lines) => lines.some((line) => line.includes('"queue_id"') && line.includes('"queue_name"')),
    open: jsonParser,
  },
  {
    name: 'postfix-mailq',
    looksLike: (lines) =>
      lines.some(
        (line) =>
          /^-+Queue ID-+ +-+Size-+ +-+Arrival Time-+ +-+Sender\/Recipient-+$/.test(line.trim()) ||
          /^Mail queue is empty$/.test(line.trim()),
      ),
    open: mailqParser,
  },
];

function jsonParser(
  sink: ListingSink,
  { queue, host, glance }: { queue: string; host: string; glance?: boolean | undefined },
): ListingParser {
  const parse = glance === true ? glancePostqueueLine : parsePostqueueLine;
  let number = 0;
  return {
    line(text) {
      number += 1;
      const parsed = parse(queue, host, text);
      if (parsed.kind === 'message') sink.message(parsed.message);
      else if (parsed.kind === 'malformed') sink.malformed(number, parsed.what);
    },
    end() {},
  };
}
