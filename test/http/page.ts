import t, { type Test } from 'tap';
import { ask, type RawRequest } from '../support/raw-http.js';
import { OWNER_TOKEN, runApp, sameUserSays } from '../support/running-app.js';

const APP = 'https://app.wut.dev';
const LOCAL = 'http://localhost:3000';

async function start(t: Test, sameUser = sameUserSays(true)) {
  const app = await runApp(t, {
    sameUser,
    profiles: ['dev', 'other', 'closed'],
    profileSettings: (profile) => ({
      access: 'same-user',
      allowOrigins: { dev: [APP, LOCAL], other: ['https://other.example'] }[profile] ?? [],
    }),
  });
  const { token } = await app.leases.grant({ profile: 'dev' });
  const { token: closed } = await app.leases.grant({ profile: 'closed' });
  return { ...app, token, closed };
}

const fetched = (origin: string, site = 'cross-site') => [
  `Origin: ${origin}`,
  `Sec-Fetch-Site: ${site}`,
  'Sec-Fetch-Mode: cors',
  'Sec-Fetch-Dest: empty',
];
const PREFLIGHT = ['Access-Control-Request-Method: GET', 'Access-Control-Request-Headers: authorization'];

t.test('a page on an allowed origin gets its session for a lease token', async (t) => {
  const { port, token } = await start(t);
  const lease = `Authorization: ${token}`;
  for (const [what, headers] of [
    ['cross-site', [...fetched(APP), `Referer: ${APP}/`]],
    ['from a neighbouring port', fetched(LOCAL, 'same-site')],
    ['from a browser without Sec-Fetch', [`Origin: ${APP}`]],
  ] as const) {
    const answer = await ask(port, { headers: [...headers, lease] });
    t.equal(answer?.status, 200, what);
    t.match(answer?.body, '"Code":"Success"');
    t.equal(answer?.headers['access-control-allow-origin'], headers[0]?.slice(8));
    t.match(answer?.headers.vary, 'Origin');
    t.notOk(answer?.headers['access-control-allow-credentials']);
  }
});

t.test('preflights of allowed origins are answered, and of no others', async (t) => {
  const { port } = await start(t);
  const answer = await ask(port, {
    method: 'OPTIONS',
    headers: [...fetched(APP), ...PREFLIGHT, 'Access-Control-Request-Private-Network: true'],
  });
  t.match(answer, {
    status: 204,
    body: '',
    headers: {
      'access-control-allow-origin': APP,
      'access-control-allow-methods': 'GET',
      'access-control-allow-headers': 'Authorization',
      'access-control-allow-private-network': 'true',
      'access-control-max-age': '600',
    },
  });
  t.notOk(answer?.headers['access-control-allow-local-network'], 'only what was asked for');
  const local = await ask(port, {
    method: 'OPTIONS',
    headers: [...fetched(APP), ...PREFLIGHT, 'Access-Control-Request-Local-Network: true'],
  });
  t.match(local, { status: 204, headers: { 'access-control-allow-local-network': 'true' } });
});

t.test('every other page gets 403, and no CORS headers', async (t) => {
  const { port, token, closed } = await start(t);
  const lease = `Authorization: ${token}`;
  const owner = `Authorization: ${OWNER_TOKEN}`;
  const preflight = { method: 'OPTIONS' };
  const cases: [what: string, request: RawRequest][] = [
    ['no token', { headers: fetched(APP) }],
    ["the owner's token", { headers: [...fetched(APP), owner] }],
    ['null', { headers: [...fetched('null'), lease] }],
    ['two origins', { headers: [`Origin: ${APP}`, `Origin: ${APP}`, lease] }],
    ['two origins in one', { headers: [`Origin: ${APP} ${APP}`, lease] }],
    ['an origin of another profile', { headers: [...fetched('https://other.example'), lease] }],
    [
      'a profile that allows none',
      { target: '/creds/closed', headers: [...fetched(APP), `Authorization: ${closed}`] },
    ],
    ['our own origin', { headers: [...fetched(`http://127.0.0.1:${port}`, 'same-origin'), lease] }],
    ['a neighbour', { headers: [...fetched('http://localhost:3001', 'same-site'), lease] }],
    [
      'a neighbour under another name',
      { headers: [...fetched('http://127.0.0.1:3000', 'same-site'), lease] },
    ],
    ['http for https', { headers: [...fetched('http://app.wut.dev'), lease] }],
    ['another port', { headers: [...fetched(`${APP}:8443`), lease] }],
    ['a longer name', { headers: [...fetched(`${APP}.evil.example`), lease] }],
    ['a name below it', { headers: [...fetched('https://evil.app.wut.dev'), lease] }],
    ['a slash', { headers: [...fetched(`${APP}/`), lease] }],
    ['upper case', { headers: [...fetched('https://APP.wut.dev'), lease] }],
    ['no origin, only a referer', { headers: [`Referer: ${APP}/`, lease] }],
    ['no origin, only Sec-Fetch', { headers: ['Sec-Fetch-Site: cross-site', lease] }],
    ["another page's referer", { headers: [...fetched(APP), 'Referer: https://evil.example/', lease] }],
    ['a longer referer', { headers: [...fetched(APP), `Referer: ${APP}.evil.example/`, lease] }],
    ['an image', { headers: [`Origin: ${APP}`, 'Sec-Fetch-Mode: no-cors', 'Sec-Fetch-Dest: image', lease] }],
    ['a frame', { headers: [`Origin: ${APP}`, 'Sec-Fetch-Mode: navigate', 'Sec-Fetch-Dest: iframe', lease] }],
    ['a foreign Host', { host: `evil.example:${port}`, headers: [...fetched(APP), lease] }],
    ['forwarded', { headers: [...fetched(APP), 'X-Forwarded-For: 1.2.3.4', lease] }],
    ['the api', { target: '/api/status', headers: [...fetched(APP), owner] }],
    ['/healthz', { target: '/healthz', headers: fetched(APP) }],
    [
      'preflight: another origin',
      { ...preflight, headers: [...fetched('https://evil.example'), ...PREFLIGHT] },
    ],
    ['preflight: null', { ...preflight, headers: [...fetched('null'), ...PREFLIGHT] }],
    [
      'preflight: a neighbour',
      { ...preflight, headers: [...fetched('http://localhost:3001'), ...PREFLIGHT] },
    ],
    ['preflight: the api', { ...preflight, target: '/api/status', headers: [...fetched(APP), ...PREFLIGHT] }],
    [
      'preflight: another profile',
      { ...preflight, target: '/creds/other', headers: [...fetched(APP), ...PREFLIGHT] },
    ],
    ['preflight: all profiles', { ...preflight, target: '/creds', headers: [...fetched(APP), ...PREFLIGHT] }],
    [
      'preflight: a foreign Host',
      { ...preflight, host: 'evil.example', headers: [...fetched(APP), ...PREFLIGHT] },
    ],
    ['preflight: of nothing', { ...preflight, headers: fetched(APP) }],
  ];
  for (const [what, request] of cases) {
    const answer = await ask(port, request);
    t.equal(answer?.status, 403, what);
    t.match(JSON.parse(answer?.body ?? '{}'), { code: String, message: /^Refused: / });
    t.notMatch(Object.keys(answer?.headers ?? {}).join(), 'access-control');
  }
});

t.test('an allowed page may read that its token will not do', async (t) => {
  const { port, leases, token, closed } = await start(t);
  await leases.end(leases.find(token)?.id ?? '');
  for (const wrong of [token, closed, 'x']) {
    const answer = await ask(port, { headers: [...fetched(APP), `Authorization: ${wrong}`] });
    t.match(answer, { status: 401, headers: { 'access-control-allow-origin': APP } });
    const foreign = await ask(port, {
      headers: [...fetched('https://evil.example'), `Authorization: ${wrong}`],
    });
    t.equal(foreign?.status, 403);
  }
});

t.test('the browser of another user is refused like its user', async (t) => {
  const { port, token } = await start(t, sameUserSays(false));
  for (const request of [
    { headers: [...fetched(APP), `Authorization: ${token}`] },
    { method: 'OPTIONS', headers: [...fetched(APP), ...PREFLIGHT] },
  ]) {
    const answer = await ask(port, request);
    t.match(JSON.parse(answer?.body ?? '{}'), { code: 'OtherUser' });
    t.notMatch(Object.keys(answer?.headers ?? {}).join(), 'access-control');
  }
});
