import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface RawAnswer {
  status: number;
  /** By lower-case name. */
  headers: Record<string, string>;
  body: string;
}

/** A connection on which a test says exactly what it means: no client normalises it. */
export class RawConnection {
  readonly socket: Socket;
  #bytes = Buffer.alloc(0);
  #ended = false;
  #wake = () => {};

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('data', (chunk) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake();
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  send(text: string | Buffer): this {
    this.socket.write(typeof text === 'string' ? Buffer.from(text, 'utf8') : text);
    return this;
  }

  /** The next answer; undefined where the other end closes instead. `bodyless` for the answer to a HEAD. */
  async answer(bodyless = false): Promise<RawAnswer | undefined> {
    for (;;) {
      const taken = this.#take(bodyless);
      if (taken || this.#ended) return taken;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** What came and was no part of an answer that was taken, once the other end has closed. */
  async rest(): Promise<string> {
    if (!this.#ended) await once(this.socket, 'close');
    return this.#bytes.toString();
  }

  close(): void {
    this.socket.destroy();
  }

  #take(bodyless: boolean): RawAnswer | undefined {
    const end = this.#bytes.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const [statusLine = '', ...lines] = this.#bytes.subarray(0, end).toString('latin1').split('\r\n');
    const headers = Object.fromEntries(
      lines.map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 1).trim(),
      ]),
    );
    const length = bodyless ? 0 : Number(headers['content-length']);
    if (!Number.isInteger(length)) throw new Error(`an answer without Content-Length: ${lines.join(' | ')}`);
    if (this.#bytes.length < end + 4 + length) return undefined;
    const body = this.#bytes.subarray(end + 4, end + 4 + length).toString();
    this.#bytes = this.#bytes.subarray(end + 4 + length);
    return { status: Number(statusLine.split(' ')[1]), headers, body };
  }
}

/** One request on a connection of its own, byte for byte, and its answer. */
export async function exchange(port: number, text: string | Buffer): Promise<RawAnswer | undefined> {
  const connection = new RawConnection(port).send(text);
  try {
    return await connection.answer(String(text).startsWith('HEAD '));
  } finally {
    connection.close();
  }
}

export interface RawRequest {
  method?: string;
  target?: string;
  /** As they are to stand on the wire; `Host` too, unless that is left out by `host: undefined`. */
  headers?: readonly string[];
  host?: string | undefined;
  version?: string;
  body?: string;
}

export function requestText(port: number, request: RawRequest): string {
  const { method = 'GET', target = '/creds/dev', headers = [], version = 'HTTP/1.1', body = '' } = request;
  const host = 'host' in request ? request.host : `127.0.0.1:${port}`;
  const lines = [...(host === undefined ? [] : [`Host: ${host}`]), ...headers];
  return `${method} ${target} ${version}\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n${body}`;
}

export function ask(port: number, request: RawRequest = {}): Promise<RawAnswer | undefined> {
  return exchange(port, requestText(port, request));
}
