import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import t from 'tap';
import { bearer, leaseToken, ready, variablesOf } from '../support/lease-commands.js';
import { ask } from '../support/raw-http.js';

const NOTHING = /^$/;

t.test('a lease: shown, good for one profile, and revoked', async (t) => {
  const own = await ready(t);
  const { port } = await own.serve();
  const status = async (token: string, target: string) =>
    (await ask(port, { target, headers: bearer(token) }))?.status;
  const variables = await variablesOf(own, ['lease', 'app', '--ttl', '1h']);
  const token = variables.AWS_CONTAINER_AUTHORIZATION_TOKEN ?? '';
  const file = variables.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE ?? '';
  t.equal(variables.AWS_CONTAINER_CREDENTIALS_FULL_URI, `http://127.0.0.1:${port}/creds/app`);
  t.equal(readFileSync(file, 'utf8'), token);
  t.match((await own.credd(['leases'])).stdout, /^LEASE .*\n[0-9a-f]{12} {2}app +- +in 59 min +never\n$/);
  t.equal(await status(token, '/creds/app'), 200);
  for (const path of [
    '/creds/keys',
    '/creds/nope',
    '/api/leases',
    '/api/status',
    '/',
    '/healthz',
    '/metrics',
  ])
    t.equal(await status(token, path), 401, path);

  const [lease] = JSON.parse((await own.credd(['leases', '--json'])).stdout);
  t.match(lease, { profile: 'app', lastUsedAt: Number });
  await own.credd(['lease', 'keys']);
  t.match(await own.credd(['revoke', '']), { code: 2, stderr: /credd revoke LEASE/ });
  t.match(await own.credd(['revoke', 'x']), { code: 1, stderr: /no lease "x".*Type: credd leases/ });
  t.match(await own.credd(['revoke']), { code: 2, stderr: /credd revoke LEASE/ });
  t.match(await own.credd(['revoke', lease.id.slice(0, 11)]), {
    code: 0,
    stderr: /of profile "app" has ended/,
  });
  t.equal(await status(token, '/creds/app'), 401, 'its next fetch is refused');
  t.notOk(existsSync(file));
  t.match(await own.credd(['revoke', '--all']), { code: 0, stderr: /of profile "keys" has ended/ });
  t.match(await own.credd(['leases']), { stdout: /^There are no leases/ });
});

t.test('revoke --all ends them all, also where the disk does not take it', async (t) => {
  const own = await ready(t);
  const { port } = await own.serve();
  const tokens = [
    await leaseToken(own, ['app', '--container']),
    await leaseToken(own, ['keys', '--container']),
  ];
  rmSync(own.state('leases'));
  mkdirSync(own.state('leases'));
  t.match(await own.credd(['revoke', '--all']), {
    code: 1,
    stderr: /^(credd: Lease \w{12} has ended, but that cannot be noted \(.*\)\. Until .* restart .*\n){2}$/,
  });
  for (const [n, token] of tokens.entries()) {
    const target = ['/creds/app', '/creds/keys'][n] ?? '';
    t.match(await ask(port, { target, headers: bearer(token) }), { status: 401 });
  }
});

t.test('env, lease, leases, revoke and audit --follow insist on a running daemon', async (t) => {
  const own = await ready(t);
  for (const args of [['env', 'app'], ['lease', 'app'], ['leases'], ['revoke', 'x'], ['audit', '--follow']])
    t.match(await own.credd(args), { code: 1, stdout: NOTHING, stderr: /No daemon is running/ });
  t.match(await own.credd(['lease', 'app', '--endpoint', 'http://x']), {
    code: 2,
    stderr: /with --container/,
  });
  for (const url of ['x', 'ftp://x', 'http://x/y', 'http://x/?q'])
    t.match(await own.credd(['lease', 'app', '--container', '--endpoint', url]), {
      code: 2,
      stderr: /not an address/,
    });
});
