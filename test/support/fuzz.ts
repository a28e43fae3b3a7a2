import { once } from 'node:events';
import { connect } from 'node:net';

export interface FuzzTarget {
  port: number;
  /** Tokens that are good for /creds/dev. */
  tokens: readonly string[];
  /** What no answer may hold, unless the request showed one of the tokens. */
  secrets: readonly string[];
}

export interface FuzzResult {
  sent: number;
  answered: number;
  byStatus: Record<number, number>;
  /** What should not have been, with the requests that brought it about. */
  faults: string[];
}

const BATCH = 10;
const PATHS = [
  '/creds/dev',
  '/creds/nobody',
  '/creds/',
  '/creds',
  '/healthz',
  '/',
  '/metrics',
  '/api/status',
];
const METHODS = [
  'GET',
  'GET',
  'GET',
  'GET',
  'POST',
  'PUT',
  'DELETE',
  'OPTIONS',
  'PATCH',
  'TRACE',
  'PROPFIND',
];
const PIECES = [
  '..',
  '%2e%2e',
  '%00',
  '%zz',
  '~',
  '~ZGV2',
  '//',
  ';',
  '?',
  '#',
  '%',
  'é',
  'A'.repeat(300),
  'dev',
  '\\',
];
const API = [
  'leases',
  'leases/x',
  'sessions/dev',
  'sessions/dev/refresh',
  'identity/dev',
  'audit/flush',
  'profiles',
];
const VALUES = [
  '',
  'null',
  'http://evil.test',
  'cross-site',
  '127.0.0.1',
  'x'.repeat(2000),
  '"',
  '\u00ff',
  '0',
  '-1',
];
const NAMES = [
  'Origin',
  'Referer',
  'Sec-Fetch-Site',
  'X-Forwarded-For',
  'Via',
  'Forwarded',
  'Cookie',
  'Accept',
];
const MORE = [
  'Range',
  'If-Match',
  'Upgrade',
  'Expect',
  'Authorization',
  'Host',
  'User-Agent',
  'X-Real-IP',
  '__proto__',
];

/** Mulberry32: the same numbers in [0, 1) for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Sends `count` requests, most of them odd and every tenth broken, over many connections at a time. */
export async function fuzz(target: FuzzTarget, count: number, seed: number): Promise<FuzzResult> {
  const random = seeded(seed);
  const result: FuzzResult = { sent: 0, answered: 0, byStatus: {}, faults: [] };
  const worker = async () => {
    while (result.sent < count && result.faults.length < 20) {
      const requests = Array.from({ length: BATCH - 1 }, () => oddRequest(target, random));
      requests.push(mutated(oddRequest(target, random), random));
      result.sent += BATCH;
      judge(await exchangeAll(target.port, Buffer.concat(requests)), requests, target, result);
    }
  };
  await Promise.all(Array.from({ length: 16 }, worker));
  return result;
}

/** Everything that comes back until the other end closes. */
async function exchangeAll(port: number, bytes: Buffer): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk)).on('error', () => {});
  const closed = once(socket, 'close');
  socket.on('end', () => socket.destroy());
  socket.end(bytes);
  await closed;
  return Buffer.concat(chunks).toString('latin1');
}

function judge(answers: string, requests: Buffer[], target: FuzzTarget, result: FuzzResult): void {
  const statuses = [...answers.matchAll(/(?:^|\n|\})HTTP\/1\.1 (\d{3}) /g)].map(([, status]) =>
    Number(status),
  );
  result.answered += statuses.length;
  for (const status of statuses) result.byStatus[status] = (result.byStatus[status] ?? 0) + 1;
  const asked = Buffer.concat(requests).toString('latin1');
  const fault = (what: string) => result.faults.push(`${what}\n${asked}\n---\n${answers}`);
  if (statuses.some((status) => status >= 500)) fault('a 5xx');
  if (!target.tokens.some((token) => asked.includes(token)) && holds(answers, target.secrets))
    fault('a secret');
  if (target.tokens.some((token) => answers.includes(token))) fault('a token');
}

export function holds(text: string, secrets: readonly string[]): boolean {
  return secrets.some((secret) => text.includes(secret));
}

/** Odd, but one that HTTP can read, so that the next one on the connection is heard as well. */
function oddRequest({ port, tokens }: FuzzTarget, random: () => number): Buffer {
  const one = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;
  const method = one(METHODS);
  let path = random() < 0.2 ? `/api/${one(API)}` : one(PATHS);
  while (random() < 0.3) path += one(PIECES);
  const host =
    random() < 0.9
      ? `127.0.0.1:${port}`
      : one(['localhost', 'evil.test', `localhost:${port}`, '2130706433', '']);
  const lines = [`${method} ${path.replace(/[\s#]/g, '')} HTTP/1.1`, `Host: ${host}`];
  if (random() < 0.3) lines.push(`Authorization: ${tokenLike(one(tokens), random)}`);
  while (random() < 0.3) lines.push(`${one(random() < 0.5 ? NAMES : MORE)}: ${one(VALUES)}`);
  const body =
    method === 'POST' || method === 'PUT'
      ? one(['', '{}', '{"profile":"dev"}', '{"__proto__":1}', '[', 'x'])
      : '';
  if (body) lines.push(`Content-Type: ${one(['application/json', 'text/plain', ''])}`);
  lines.push(`Content-Length: ${Buffer.byteLength(body)}`, '', body);
  // What would have the connection closed, or taken for something else, is left to the mutations.
  return Buffer.from(lines.filter((line) => !/^(Upgrade|Expect):/.test(line)).join('\r\n'), 'latin1');
}

function tokenLike(token: string, random: () => number): string {
  if (random() < 0.1) return token;
  const at = Math.floor(random() * token.length);
  const other = token[at] === 'A' ? 'B' : 'A';
  return token.slice(0, at) + other + token.slice(at + (random() < 0.5 ? 1 : 0));
}

/** Bytes changed, taken out, put in, doubled or cut off. */
function mutated(request: Buffer, random: () => number): Buffer {
  let bytes = request;
  do {
    const at = Math.floor(random() * bytes.length);
    const end = at + Math.floor(random() * 20);
    const [head, middle, tail] = [bytes.subarray(0, at), bytes.subarray(at, end), bytes.subarray(end)];
    const noise = Buffer.from(
      Array.from({ length: 1 + Math.floor(random() * 4) }, () => Math.floor(random() * 256)),
    );
    const parts = [
      [head, noise, tail],
      [head, tail],
      [head, noise, middle, tail],
      [head, middle, middle, tail],
      [head, Buffer.from('\r\n'), middle, tail],
      [head],
    ];
    bytes = Buffer.concat(parts[Math.floor(random() * parts.length)] ?? []);
  } while (random() < 0.5);
  return bytes;
}
