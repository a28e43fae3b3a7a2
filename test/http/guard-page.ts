import t from 'tap';
import { API, api, check, owner } from '../support/guard.js';
import { runApp } from '../support/running-app.js';

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
      [`/metrics, ${headers}, without a token`, 401, { target: '/metrics', headers }],
      [`/healthz, ${headers}`, 200, { target: '/healthz', headers }],
    ]);
  }
  await check(t, port, [
    ['two origins', 403, { target: API, headers: [`Origin: ${own}`, 'Origin: http://evil.test', owner] }],
    ['half ours', 403, { target: API, headers: [`Origin: ${own}`, 'Referer: http://evil.test/', owner] }],
    ['half ours', 403, { target: API, headers: [`Origin: ${own}`, 'Sec-Fetch-Site: cross-site', owner] }],
  ]);
});
