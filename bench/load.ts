import { connect } from 'node:net';

const CONNECTIONS = 32;

export interface Load {
  /** Requests answered in a second. */
  rate: number;
  /** Milliseconds. */
  p99: number;
}

/**
 * Asks over 32 kept-alive connections, one request at a time on each, for about `duration` milliseconds; or with a
 * fresh connection for each request.
 */
export async function load(
  url: string,
  headers: Record<string, string>,
  duration: number,
  fresh = false,
): Promise<Load> {
  const { host, hostname, port, pathname } = new URL(url);
  const lines = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`);
  const request = `GET ${pathname} HTTP/1.1\r\n${lines.join('')}\r\n`;
  const begin = performance.now();
  const latencies = await Promise.all(
    Array.from({ length: CONNECTIONS }, () =>
      fresh
        ? askAnew(hostname, Number(port), request, begin + duration)
        : askInTurn(hostname, Number(port), request, begin + duration),
    ),
  );
  const seconds = (performance.now() - begin) / 1000;
  const sorted = latencies.flat().sort((a, b) => a - b);
  return { rate: sorted.length / seconds, p99: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN };
}

async function askAnew(host: string, port: number, request: string, end: number): Promise<number[]> {
  const latencies: number[] = [];
  while (performance.now() < end) {
    const begin = performance.now();
    await askInTurn(host, port, request, begin);
    latencies.push(performance.now() - begin);
  }
  return latencies;
}

function askInTurn(host: string, port: number, request: string, end: number): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const latencies: number[] = [];
    const socket = connect(port, host, ask);
    let asked = 0;
    let received = 0;
    /** All answers are alike, so the length of the first tells when the next is complete. */
    let answerLength = 0;

    function ask(): void {
      received = 0;
      asked = performance.now();
      socket.write(request);
    }
    socket.on('data', (chunk) => {
      if (answerLength === 0) answerLength = lengthOf(chunk, reject);
      received += chunk.length;
      if (received < answerLength) return;
      latencies.push(performance.now() - asked);
      if (performance.now() < end) return ask();
      socket.destroy();
      resolve(latencies);
    });
    socket.on('error', reject);
    socket.on('end', () => reject(new Error('the server closed the connection')));
  });
}

function lengthOf(answer: Buffer, fail: (error: Error) => void): number {
  const text = answer.toString('latin1');
  if (!text.startsWith('HTTP/1.1 200')) fail(new Error(text.slice(0, 400)));
  const body = Number(/content-length: (\d+)/i.exec(text)?.[1]);
  return text.indexOf('\r\n\r\n') + 4 + body;
}
