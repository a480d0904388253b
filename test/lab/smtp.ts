/** Just enough SMTP to hand messages to mx1 and to know which of them it accepted. */
import net from 'node:net';
import { LabError } from './errors.js';

export class SmtpSession {
  #buffer = '';
  #replies: string[] = [];
  #wake: (() => void) | undefined;
  #closed: Error | undefined;

  private constructor(private readonly socket: net.Socket) {
    socket.setEncoding('latin1');
    socket.on('data', (chunk) => this.#read(String(chunk)));
    socket.on('error', (error) => this.#end(error));
    socket.on('close', () => this.#end(new LabError('mx1 closed the connection')));
    socket.setTimeout(20_000, () => socket.destroy(new LabError('mx1 does not answer')));
  }

  /** Connects and says EHLO. */
  static async open(host: string): Promise<SmtpSession> {
    const session = new SmtpSession(net.connect({ host, port: 25 }));
    await session.#expect('220');
    session.socket.write('EHLO bastion.lab.example\r\n');
    await session.#expect('250');
    return session;
  }

  #read(chunk: string): void {
    this.#buffer += chunk;
    for (let end = this.#buffer.indexOf('\r\n'); end >= 0; end = this.#buffer.indexOf('\r\n')) {
      const line = this.#buffer.slice(0, end);
      this.#buffer = this.#buffer.slice(end + 2);
      // "250-" goes on, "250 " ends a reply.
      if (line[3] !== '-') this.#replies.push(line);
    }
    this.#wake?.();
  }

  #end(error: Error): void {
    this.#closed ??= error;
    this.#wake?.();
  }

  async #reply(): Promise<string> {
    for (;;) {
      const reply = this.#replies.shift();
      if (reply !== undefined) return reply;
      if (this.#closed) throw this.#closed;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async #expect(code: string): Promise<void> {
    const reply = await this.#reply();
    if (!reply.startsWith(code)) throw new LabError(`mx1: ${reply}`);
  }

  /** Hands over one message; returns when mx1 has taken responsibility for it, else throws. */
  async send(from: string, to: string, text: string): Promise<void> {
    this.socket.write(`MAIL FROM:<${from}>\r\nRCPT TO:<${to}>\r\nDATA\r\n`);
    const replies = [await this.#reply(), await this.#reply(), await this.#reply()];
    const refused = replies.find((reply) => !/^[23]/.test(reply));
    if (refused !== undefined) throw new LabError(`mx1: ${refused}`);
    this.socket.write(`${text.replace(/^\./gm, '..').replace(/\r?\n/g, '\r\n')}\r\n.\r\n`);
    await this.#expect('250');
  }

  close(): void {
    this.socket.destroy();
  }
}
