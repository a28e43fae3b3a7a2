import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type SsoToken, SsoTokenCache } from '../../src/aws/sso-token.js';

const needsPython =
  spawnSync('python3', ['--version']).status !== 0 && 'needs python3: apt-get install python3';
const END = Date.UTC(2099, 0);
const token = (accessToken: string, expiresAt = END, more: Partial<SsoToken> = {}): SsoToken => ({
  accessToken,
  expiresAt,
  startUrl: 'https://x.awsapps.com/start',
  region: 'eu-west-1',
  ...more,
});

t.test("the AWS CLI's format, with what other tools keep there", async (t) => {
  const cache = new SsoTokenCache(join(t.testdir({}), 'new', 'cache'));
  const full = token('one', END, {
    clientId: 'c',
    clientSecret: 's',
    refreshToken: 'r',
    registrationExpiresAt: END + 1000,
  });
  t.strictSame(await cache.read('wellcome'), 'nobody is signed in');
  t.strictSame(await cache.write('wellcome', full, 'nobody is signed in'), full);
  const path = cache.path('wellcome');
  t.match(path, /15975de163325fabd7a3f225beb09c38facf37b3\.json$/, 'sha1 of the name');
  t.strictSame(JSON.parse(readFileSync(path, 'utf8')), {
    startUrl: 'https://x.awsapps.com/start',
    region: 'eu-west-1',
    accessToken: 'one',
    expiresAt: '2099-01-01T00:00:00Z',
    clientId: 'c',
    clientSecret: 's',
    registrationExpiresAt: '2099-01-01T00:00:01Z',
    refreshToken: 'r',
  });
  t.equal(statSync(path).mode & 0o777, 0o600);
  t.strictSame(await cache.read('wellcome'), full);

  writeFileSync(
    path,
    JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), theirs: { of: ['another'] } }),
  );
  await cache.write('wellcome', token('two'), full);
  const after = JSON.parse(readFileSync(path, 'utf8'));
  t.match(after, { accessToken: 'two', theirs: { of: ['another'] } });
  t.notOk('refreshToken' in after, "the old token's refresh token is not the new one's");
  t.strictSame(readdirSync(cache.folder), [path.split('/').at(-1)], 'nothing else lies about');
  await cache.remove('wellcome');
  await cache.remove('wellcome');
  t.equal(await cache.read('wellcome'), 'nobody is signed in');
});

t.test('of two that sign in at once the one that lasts longer stays', async (t) => {
  const cache = new SsoTokenCache(t.testdir({}));
  const seen = token('old', END + 9000);
  await cache.write('x', seen, 'nobody is signed in');
  t.match(await cache.write('x', token('mine'), seen), { accessToken: 'mine' }, 'what was seen is replaced');
  await cache.write('x', token('theirs', END + 1000), token('mine'));
  t.match(await cache.write('x', token('late'), token('mine')), { accessToken: 'theirs' });
  t.match(await cache.read('x'), { accessToken: 'theirs' });
});

t.test('what is half-written, or of another tool, is replaced', async (t) => {
  const cache = new SsoTokenCache(t.testdir({}));
  for (const text of ['{"accessToken": "ha', '[]', 'null', '"x"', '\0', '']) {
    writeFileSync(cache.path('x'), text);
    t.equal(await cache.read('x'), 'the cached sign-in cannot be read', text);
    await cache.write('x', token('whole'), 'the cached sign-in cannot be read');
    t.match(await cache.read('x'), { accessToken: 'whole' });
  }
});

t.test('readers in other processes never see half of it', { skip: needsPython }, async (t) => {
  const cache = new SsoTokenCache(t.testdir({}));
  await cache.write('x', token('0'), 'nobody is signed in');
  const script = `import json,sys
n=0
while n<3000:
  with open(sys.argv[1]) as f: json.load(f)
  n+=1`;
  const { spawn } = await import('node:child_process');
  const reader = spawn('python3', ['-c', script, cache.path('x')], { stdio: 'inherit' });
  const code = new Promise((resolve) => reader.on('close', resolve));
  let over = false;
  void code.then(() => {
    over = true;
  });
  for (let count = 1; !over; count++) await cache.write('x', token(String(count)), token(String(count - 1)));
  t.equal(await code, 0);
});
