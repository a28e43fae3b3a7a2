import { once } from 'node:events';
import { connect } from 'node:net';
import t from 'tap';
import { API, api, check, owner } from '../support/guard.js';
import { ask, exchange, RawConnection, requestText } from '../support/raw-http.js';
import { runApp } from '../support/running-app.js';

t.test('nothing that was forwarded', async (t) => {
  const { port } = await runApp(t, { api });
  for (const header of [
    'X-Forwarded-For: 127.0.0.1',
    'x-forwarded-for:',
    'Forwarded: for=127.0.0.1',
    'Via: 1.1 x',
  ]) {
    await check(t, port, [
      [header, 403, { headers: [header] }],
      [`${header}, on /healthz`, 403, { target: '/healthz', headers: [header] }],
      [`${header}, on /api`, 403, { target: API, headers: [header, owner] }],
    ]);
  }
});

t.test('each request of a connection is judged by itself', async (t) => {
  const { port } = await runApp(t, { api });
  const connection = new RawConnection(port);
  t.teardown(() => connection.close());
  const statuses: unknown[] = [];
  for (const request of [{}, { headers: ['Origin: x'] }, { headers: [owner] }, { host: 'evil' }, {}]) {
    connection.send(requestText(port, request));
    statuses.push((await connection.answer())?.status);
  }
  t.same(statuses, [200, 403, 200, 403, 200]);
});

t.test('a refusal is logged with its reason, and without the token', async (t) => {
  const { port, lines } = await runApp(t, { api });
  await ask(port, { headers: ['Authorization: hunter2-hunter2'] });
  t.match(lines, [{ level: 'warn', context: { code: 'Unauthorized' }, message: /token/ }]);
  t.notMatch(JSON.stringify(lines), 'hunter2');
});

t.test('loopback of IPv4 alone is listened to', async (t) => {
  const { port } = await runApp(t);
  const socket = connect(port, '::1');
  t.match((await once(socket, 'error'))[0], { code: /ECONNREFUSED|EADDRNOTAVAIL|ENETUNREACH/ });
  t.equal((await exchange(port, requestText(port, {})))?.status, 200);
});
