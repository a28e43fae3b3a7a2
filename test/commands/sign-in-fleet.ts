import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { SsoTokenCache } from '../../src/aws/sso-token.js';
import { ask, type Running } from '../support/cli.js';
import { ACCOUNT, office, START_URL } from '../support/identity-center.js';

const PROFILES = Array.from({ length: 20 }, (_, index) => `p${index}`);
const CONFIG = `[sso-session wellcome]
sso_start_url = ${START_URL}
sso_region = eu-west-1
sso_registration_scopes = sso:account:access
${PROFILES.map((name) => `[profile ${name}]\nsso_session = wellcome\nsso_account_id = ${ACCOUNT}\nsso_role_name = ${name}\n`).join('')}`;
const EXPIRED = {
  startUrl: START_URL,
  region: 'eu-west-1',
  accessToken: 'an-old-access-token',
  refreshToken: 'an-old-refresh-token',
  clientId: 'forgotten',
  clientSecret: 'an-old-client-secret',
  registrationExpiresAt: '2099-01-01T00:00:00Z',
  expiresAt: '2020-01-01T00:00:00Z',
};

/** Twenty profiles behind one sign-in that is over, a desktop that notes what it is told, and a browser. */
async function fleet(t: Test) {
  const assignments = [{ accountId: ACCOUNT, accountName: 'Platform', roles: PROFILES }];
  const own = await office(t, { autoApprove: true, assignments }, CONFIG);
  const told = own.path('told');
  const script = (name: string, does: string) => {
    writeFileSync(own.path('bin', name), `#!/bin/sh\n${does}\n`);
    chmodSync(own.path('bin', name), 0o700);
  };
  mkdirSync(own.path('bin'));
  script('notify-send', `echo "$@" >> ${told}`);
  script('browser', `echo "browser $@" >> ${told}`);
  writeFileSync(own.path('settings'), 'notify = true\n');
  const cache = own.path('.aws', 'sso', 'cache');
  mkdirSync(cache, { recursive: true, mode: 0o700 });
  writeFileSync(new SsoTokenCache(cache).path('wellcome'), JSON.stringify(EXPIRED), { mode: 0o600 });
  const daemon = await own.serve(['--config', own.path('settings')], {
    env: {
      BROWSER: own.path('bin', 'browser'),
      PATH: `${own.path('bin')}:${process.env.PATH}`,
      CREDD_LOG_LEVEL: 'trace',
    },
  });
  return { ...own, daemon, told: () => (existsSync(told) ? readFileSync(told, 'utf8') : '') };
}

t.test('100 requests at once for 20 profiles whose sign-in is over; then somebody signs in', async (t) => {
  const own = await fleet(t);
  const { aws, daemon, told, credd } = own;
  const answers = await Promise.all(
    Array.from({ length: 100 }, (_, index) => ask(`${daemon.url}/creds/${PROFILES[index % 20]}`)),
  );
  for (const { status, text } of answers) {
    t.equal(status, 403);
    t.match(JSON.parse(text), { Code: 'SsoLoginRequired', Message: /Type: credd login p\d+$/ });
  }
  while (!told().endsWith('\n')) await new Promise((next) => setTimeout(next, 20));
  t.match(told(), /^--app-name=credd -- AWS sign-in needed wellcome\. Type: credd login p\d+\n$/);
  t.equal(daemon.stderr().match(/a sign-in to wellcome is needed/g)?.length, 1);
  t.equal(aws.count('GetRoleCredentials'), 0);
  t.match((await credd(['status'])).stdout, /^wellcome +sign-in needed /m);

  t.match(await credd(['login', 'wellcome'], { env: { BROWSER: own.browser } }), { code: 0 });
  const served = await Promise.all(PROFILES.map((name) => ask(`${daemon.url}/creds/${name}`)));
  t.strictSame(new Set(served.map(({ status }) => status)), new Set([200]));
  t.equal(new Set(served.map(({ text }) => JSON.parse(text).AccessKeyId)).size, 20);
  t.equal(aws.count('GetRoleCredentials'), 20);
  t.equal(told().match(/\n/g)?.length, 1, 'one notification, and no browser but that of the person');
});

/** What the process table says of a command while it runs. */
const argumentsOf = ({ pid }: Running) =>
  ['cmdline', 'environ'].map((name) => readFileSync(`/proc/${pid}/${name}`, 'latin1')).join('\n');

t.test(
  'a sign-in leaves its secrets in one private file',
  { skip: process.platform !== 'linux' && 'needs /proc' },
  async (t) => {
    const own = await fleet(t);
    const { daemon, credd, path } = own;
    const seen: string[] = [];
    seen.push((await ask(`${daemon.url}/creds/p0`)).text);
    const login = own.start(['login', '--no-browser'], { env: { CREDD_LOG_LEVEL: 'trace' } });
    await login.prints(/Waiting for you/);
    seen.push(argumentsOf(login), argumentsOf(daemon));
    const secrets: string[] = [EXPIRED.accessToken, EXPIRED.refreshToken, EXPIRED.clientSecret];
    const page = await fetch(/(http\S+authorize\S+)/.exec(login.stderr())?.[1] ?? '');
    secrets.push(new URL(page.url).searchParams.get('code') ?? '');
    t.match(await login.ended, { code: 0 });
    seen.push((await login.ended).stderr);
    const remember = () => {
      const { accessToken = '', refreshToken = '', clientSecret = '' } = own.token();
      secrets.push(accessToken, refreshToken, clientSecret);
    };
    remember();
    const vended = JSON.parse((await ask(`${daemon.url}/creds/p0`)).text);
    secrets.push(vended.SecretAccessKey, vended.Token);
    for (const kind of ['garbage', 'drop', 'error'] as const) {
      own.aws.faults.set('*', { kind });
      for (const args of [
        ['refresh', 'p0'],
        ['accounts', 'wellcome'],
        ['login', '--device'],
      ])
        seen.push(...Object.values(await credd(args)).map(String));
    }
    own.aws.faults.clear();
    for (const args of [
      ['status', '--json'],
      ['list', '--json'],
      ['accounts', 'wellcome'],
    ])
      seen.push(...Object.values(await credd(args)).map(String));
    for (const name of readdirSync(own.home, { recursive: true }).map(String)) {
      if (!statSync(path(name)).isFile()) continue;
      const isCache = name.startsWith(join('.aws', 'sso', 'cache'));
      if (isCache) t.equal(statSync(path(name)).mode & 0o777, 0o600, name);
      else seen.push(readFileSync(path(name), 'utf8'));
    }
    const cached = readFileSync(new SsoTokenCache(path('.aws', 'sso', 'cache')).path('wellcome'), 'utf8');
    t.ok(cached.includes(own.token().accessToken ?? ''), 'where it belongs it is found');
    seen.push((await credd(['logout'])).stderr, (await daemon.stop()).stderr);
    t.equal(secrets.length, 9);
    t.ok(secrets.every((secret) => secret.length > 8));
    for (const [index, text] of seen.entries()) {
      const found = secrets.filter((secret) => text.includes(secret));
      t.equal(found.length, 0, `text ${index}, which begins with ${JSON.stringify(text.slice(0, 60))}`);
    }
  },
);
