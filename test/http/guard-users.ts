import t from 'tap';
import { API, api, check, owner } from '../support/guard.js';
import { needsRoot, otherUid, runScript } from '../support/loopback.js';
import { OWNER_TOKEN, runApp, sameUserSays } from '../support/running-app.js';

t.test('somebody else has nothing but /healthz, with a caught token too', async (t) => {
  const { port, leases } = await runApp(t, { api, sameUser: sameUserSays(false) });
  const { token } = await leases.grant({ profile: 'dev' });
  await check(t, port, [
    ['/healthz', 200, { target: '/healthz' }],
    ['/', 401, { target: '/' }],
    ['/creds', 401, {}],
    ['/creds, unknown', 401, { target: '/creds/nobody' }],
    ['/creds, malformed', 401, { target: '/creds/' }],
    ['/api', 401, { target: API }],
    ["/creds, with the owner's token", 403, { headers: [owner] }],
    ['/creds, with a lease', 403, { headers: [`Authorization: ${token}`] }],
    ['/creds, with a bad token', 401, { headers: ['Authorization: x'] }],
    ["/api, with the owner's token", 403, { target: API, headers: [owner] }],
    ["/healthz, with the owner's token", 403, { target: '/healthz', headers: [owner] }],
  ]);
});

t.test('our user in another user namespace needs a token', async (t) => {
  const { port } = await runApp(t, { api, sameUser: sameUserSays(true, false) });
  await check(t, port, [
    ['no token', 401, {}],
    ['/', 401, { target: '/' }],
    ['a token', 200, { headers: [owner] }],
  ]);
});

t.test('a proof that takes its time, and one that fails', async (t) => {
  const slow = (yes: boolean) => ({
    watch: () => {},
    isOwner: async () => yes,
    isSameUser: async () => yes,
  });
  const good = await runApp(t, { api, sameUser: slow(true) });
  await check(t, good.port, [
    ['no token', 200, {}],
    ['a token', 200, { headers: [owner] }],
    ['a malformed path', 400, { target: '/creds/%zz' }],
  ]);
  const bad = await runApp(t, { api, sameUser: slow(false) });
  await check(t, bad.port, [
    ['no token', 401, {}],
    ['a token', 403, { headers: [owner] }],
    ['a malformed path', 401, { target: '/creds/%zz' }],
  ]);
});

t.test('a second user of this machine', { skip: needsRoot }, async (t) => {
  const { port, leases } = await runApp(t, { api });
  const { token } = await leases.grant({ profile: 'dev' });
  const asked: [status: number, target: string, token?: string][] = [
    [200, '/healthz'],
    [401, '/'],
    [401, '/creds/dev'],
    [401, API],
    [403, '/creds/dev', OWNER_TOKEN],
    [403, '/creds/dev', token],
    [403, API, OWNER_TOKEN],
  ];
  const script = `
    const http = require('http');
    const ask = (path, token) => new Promise((resolve) => http.get(
      { port: ${port}, host: '127.0.0.1', path, agent: false, headers: token ? { authorization: token } : {} },
      (answer) => { answer.resume(); resolve(answer.statusCode); },
    ));
    (async () => {
      for (const [, path, token] of ${JSON.stringify(asked)}) console.log(await ask(path, token));
    })()`;
  const somebody = await runScript(t, script, { uid: otherUid });
  for (const [status, target, token] of asked)
    t.equal(
      Number(await somebody.hears()),
      status,
      `${target} ${token ? 'with a caught token' : 'without a token'}`,
    );
});
