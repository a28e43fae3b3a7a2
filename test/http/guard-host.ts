import t from 'tap';
import { API, api, type Case, check, owner } from '../support/guard.js';
import { runApp } from '../support/running-app.js';

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
