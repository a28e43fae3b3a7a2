import { once } from 'node:events';
import { connect } from 'node:net';
import t, { type Test } from 'tap';
import { needsRoot, otherUid, runScript } from '../support/loopback.js';
import { ask, exchange, RawConnection, type RawRequest, requestText } from '../support/raw-http.js';
import { OWNER_TOKEN, runApp, sameUserSays } from '../support/running-app.js';

const API = '/api/status';
const api = { status: () => ({ fine: true }) };
const owner = `Authorization: ${OWNER_TOKEN}`;

type Case = [what: string, status: number, request: RawRequest];

async function check(t: Test, port: number, cases: readonly Case[]): Promise<void> {
  for (const [what, status, request] of cases) {
    const answer = await ask(port, request);
    t.equal(answer?.status, status, `${status}: ${what}`);
    if (status === 200) continue;
    const { code, message, Code, Message } = JSON.parse(answer?.body ?? '');
    t.ok(code && message, 'with a reason');
    t.same([Code, Message], [code, message]);
    t.equal(answer?.headers['content-type'], 'application/json');
    t.notMatch(answer?.body, 'secret of');
  }
}

t.test('Host: one of our own names with our port, once', async (t) => {
  const { port } = await runApp(t, { api });
  const good = [`127.0.0.1:${port}`, `localhost:${port}`, `LocalHost:${port}`, `[::1]:${port}`];
  const bad = [
    '127.0.0.1',
    'localhost',
    '[::1]',
    '',
    ':',
    `:${port}`,
    `127.0.0.1:${port + 1}`,
    `127.0.0.1:0${port}`,
    `127.0.0.1:${port}0`,
    `127.0.0.1:${port},127.0.0.1:${port}`,
    `127.0.0.1:${port} evil.test`,
    `127.0.0.1.:${port}`,
    `localhost.:${port}`,
    `127.1:${port}`,
    `127.0.1:${port}`,
    `2130706433:${port}`,
    `0x7f000001:${port}`,
    `0x7f.0.0.1:${port}`,
    `0177.0.0.1:${port}`,
    `017700000001:${port}`,
    `127.0.0.2:${port}`,
    `0.0.0.0:${port}`,
    `::1:${port}`,
    `[::]:${port}`,
    `[::ffff:127.0.0.1]:${port}`,
    `[0:0:0:0:0:0:0:1]:${port}`,
    `[127.0.0.1]:${port}`,
    `127.0.0.1.nip.io:${port}`,
    `localhost.evil:${port}`,
    `evil.localhost:${port}`,
    `evil.test:${port}`,
    `user@127.0.0.1:${port}`,
    `127.0.0.1:${port}@evil.test`,
    `http://127.0.0.1:${port}`,
    `127.0.0.1:${port}/`,
    `127.0.0.1:${port}#`,
    `127.0.0.1:${port}\u00a0`,
    'null',
  ];
  await check(t, port, [
    ...good.map((host): Case => [host, 200, { host }]),
    ...bad.map((host): Case => [`"${host}"`, 403, { host }]),
    ...bad.map((host): Case => [`"${host}", with the owner's token`, 403, { host, headers: [owner] }]),
    ['a bad one on /healthz', 403, { host: 'evil.test', target: '/healthz' }],
    ['a bad one on /', 403, { host: 'evil.test', target: '/' }],
    ['a bad one on /api', 403, { host: 'evil.test', target: API, headers: [owner] }],
    ['none', 403, { host: undefined }],
    ['none, in HTTP/1.0', 403, { host: undefined, version: 'HTTP/1.0' }],
    ['a good one, in HTTP/1.0', 200, { version: 'HTTP/1.0' }],
    ['two good ones', 403, { headers: [`Host: 127.0.0.1:${port}`] }],
    ['a good one, then another', 403, { headers: ['HOST: evil.test'] }],
    ['another, then a good one', 403, { host: 'evil.test', headers: [`hOST: 127.0.0.1:${port}`] }],
  ]);
});

t.test('a target in the form for proxies is no path, whatever its host', async (t) => {
  const { port } = await runApp(t, { api });
  for (const target of [`http://127.0.0.1:${port}/creds/dev`, 'http://evil.test/creds/dev', '*']) {
    await check(t, port, [
      [target, 403, { target }],
      [`${target}, with the owner's token`, 403, { target, headers: [owner] }],
      [`OPTIONS ${target}`, 403, { method: 'OPTIONS', target }],
    ]);
  }
});

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

t.test('nothing from a web page, but our own page beside /creds', async (t) => {
  const { port, leases } = await runApp(t, { api });
  const lease = `Authorization: ${(await leases.grant({ profile: 'dev' })).token}`;
  const own = `http://127.0.0.1:${port}`;
  const foreign = [
    'Origin: http://evil.test',
    'Origin: null',
    'Origin:',
    `Origin: http://127.0.0.1:${port + 1}`,
    `Origin: https://127.0.0.1:${port}`,
    `Origin: http://localhost:${port}`,
    `Origin: ${own}/`,
    `Origin: ${own}.evil.test`,
    'Referer: http://evil.test/',
    `Referer: ${own}`,
    `Referer: http://127.0.0.1:${port}@evil.test/`,
    `Referer: http://localhost:${port}/`,
    'Sec-Fetch-Site: cross-site',
    'Sec-Fetch-Site: same-site',
    'Sec-Fetch-Site:',
    'Sec-Fetch-Mode: cors',
    'Sec-Fetch-Dest: image',
    'Sec-Fetch-Anything: new',
  ];
  const ours = [
    [`Origin: ${own}`],
    [`Referer: ${own}/`],
    ['Sec-Fetch-Site: same-origin', 'Sec-Fetch-Mode: cors'],
    ['Sec-Fetch-Site: none', 'Sec-Fetch-User: ?1'],
    [`Origin: ${own}`, `Referer: ${own}/x`, 'Sec-Fetch-Site: same-origin'],
  ];
  for (const headers of [...foreign.map((header) => [header]), ...ours]) {
    await check(t, port, [
      [`/creds, ${headers}`, 403, { headers }],
      [`/creds, ${headers}, with a lease`, 403, { headers: [...headers, lease] }],
      [`/creds, ${headers}, with the owner's token`, 403, { headers: [...headers, owner] }],
    ]);
  }
  for (const header of foreign) {
    await check(t, port, [
      [`/api, ${header}`, 403, { target: API, headers: [header, owner] }],
      [`/, ${header}`, 403, { target: '/', headers: [header] }],
      [`/healthz, ${header}`, 403, { target: '/healthz', headers: [header] }],
    ]);
  }
  for (const headers of ours) {
    await check(t, port, [
      [`/api, ${headers}`, 200, { target: API, headers: [...headers, owner] }],
      [`/api, ${headers}, without a token`, 401, { target: API, headers }],
      [`/healthz, ${headers}`, 200, { target: '/healthz', headers }],
    ]);
  }
  await check(t, port, [
    ['two origins', 403, { target: API, headers: [`Origin: ${own}`, 'Origin: http://evil.test', owner] }],
    ['half ours', 403, { target: API, headers: [`Origin: ${own}`, 'Referer: http://evil.test/', owner] }],
    ['half ours', 403, { target: API, headers: [`Origin: ${own}`, 'Sec-Fetch-Site: cross-site', owner] }],
  ]);
});

t.test('tokens', async (t) => {
  const { port, leases, clock } = await runApp(t, { api, profiles: ['dev', 'prod', 'a/b'] });
  const dev = (await leases.grant({ profile: 'dev' })).token;
  const odd = (await leases.grant({ profile: 'a/b' })).token;
  const short = (await leases.grant({ profile: 'dev', ttl: 60_000 })).token;
  const ended = await leases.grant({ profile: 'dev' });
  await leases.end(ended.lease.id);
  const other = (letter: string | undefined) => (letter === 'A' ? 'B' : 'A');
  const withToken = (token: string, target = '/creds/dev'): RawRequest => ({
    target,
    headers: [`Authorization: ${token}`],
  });

  await check(t, port, [
    ["the owner's", 200, withToken(OWNER_TOKEN)],
    ["the owner's, on /api", 200, withToken(OWNER_TOKEN, API)],
    ["the owner's, on /healthz", 200, withToken(OWNER_TOKEN, '/healthz')],
    ['a lease', 200, withToken(dev)],
    ['a lease, the profile spelled otherwise', 200, withToken(dev, '/creds/%64e%76?x')],
    ['a lease of an odd name', 200, withToken(odd, '/creds/a%2Fb')],
    ['a lease of an odd name, in base64url', 200, withToken(odd, '/creds/~YS9i')],
    ['a short lease', 200, withToken(short)],
    ['a lease, and spaces that HTTP allows', 200, withToken(`  ${dev}\t`)],

    ['a lease of another profile', 401, withToken(dev, '/creds/prod')],
    ['a lease of another profile', 401, withToken(dev, '/creds/nobody')],
    ['a lease, in capitals', 401, withToken(dev, '/creds/DEV')],
    ['a lease, on a way round', 401, withToken(dev, '/creds/prod/../dev')],
    ['a lease, on a malformed path', 401, withToken(dev, '/creds/')],
    ['a lease, on a bad escape', 401, withToken(dev, '/creds/%zz')],
    ['a lease, on /api', 401, withToken(dev, API)],
    ['a lease, on /healthz', 401, withToken(dev, '/healthz')],
    ['a lease, on /', 401, withToken(dev, '/')],
    ['an ended lease', 401, withToken(ended.token)],
    ['one letter less', 401, withToken(dev.slice(0, -1))],
    ['one letter more', 401, withToken(`${dev}A`)],
    ['the last letter off', 401, withToken(dev.slice(0, -1) + other(dev.at(-1)))],
    ['the first letter off', 401, withToken(other(dev[0]) + dev.slice(1))],
    ["the owner's, the last letter off", 401, withToken(`${OWNER_TOKEN.slice(0, -1)}G`)],
    ["the owner's, one letter more", 401, withToken(`${OWNER_TOKEN}g`)],
    ["the owner's, a byte beyond ASCII", 401, withToken(`${OWNER_TOKEN}\u00e9`)],
    ['Bearer and a lease', 401, withToken(`Bearer ${dev}`)],
    ["Bearer and the owner's", 401, withToken(`Bearer ${OWNER_TOKEN}`)],
    ['Basic', 401, withToken('Basic eDp5')],
    ['an empty one', 401, withToken('')],
    ['undefined', 401, withToken('undefined')],
    ['__proto__', 401, withToken('__proto__')],
    ['two, both good', 401, { headers: [`Authorization: ${dev}`, `Authorization: ${dev}`] }],
    ['two, good and bad', 401, { headers: [owner, 'authorization: x'] }],
    ['two, bad and good', 401, { headers: ['Authorization: x', owner] }],
    ['two, empty and good', 401, { headers: ['Authorization:', owner] }],
    ['an empty one on /healthz', 401, { target: '/healthz', headers: ['Authorization:'] }],
  ]);

  clock.advance(60_000);
  await check(t, port, [
    ['a lease whose time is over', 401, withToken(short)],
    ['a lease that lasts', 200, withToken(dev)],
  ]);
});

t.test('without a token', async (t) => {
  const { port } = await runApp(t, {
    api,
    profiles: ['dev', 'prod'],
    profileSettings: (profile) => ({ access: profile === 'prod' ? 'token' : 'same-user' }),
  });
  await check(t, port, [
    ['a profile with access = same-user', 200, {}],
    ['/healthz', 200, { target: '/healthz' }],
    ['/healthz, with a query', 200, { target: '/healthz?x' }],
    ['/healthz/', 401, { target: '/healthz/' }],
    ['/', 200, { target: '/' }],
    ['a profile with access = token', 401, { target: '/creds/prod' }],
    ['a profile with access = token, encoded', 401, { target: '/creds/%70rod' }],
    ['a profile with access = token, in base64url', 401, { target: '/creds/~cHJvZA' }],
    ['a profile with access = token, and a query', 401, { target: '/creds/prod?profile=dev' }],
    ['a profile with access = token, and its token', 200, { target: '/creds/prod', headers: [owner] }],
    ['/api', 401, { target: API }],
    ['/api, encoded', 401, { target: '/%61pi/status' }],
    ['/api, two slashes', 401, { target: '//api/status' }],
    ['POST /api/leases', 401, { method: 'POST', target: '/api/leases' }],
    ['/creds, encoded', 401, { target: '/%63reds/dev' }],
    ['//creds', 401, { target: '//creds/dev' }],
    ['/metrics is for the same user, and here there is none', 404, { target: '/metrics' }],
    ['anything else', 401, { target: '/favicon.ico' }],
  ]);
});

t.test('a listener that needs a token, whatever the profile says', async (t) => {
  const { port } = await runApp(t, { api, needsToken: true });
  await check(t, port, [
    ['no token', 401, {}],
    ['a token', 200, { headers: [owner] }],
    ['/healthz', 200, { target: '/healthz' }],
  ]);
});

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
