// A connection by nc, one process each, where a host has neither perl nor python3. Its first line on stderr, `succeeded!`
// (openbsd) or `open` (traditional), says that it is connected; without such a line the peer's first bytes do. Times
// hold the way to the host, and nothing is known of the connection but what comes over it.

import type { Writable } from 'node:stream';
import { Duplex } from 'node:stream';
import type { Host } from '../../fleet/host.js';
import type { Clock } from '../../lib/clock.js';
import type { ConnectOptions, Flow } from '../../probe/vantage.js';
import type { Transport } from '../../transport/transport.js';
import { FlowError } from './failure.js';

// $1 address, $2 port, $3 source or empty, $4 source port or empty. Both streams in one, since only stdout comes as it
// is said. -n: no names are looked up.
const SCRIPT = `
address=$1 port=$2 source=$3 sport=$4
set --
[ -z "$source" ] || set -- "$@" -s "$source"
[ -z "$sport" ] || set -- "$@" -p "$sport"
exec nc -n -v "$@" "$address" "$port" 2>&1
`;

const LIFE_MS = 60_000;
const MAX_FIRST_LINE = 4096;
const PIECE_BYTES = 65_536;

class NetcatFlow extends Duplex implements Flow {
  readonly localPort: number;
  readonly connectMs: number;
  bytesReceived = 0;
  readonly receivedAt = null;
  readonly sentAt = null;
  readonly errors = [];
  readonly #stdin: Writable;
  readonly #stop: () => void;

  constructor(
    stdin: Writable,
    stop: () => void,
    facts: { readonly localPort: number; readonly connectMs: number },
  ) {
    super({ highWaterMark: PIECE_BYTES });
    this.#stdin = stdin;
    this.#stop = stop;
    this.localPort = facts.localPort;
    this.connectMs = facts.connectMs;
    this.on('error', () => {});
  }

  tcpInfo(): Promise<null> {
    return Promise.resolve(null);
  }

  setTtl(): Promise<void> {
    return Promise.reject(
      new FlowError({ phase: 'open', errno: null, code: 'ENOTSUP', message: 'nc sets no TTL' }),
    );
  }

  arrived(data: Buffer): void {
    this.bytesReceived += data.length;
    this.push(data);
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, callback: (error?: Error | null) => void): void {
    this.#stdin.write(chunk, callback);
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#stop();
    callback(error);
  }
}

/** Connects. @throws FlowFailure */
export function netcatConnect(
  { transport, host, clock }: { readonly transport: Transport; readonly host: Host; readonly clock: Clock },
  options: ConnectOptions,
  signal?: AbortSignal,
): Promise<Flow> {
  if (options.interface !== null) {
    return Promise.reject(
      new FlowError({
        phase: 'local',
        errno: null,
        code: 'ENOTSUP',
        message: 'nc takes no interface, only a source address',
      }),
    );
  }
  return new Promise((resolve, reject) => {
    const stop = new AbortController();
    let begunAt = clock.monotonic();
    let cancel = () => {};
    let stdin: Writable | undefined;
    let flow: NetcatFlow | undefined;
    let first = Buffer.alloc(0);
    let received = 0;
    const since = () => clock.monotonic() - begunAt;
    const onAbort = () => {
      stop.abort();
      cancel();
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    const end = (errno: number, message?: string) => {
      cancel();
      signal?.removeEventListener('abort', onAbort);
      stop.abort();
      const facts = { errno, ...(message === undefined ? {} : { message }), ms: since() };
      reject(new FlowError({ ...facts, phase: errno === 99 || errno === 98 ? 'local' : 'connect' }));
    };
    const open = (rest: Buffer) => {
      cancel();
      signal?.removeEventListener('abort', onAbort);
      flow = new NetcatFlow(stdin as Writable, () => stop.abort(), {
        localPort: options.sourcePort ?? 0,
        connectMs: since(),
      });
      resolve(flow);
      if (rest.length > 0) flow.arrived(rest);
    };
    const onData = (data: Buffer) => {
      if (flow !== undefined) {
        // There is no credit over nc: a peer that never stops is cut off.
        received += data.length;
        if (received > MAX_RECEIVED)
          flow.destroy(
            new FlowError({
              phase: 'open',
              errno: null,
              code: 'EMSGSIZE',
              message: 'more than anybody may send',
            }),
          );
        else flow.arrived(data);
        return;
      }
      first = Buffer.concat([first, data]);
      const at = first.indexOf(10);
      if (at === -1 && first.length < MAX_FIRST_LINE) return;
      const line = first.toString('latin1', 0, at === -1 ? first.length : at);
      if (/succeeded!|\bopen$|Connected to/i.test(line)) open(first.subarray(at + 1));
      else if (/refused/i.test(line)) end(111);
      else if (/timed out/i.test(line)) end(110);
      else if (/no route|unreachable/i.test(line)) end(113);
      else if (/assign requested/i.test(line)) end(99);
      else if (/in use/i.test(line)) end(98);
      else open(first);
    };
    const script = {
      name: 'probe.nc',
      script: SCRIPT,
      args: [options.address, String(options.port), options.source ?? '', String(options.sourcePort ?? '')],
      readOnly: true,
      privileged: false,
      timeoutMs: LIFE_MS,
    };
    const dialogue = {
      onOpen: (stream: Writable) => {
        stdin = stream;
        if (stop.signal.aborted) return;
        // Waiting for a session of the host is no part of connecting.
        begunAt = clock.monotonic();
        cancel = clock.timer(options.timeoutMs, () => end(110));
      },
      onData,
    };
    transport.run(host, script, { signal: stop.signal, dialogue }).then(
      () => (flow === undefined ? end(111, 'nc ended without a connection') : flow.push(null)),
      (error: Error) => {
        if (flow === undefined) end(0, error.message);
        else if (!stop.signal.aborted)
          flow.destroy(new FlowError({ phase: 'open', errno: null, message: error.message }));
      },
    );
  });
}

const MAX_RECEIVED = 4 * 1024 * 1024;
