import { once } from 'node:events';
import t from 'tap';
import { LIMITS } from '../../src/http/app.js';
import { ask, RawConnection, requestText } from '../support/raw-http.js';
import { OWNER_TOKEN, runApp } from '../support/running-app.js';

const SHORT = { request: 100, checked: 20, idle: 100, connections: 8 };

t.test('who is slow is cut off', async (t) => {
  t.ok(LIMITS.request <= 15_000 && LIMITS.connections <= 1024, 'in earnest too');
  const { port } = await runApp(t, { limits: SHORT });
  const slow: [string, string][] = [
    ['says nothing', ''],
    ['stops in the request line', 'GET /cre'],
    ['stops in the headers', `GET /creds/dev HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nX: `],
    [
      'stops in the body',
      requestText(port, { method: 'POST', target: '/api/leases', headers: ['Content-Length: 9'] }),
    ],
    ['asks once and stays', requestText(port, { target: '/healthz' })],
  ];
  for (const [what, text] of slow) {
    const connection = new RawConnection(port).send(text);
    t.match(await connection.rest(), what === 'asks once and stays' ? /200 OK/ : /^$|^HTTP\/1\.1 4/, what);
  }
});

t.test('what is huge is refused', async (t) => {
  const { port } = await runApp(t);
  const huge = 'x'.repeat(100_000);
  const headers = [
    `Authorization: ${OWNER_TOKEN}`,
    'Content-Type: application/json',
    'Content-Length: 100000',
  ];
  t.match(await ask(port, { method: 'POST', target: '/api/leases', headers, body: huge }), { status: 400 });
  t.match((await ask(port, { headers: [`X: ${huge}`] }))?.status, 400);
  t.match((await ask(port, { target: `/creds/${huge}` }))?.status, 400);
});

t.test('no more than so many are connected', async (t) => {
  const { port } = await runApp(t, { limits: { ...LIMITS, connections: 8 } });
  const connected = Array.from({ length: 8 }, () => new RawConnection(port));
  t.teardown(() => connected.forEach((it) => void it.close()));
  for (const it of connected) await it.send(requestText(port, { target: '/healthz' })).answer();
  t.equal(await ask(port, { target: '/healthz' }), undefined, 'one too many');
  const [first] = connected;
  if (!first) throw new Error('none');
  first.send('nonsense\r\n\r\n');
  await once(first.socket, 'close');
  t.match(await ask(port, { target: '/healthz' }), { status: 200 }, 'room again');
});
