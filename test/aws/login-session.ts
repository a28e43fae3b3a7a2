import '../support/clean-environment.js';
import { chmodSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fromLoginCredentials } from '@aws-sdk/credential-provider-login';
import t, { type Test } from 'tap';
import { loginTokenPath } from '../../src/aws/login-cache.js';
import { rolePrincipal } from '../../src/demo/world.js';
import { notMountable, smallDisk } from '../support/small-disk.js';
import { HOUR, MINUTE } from '../support/time.js';
import { startVending } from '../support/vending.js';
import { ACCOUNT, roleProfile } from '../support/vending-config.js';
import { inMoments, until } from '../support/vending-sign-in.js';

const SESSION = `arn:aws:sts::${ACCOUNT}:assumed-role/Admin/ada`;
const PRINCIPAL = rolePrincipal(`arn:aws:iam::${ACCOUNT}:role/Admin`, 'ada');
const CONFIG = `[profile console]\nlogin_session = ${SESSION}\nregion = eu-west-1\n${roleProfile('app', 'console')}`;

async function start(t: Test, { signedIn = true } = {}) {
  const vending = await startVending(t, { config: CONFIG });
  const path = loginTokenPath(SESSION, join(vending.home, '.aws/login/cache'));
  mkdirSync(dirname(path), { recursive: true });
  const write = (token: object | string) =>
    writeFileSync(path, typeof token === 'string' ? token : JSON.stringify(token), { mode: 0o600 });
  const signIn = (hours?: number) =>
    write({ ...vending.aws.logins.start(PRINCIPAL, hours), futureField: { a: [1] } });
  if (signedIn) signIn();
  const read = () => JSON.parse(readFileSync(path, 'utf8'));
  const settled = () => inMoments(vending, vending.settled());
  const pass = async (ms: number) => {
    for (let left = ms; left > 0; left -= MINUTE) {
      vending.clock.advance(Math.min(MINUTE, left));
      await settled();
    }
  };
  const refused = (profile = 'console') =>
    inMoments(vending, vending.ask(profile)).then(
      (id) => t.fail(`got ${id}`),
      (error) => error,
    );
  return { ...vending, path, write, signIn, read, settled, pass, refused };
}

t.test('serves what aws login has cached, and renews it in the background', async (t) => {
  const { ask, pass, aws, read, path, vendor, log } = await start(t);
  const first = read();
  t.equal(await ask('console'), first.accessToken.accessKeyId);
  t.equal(aws.count('CreateOAuth2Token'), 0);
  t.match(vendor.states(), [{ source: 'aws login' }]);
  for (let hour = 0; hour < 10; hour++) {
    await pass(HOUR);
    t.equal(await ask('console'), read().accessToken.accessKeyId, 'what is served is what the CLI finds');
  }
  const calls = aws.count('CreateOAuth2Token');
  t.ok(calls > 60 && calls < 90, `${calls} renewals in 10 hours`);
  t.equal(aws.count('CreateOAuth2Token', 'ok'), calls, 'each with a proof that the service takes');
  const { accessToken, refreshToken, ...kept } = read();
  const { accessToken: before, refreshToken: spent, ...known } = first;
  t.same(kept, known, 'all other fields are kept');
  t.not(refreshToken, spent);
  t.equal(accessToken.accountId, before.accountId);
  t.match(accessToken.expiresAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  t.equal(statSync(path).mode & 0o777, 0o600);
  const secrets = [refreshToken, spent, first.dpopKey, accessToken.secretAccessKey];
  for (const secret of secrets) t.notOk(JSON.stringify([log, aws.calls]).includes(secret));
});

t.test('roles stand on it', async (t) => {
  const { ask, aws } = await start(t);
  t.match(await ask('app'), /^ASIA/);
  t.match(aws.calls, [{ operation: 'AssumeRole', principal: PRINCIPAL.arn }]);
});

t.test('a sign-in that has ended says so, asks the service once, and is over with the next', async (t) => {
  const { refused, pass, aws, signIn, read, ask } = await start(t, { signedIn: false });
  t.match(await refused(), {
    code: 'LoginRequired',
    statusCode: 403,
    message: 'Profile "console": nobody is signed in. Type: aws login --profile console',
  });
  signIn(1);
  await pass(MINUTE);
  t.equal(await ask('console'), read().accessToken.accessKeyId);
  await pass(2 * HOUR);
  t.match(await refused(), { code: 'LoginRequired', message: /the sign-in has expired/ });
  await pass(HOUR);
  t.match(await refused('app'), { code: 'LoginRequired' });
  t.equal(aws.count('CreateOAuth2Token', 'TOKEN_EXPIRED'), 1);
  signIn();
  await pass(MINUTE);
  t.equal(await ask('console'), read().accessToken.accessKeyId);
});

t.test('another process that renews or signs in at the same moment is not overwritten', async (t) => {
  const { ask, pass, aws, signIn, read, hang, release, settled, clock } = await start(t);
  await ask('console');
  await pass(5 * MINUTE);
  hang('CreateOAuth2Token');
  clock.advance(3 * MINUTE);
  await settled();
  t.equal(aws.count('CreateOAuth2Token'), 1);
  signIn();
  const other = read();
  release();
  await settled();
  t.same(read(), other);
  await pass(HOUR);
  t.equal(await ask('console'), read().accessToken.accessKeyId);
});

t.test('a refresh token that another has spent: his session is taken', async (t) => {
  const { ask, pass, aws, write, read, clock, settled, hang, release } = await start(t);
  await ask('console');
  const token = read();
  await pass(5 * MINUTE);
  hang('CreateOAuth2Token');
  clock.advance(3 * MINUTE);
  await settled();
  const { jwk } = { jwk: await publicKey(token.dpopKey) };
  const spent = aws.logins.spend(token.refreshToken, jwk);
  const expiresAt = `${new Date(clock.now() + 15 * MINUTE).toISOString().slice(0, 19)}Z`;
  write({ ...token, ...spent, accessToken: { ...token.accessToken, ...spent.accessToken, expiresAt } });
  release();
  await settled();
  t.equal(await ask('console'), spent.accessToken.accessKeyId);
  t.equal(read().refreshToken, spent.refreshToken);
});

t.test('a refresh token that another has spent, and whose successor he is about to write', async (t) => {
  const { ask, aws, write, read, clock, signIn, ...vending } = await start(t, { signedIn: false });
  signIn();
  const token = read();
  clock.jump(10 * MINUTE);
  const spent = aws.logins.spend(token.refreshToken, await publicKey(token.dpopKey));
  const expiresAt = `${new Date(clock.now() + 15 * MINUTE).toISOString().slice(0, 19)}Z`;
  const theirs = {
    ...token,
    ...spent,
    accessToken: { ...token.accessToken, ...spent.accessToken, expiresAt },
  };
  const asked = ask('console');
  await until(() => aws.count('CreateOAuth2Token', 'TOKEN_EXPIRED') === 1 && clock.next <= 100);
  write(JSON.stringify(theirs).slice(0, 100));
  clock.advance(clock.next);
  await until(() => clock.next <= 100);
  write(theirs);
  t.equal(await inMoments({ clock }, asked), spent.accessToken.accessKeyId);
  t.strictSame(vending.told, [], 'nobody is asked to sign in');
  t.same(read(), theirs);
});

t.test('a renewed token that the full disk does not take', { skip: notMountable }, async (t) => {
  const { ask, aws, read, pass, path, log, signIn } = await start(t, { signedIn: false });
  const disk = smallDisk(t);
  rmSync(dirname(path), { recursive: true });
  symlinkSync(disk, dirname(path));
  signIn();
  const before = read();
  await ask('console');
  t.throws(() => writeFileSync(join(disk, 'filler'), Buffer.alloc(70_000)), { code: 'ENOSPC' });
  for (let hour = 0; hour < 2; hour++) {
    await pass(HOUR);
    t.not(await ask('console'), before.accessToken.accessKeyId);
  }
  t.equal(aws.count('CreateOAuth2Token'), aws.count('CreateOAuth2Token', 'ok'));
  t.same(read(), before);
  t.match(
    log.filter(({ level }) => level === 'warn'),
    [
      {
        message: /^Profile "console": .*disk is full; free some space\. .*type: aws login --profile console$/,
      },
    ],
    'said once',
  );
  rmSync(join(disk, 'filler'));
  await pass(15 * MINUTE);
  t.equal(await ask('console'), read().accessToken.accessKeyId);
  signIn();
  await pass(15 * MINUTE);
  t.equal(await ask('console'), read().accessToken.accessKeyId, 'a newer sign-in wins');
});

async function publicKey(pem: string) {
  const { createPublicKey } = await import('node:crypto');
  return createPublicKey(pem).export({ format: 'jwk' });
}

t.test('a cache that is half written, or of another tool', async (t) => {
  const { write, refused, read, signIn, ask, pass } = await start(t);
  await ask('console');
  const whole = JSON.stringify(read());
  for (const text of [
    '',
    whole.slice(0, 200),
    '[]',
    '{"accessToken":{}}',
    '{"accessToken":"x","refreshToken":"secret-r"}',
  ]) {
    write(text);
    t.match(await ask('console'), /^ASIA/, 'what is held goes on');
  }
  await pass(16 * MINUTE);
  const error = await refused();
  t.match(error, { code: 'LoginRequired', message: /cannot be read\. Type: aws login/ });
  t.notMatch(error.message, /secret-r/);
  signIn();
  await pass(MINUTE);
  t.match(await ask('console'), /^ASIA/);
  write({
    ...read(),
    dpopKey: 'no key',
    accessToken: { ...read().accessToken, expiresAt: '2020-01-01T00:00:00Z' },
  });
  await pass(16 * MINUTE);
  t.match(await refused(), { code: 'LoginRequired', message: /the key of the cached sign-in/ });
});

t.test('what the service refuses otherwise, and what may pass', async (t) => {
  const { aws, ask, pass, refused } = await start(t);
  await ask('console');
  for (const [fault, expected] of [
    [
      { kind: 'error', status: 400, code: 'INSUFFICIENT_PERMISSIONS' },
      { code: 'AccessDenied', statusCode: 403 },
    ],
    [{ kind: 'error', status: 400, code: 'USER_CREDENTIALS_CHANGED' }, { message: /password was changed/ }],
    [{ kind: 'error' }, { statusCode: 503 }],
    [{ kind: 'throttle' }, { statusCode: 503 }],
    [{ kind: 'garbage' }, { statusCode: 503 }],
    [{ kind: 'drop' }, { code: 'NetworkError', statusCode: 503 }],
  ] as const) {
    const { aws, ask, pass, refused } = await start(t);
    await ask('console');
    aws.faults.set('CreateOAuth2Token', fault);
    await pass(16 * MINUTE);
    t.match(await refused(), expected, JSON.stringify(fault));
  }
  aws.faults.set('CreateOAuth2Token', { kind: 'throttle', times: 2 });
  await pass(14 * MINUTE);
  t.match(await ask('console'), /^ASIA/, 'a passing fault is got over');
  t.ok(refused);
});

t.test('through a symlink, and made private', async (t) => {
  const { path, ask, pass, read } = await start(t);
  const real = `${path}.real`;
  writeFileSync(real, readFileSync(path), { mode: 0o600 });
  rmSync(path);
  symlinkSync(real, path);
  chmodSync(real, 0o644);
  await ask('console');
  await pass(10 * MINUTE);
  t.equal(await ask('console'), JSON.parse(readFileSync(real, 'utf8')).accessToken.accessKeyId);
  t.equal(statSync(real).mode & 0o777, 0o600);
  t.ok(read());
});

t.test('the JavaScript SDK reads what credd wrote, and credd what that wrote', async (t) => {
  const { ask, aws, path, home, read, write, vendor } = await start(t);
  write({ ...read(), accessToken: { ...read().accessToken, expiresAt: '2020-01-01T00:00:00Z' } });
  await ask('console');
  t.equal(aws.count('CreateOAuth2Token', 'ok'), 1);
  process.env.AWS_LOGIN_CACHE_DIRECTORY = dirname(path);
  t.teardown(() => delete process.env.AWS_LOGIN_CACHE_DIRECTORY);
  const sdk = fromLoginCredentials({
    profile: 'console',
    configFilepath: join(home, '.aws/config'),
    clientConfig: { endpoint: aws.url, region: 'eu-west-1' },
  });
  const { accessKeyId } = await sdk();
  t.equal(accessKeyId, read().accessToken.accessKeyId);

  const soon = new Date(Date.now() + MINUTE).toISOString();
  write({ ...read(), accessToken: { ...read().accessToken, expiresAt: soon } });
  const renewed = await sdk();
  t.not(renewed.accessKeyId, accessKeyId);
  t.equal((await vendor.renew('console')).accessKeyId, renewed.accessKeyId);
});
