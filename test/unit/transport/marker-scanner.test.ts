import { describe, expect, it } from 'vitest';
import { type Marker, MarkerScanner } from '../../../src/transport/marker-scanner.js';

const NONCE = '0123456789abcdef';

function scan(chunks: readonly Buffer[]): { readonly data: string; readonly markers: readonly Marker[] } {
  const data: Buffer[] = [];
  const markers: Marker[] = [];
  const scanner = new MarkerScanner(
    NONCE,
    (piece) => data.push(Buffer.from(piece)),
    (marker) => markers.push(marker),
  );
  for (const chunk of chunks) scanner.push(chunk);
  scanner.end();
  return { data: Buffer.concat(data).toString('latin1'), markers };
}

const text = `chatter\u001ehello ${NONCE}\nü\u001e\u001eend ${NONCE} 7\n\u001eend other 3\n\u001e${NONCE}\nlast\u001ehel`;
const expected = {
  data: Buffer.from(`chatterü\u001e\u001eend other 3\n\u001e${NONCE}\nlast\u001ehel`).toString('latin1'),
  markers: [
    { word: 'hello', value: undefined },
    { word: 'end', value: 7 },
  ],
};

describe('the marker scanner', () => {
  it('finds markers and passes everything else on, wherever the chunks are cut', () => {
    const bytes = Buffer.from(text);
    expect(scan([bytes])).toEqual(expected);
    for (let cut = 1; cut < bytes.length; cut += 1) {
      expect(scan([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(expected);
    }
    expect(scan(Array.from(bytes, (byte) => Buffer.from([byte])))).toEqual(expected);
  });

  it('takes nothing with a wrong nonce, a sign, a letter or too many digits for a marker', () => {
    for (const line of [
      `rc ${NONCE}0 1`,
      `rc ${NONCE} -1`,
      `rc ${NONCE} 1x`,
      `rc ${NONCE} 12345678901`,
      `RC ${NONCE}`,
      `rc  ${NONCE}`,
    ]) {
      expect(scan([Buffer.from(`\u001e${line}\n`)])).toEqual({ data: `\u001e${line}\n`, markers: [] });
    }
  });

  it('passes megabytes of separators without holding them', () => {
    const hostile = Buffer.alloc(4_000_000, 0x1e);
    expect(scan([hostile, hostile]).data.length).toBe(8_000_000);
  });
});
