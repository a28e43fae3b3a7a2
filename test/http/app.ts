import type { Socket } from 'node:net';
import t from 'tap';
import { ask, exchange, RawConnection, requestText } from '../support/raw-http.js';
import { OWNER_TOKEN, runApp } from '../support/running-app.js';

const owner = `Authorization: ${OWNER_TOKEN}`;

t.test('/healthz says that we are well, and nothing about profiles', async (t) => {
  const { port } = await runApp(t);
  const answer = await ask(port, { target: '/healthz' });
  t.equal(answer?.status, 200);
  t.equal(answer?.body, '{"status":"ok"}');
  t.equal(answer?.headers['content-type'], 'application/json');
});

t.test('/ says in one line what this is', async (t) => {
  const { port } = await runApp(t);
  const answer = await ask(port, { target: '/' });
  t.equal(answer?.status, 200);
  t.match(answer?.headers['content-type'], /^text\/plain/);
  t.match(answer?.body, /^[^\n]*credd[^\n]*\n$/);
});

t.test('elsewhere there is nothing', async (t) => {
  const { port } = await runApp(t);
  for (const target of ['/api', '/api/x', '/favicon.ico', '/healthz/', '/%']) {
    const answer = await ask(port, { target, headers: [owner] });
    t.equal(answer?.status, target === '/%' ? 400 : 404, target);
    t.equal(answer?.headers['content-type'], 'application/json');
    t.ok(JSON.parse(answer?.body ?? '').Message);
  }
  t.equal((await ask(port, { method: 'POST', target: '/healthz' }))?.status, 404);
});

t.test(
  'a bug shows neither its words nor its place to the client, and its words not to the log',
  async (t) => {
    const bug = () => {
      throw new TypeError('AKIASECRET is not a function');
    };
    const { port, lines } = await runApp(t, {
      provide: async () => bug(),
      api: {
        status: bug,
        profiles: () => Promise.reject(new Error('AKIASECRET')),
        session: async () => bug(),
      },
    });
    for (const target of ['/api/status', '/api/profiles', '/api/sessions/dev']) {
      const answer = await ask(port, { target, headers: [owner] });
      t.equal(answer?.status, 500, target);
      t.equal(answer?.headers['content-type'], 'application/json');
      t.match(JSON.parse(answer?.body ?? ''), { code: 'InternalError', message: /bug/ });
      t.notMatch(answer?.body, /AKIASECRET|TypeError| at |\.ts|node:/);
    }
    t.equal(lines.filter(({ level }) => level === 'error').length, 3);
    t.match(lines, [{ level: 'error', context: { type: 'TypeError', at: [/test.http.app/] } }]);
    t.notMatch(JSON.stringify(lines), 'AKIASECRET');
  },
);

t.test('what is thrown need not be an Error', async (t) => {
  const { port } = await runApp(t, { api: { status: () => Promise.reject('AKIASECRET') } });
  const answer = await ask(port, { target: '/api/status', headers: [owner] });
  t.equal(answer?.status, 500);
  t.notMatch(answer?.body, 'AKIASECRET');
});

t.test('bytes that are no request', async (t) => {
  const { port, app } = await runApp(t);
  const get = (headers: string) => `GET /creds/dev HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${headers}\r\n`;
  const cases: [what: string, bytes: string | Buffer][] = [
    ['garbage', '\u0000\u0001garbage\r\n\r\n'],
    ['TLS', Buffer.from('16030100c8010000c40303', 'hex')],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['HTTP/3.0', `GET /creds/dev HTTP/3.0\r\nHost: 127.0.0.1:${port}\r\n\r\n`],
    ['an unknown method', `VEND /creds/dev HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`],
    ['a space in the target', `GET /creds/a b HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`],
    ['a NUL in the target', `GET /creds/dev\u0000 HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`],
    ['a NUL in a header', get('X: a\u0000b\r\n')],
    ['a header without colon', get('nonsense\r\n')],
    ['a space before the colon', get('Authorization : x\r\n')],
    ['a folded header', get('X: a\r\n b\r\n').replace('Host', ' Host')],
    ['bare LF', `GET /creds/dev HTTP/1.1\nHost: 127.0.0.1:${port}\n\n`],
    ['bare CR', get('X: a\rAuthorization: b\r\n')],
    ['Content-Length and Transfer-Encoding', get('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n')],
    ['Transfer-Encoding and Content-Length', get('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n')],
    ['two lengths', get('Content-Length: 0\r\nContent-Length: 5\r\n')],
    ['a negative length', get('Content-Length: -1\r\n')],
    ['a length with a plus', get('Content-Length: +1\r\n')],
    ['a hexadecimal length', get('Content-Length: 0x1\r\n')],
    ['an odd encoding', get('Transfer-Encoding: xchunked\r\n').replace('GET', 'POST')],
    ['a broken chunk', `${get('Transfer-Encoding: chunked\r\n').replace('GET', 'POST')}zz\r\n`],
    ['headers beyond 16 KB', get(`X: ${'x'.repeat(17_000)}\r\n`)],
    ['a target beyond 16 KB', requestText(port, { target: `/creds/${'x'.repeat(17_000)}` })],
    ['CONNECT', `CONNECT 127.0.0.1:${port} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`],
  ];
  for (const [what, bytes] of cases) {
    const connection = new RawConnection(port).send(bytes);
    const answer = await connection.answer();
    t.equal(answer?.status, 400, what);
    t.equal(answer?.headers['content-type'], 'application/json', what);
    t.ok(JSON.parse(answer?.body ?? '').Message);
    t.equal(await connection.rest(), '', 'the connection ends there');
  }
  t.equal((await ask(port))?.status, 200, 'the next client is served');
  await app.close(); // would wait for a connection that is left
});

t.test('a second request smuggled in a body is none', async (t) => {
  const { port } = await runApp(t, { profiles: ['dev', 'prod'] });
  const inner = requestText(port, { target: '/creds/prod' });
  const connection = new RawConnection(port).send(
    requestText(port, { body: inner, headers: [`Content-Length: ${inner.length}`, 'Connection: close'] }),
  );
  t.match((await connection.answer())?.body, Buffer.from('dev').toString('hex'));
  t.equal(await connection.rest(), '');
});

t.test('garbage behind a request', async (t) => {
  const { port, app } = await runApp(t);
  const connection = new RawConnection(port).send(`${requestText(port, {})}\u0001\u0002\r\n\r\n`);
  t.ok([200, 400].includes((await connection.answer())?.status ?? 0));
  await connection.rest();
  t.equal((await ask(port))?.status, 200);
  await app.close();
});

t.test('a client that goes away while it waits', async (t) => {
  let answer = () => {};
  const waiting = new Promise<void>((resolve) => {
    answer = resolve;
  });
  let asked = () => {};
  const wasAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const { port, clock, lines } = await runApp(t, {
    async provide() {
      asked();
      await waiting;
      return {
        accessKeyId: 'A',
        secretAccessKey: 'B',
        sessionToken: 'C',
        expiration: clock.now() + 3600_000,
      };
    },
  });
  const connection = new RawConnection(port).send(requestText(port, {}));
  await wasAsked;
  connection.close();
  await connection.rest();
  answer();
  t.equal((await ask(port))?.status, 200);
  t.notOk(lines.some(({ level }) => level === 'error'));
});

t.test('Expect', async (t) => {
  const { port } = await runApp(t);
  t.equal(
    (await ask(port, { headers: ['Expect: wonders'] }))?.status,
    200,
    'an expectation that we do not know',
  );
  t.equal((await ask(port, { host: 'evil.test', headers: ['Expect: wonders'] }))?.status, 403);
});

t.test('Upgrade is not taken', async (t) => {
  const { port } = await runApp(t);
  const headers = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
  t.equal((await ask(port, { headers }))?.status, 200);
  t.equal(
    (await ask(port, { headers: ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c'] }))?.status,
    200,
  );
});

t.test('slow, idle and huge requests are cut off', async (t) => {
  const { app, port } = await runApp(t);
  t.ok(app.server.headersTimeout > 0 && app.server.headersTimeout <= 15_000);
  t.ok(app.server.requestTimeout > 0 && app.server.requestTimeout <= 15_000);
  t.ok(app.server.keepAliveTimeout > 60_000, 'longer than SDKs keep a connection');
  const body = 'x'.repeat(70_000);
  const huge = await exchange(
    port,
    requestText(port, {
      method: 'POST',
      target: '/api/leases',
      headers: [owner, `Content-Length: ${body.length}`, 'Content-Type: application/json'],
    }),
  );
  t.equal(huge?.status, 400, 'refused by its length, before it comes');
});

t.test('a request that does not end is answered and cut off', async (t) => {
  const { app, port } = await runApp(t);
  // What Node does when one of the times above is over.
  const accepted = new Promise<Socket>((resolve) => app.server.once('connection', resolve));
  const connection = new RawConnection(port).send('GET /creds/dev HTTP/1.1\r\nHost:');
  const tooSlow = Object.assign(new Error('Request timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' });
  app.server.emit('clientError', tooSlow, await accepted);
  t.equal((await connection.answer())?.status, 400);
  t.equal(await connection.rest(), '');
});
