// TLS as a client over a stream of our own making, for probes: the other side's certificate is judged by node and
// described, never enforced. node's `authorizationError` is a code (a string in Node 20, an Error in its types). A TLS
// socket over a home-made stream hears nothing of that stream's end by itself: it is told.
import { createHash } from 'node:crypto';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import type { CertificateSeen } from '../lib/certificate.js';

/** TLS that stands. */
export interface SecuredStream {
  readonly stream: Duplex;
  readonly version: string | null;
  readonly certificate: CertificateSeen | null;
}

/** More names, or longer ones, than any certificate has in honesty. */
const MOST_NAMES = 20;
const LONGEST_NAME = 255;

/**
 * Speaks TLS over `stream`. `serverName` null: an address was asked for, and no name can fit. The stream stays the
 * caller's to destroy; when it ends, so does what is returned.
 * @throws Error with a `code` when there is no TLS to be had; the signal's reason when it is aborted
 */
export function secureOver(
  stream: Duplex,
  serverName: string | null,
  now: number,
  signal?: AbortSignal,
): Promise<SecuredStream> {
  return new Promise((resolve, reject) => {
    const name = serverName !== null && isIP(serverName) === 0 ? serverName.replace(/\.$/, '') : null;
    const socket = connect({
      socket: stream,
      rejectUnauthorized: false,
      ...(name === null ? {} : { servername: name }),
    });
    let isOpen = false;
    const end = (error: unknown) => {
      if (!isOpen) reject(error);
      socket.destroy();
    };
    const onStreamError = (error: Error) => {
      if (isOpen) socket.destroy(error);
      else end(error);
    };
    const onStreamEnd = () => {
      if (!isOpen)
        end(
          Object.assign(new Error('the connection was ended during the TLS handshake'), {
            code: 'ECONNRESET',
          }),
        );
    };
    const onAbort = () => end(signal?.reason);
    stream.once('error', onStreamError);
    stream.once('close', onStreamEnd);
    stream.once('end', onStreamEnd);
    signal?.addEventListener('abort', onAbort, { once: true });
    socket.once('close', () => signal?.removeEventListener('abort', onAbort));
    socket.on('error', (error) => {
      if (!isOpen) end(error);
    });
    socket.once('secureConnect', () => {
      isOpen = true;
      signal?.removeEventListener('abort', onAbort);
      resolve({ stream: socket, version: socket.getProtocol(), certificate: describe(socket, name, now) });
    });
    if (signal?.aborted) onAbort();
    else if (stream.errored !== null) end(stream.errored);
    else if (stream.destroyed || stream.readableEnded) onStreamEnd();
  });
}

function describe(socket: TLSSocket, name: string | null, now: number): CertificateSeen | null {
  const seen = socket.getPeerCertificate(true);
  const x509 = socket.getPeerX509Certificate();
  if (x509 === undefined || seen.raw === undefined) return null;
  const error: unknown = socket.authorizationError;
  const validTo = new Date(seen.valid_to);
  // Without a name node checks the chain alone.
  return {
    error: error === null || error === undefined || error === '' ? null : codeOf(error),
    subject: nameOf(seen.subject),
    issuer: nameOf(seen.issuer),
    names: (x509.subjectAltName ?? '')
      .slice(0, 16_384)
      .split(', ')
      .filter((text) => text !== '')
      .map((text) => text.replace(/^DNS:|^IP Address:/, '').slice(0, LONGEST_NAME))
      .slice(0, MOST_NAMES),
    validFrom: isoOf(new Date(seen.valid_from)),
    validTo: isoOf(validTo),
    isExpired: validTo.getTime() < now,
    fitsName: name === null ? null : x509.checkHost(name) !== undefined,
    sha256: createHash('sha256').update(x509.raw).digest('hex'),
    keySha256: createHash('sha256')
      .update(x509.publicKey.export({ type: 'spki', format: 'der' }))
      .digest('hex'),
    chainLength: lengthOf(seen),
  };
}

function codeOf(error: unknown): string {
  if (typeof error === 'string') return error.slice(0, 100);
  return String((error as { code?: unknown }).code ?? error).slice(0, 100);
}

function nameOf(subject: unknown): string {
  const fields = (subject ?? {}) as Record<string, string | string[] | undefined>;
  const field = fields.CN ?? fields.O ?? '';
  return String(Array.isArray(field) ? field[0] : field).slice(0, LONGEST_NAME);
}

function isoOf(date: Date): string {
  return Number.isNaN(date.getTime()) ? '' : `${date.toISOString().slice(0, 19)}Z`;
}

/** The root is its own issuer in node's chain. */
function lengthOf(certificate: DetailedPeerCertificate): number {
  let length = 1;
  for (let one = certificate; length < 20; length += 1) {
    const next = one.issuerCertificate;
    if (next === undefined || next === null || next === one || next.fingerprint256 === one.fingerprint256)
      break;
    one = next;
  }
  return length;
}
