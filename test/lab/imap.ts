/** Just enough IMAP to create mailboxes and to ask a server something. One command at a time. */
import net from 'node:net';
import { LabError } from './errors.js';

export class ImapSession {
  #buffer = '';
  #tag = 0;
  #wake: (() => void) | undefined;
  #closed: Error | undefined;

  private constructor(private readonly socket: net.Socket) {
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => {
      this.#buffer += chunk;
      this.#wake?.();
    });
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end(new LabError('the IMAP server closed the connection')));
    socket.setTimeout(15_000, () => socket.destroy(new LabError('the IMAP server does not answer')));
  }

  /** Connects and waits for the greeting. */
  static async open(host: string, port: number): Promise<ImapSession> {
    const session = new ImapSession(net.connect({ host, port }));
    const greeting = await session.#line();
    if (!greeting.startsWith('* OK')) throw new LabError(`${host}:${port}: ${greeting}`);
    return session;
  }

  #end(error: Error): void {
    this.#closed ??= error;
    this.#wake?.();
  }

  async #line(): Promise<string> {
    for (;;) {
      const end = this.#buffer.indexOf('\r\n');
      if (end >= 0) {
        const line = this.#buffer.slice(0, end);
        this.#buffer = this.#buffer.slice(end + 2);
        return line;
      }
      if (this.#closed) throw this.#closed;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** Sends a command; answers the untagged lines. Throws when the server says no. */
  async command(text: string): Promise<string[]> {
    const tag = `a${++this.#tag}`;
    this.socket.write(`${tag} ${text}\r\n`);
    const lines: string[] = [];
    for (;;) {
      const line = await this.#line();
      if (!line.startsWith(`${tag} `)) {
        lines.push(line);
        continue;
      }
      if (!line.startsWith(`${tag} OK`)) throw new LabError(`IMAP: ${text.split(' ')[0]}: ${line}`);
      return lines;
    }
  }

  close(): void {
    this.socket.destroy();
  }
}
