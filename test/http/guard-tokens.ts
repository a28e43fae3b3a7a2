import t from 'tap';
import { API, api, check, owner } from '../support/guard.js';
import type { RawRequest } from '../support/raw-http.js';
import { OWNER_TOKEN, runApp } from '../support/running-app.js';

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
