import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { SsoTokenCache } from '../../src/aws/sso-token.js';
import type { IdentityCenter } from '../../src/demo/sso.js';
import { type Office, office, SSO_CONFIG, START_URL } from '../support/identity-center.js';

const fileOf = (own: Office) => new SsoTokenCache(own.path('.aws', 'sso', 'cache')).path('wellcome');
const addressIn = (printed: string) => new URL(/(http\S+authorize\S+)/.exec(printed)?.[1] ?? '');

/** Somebody has signed in before; what may go wrong then must not touch that. */
async function signedIn(t: Test, later: Partial<IdentityCenter> = {}) {
  const own = await office(t, { autoApprove: true });
  await own.credd(['login'], { env: { BROWSER: own.browser } });
  Object.assign(own.aws.signIns.center(START_URL) ?? {}, { autoApprove: false, ...later });
  const old = readFileSync(fileOf(own), 'utf8');
  return { ...own, isAsBefore: () => readFileSync(fileOf(own), 'utf8') === old };
}

t.test('refused in the browser', async (t) => {
  const own = await signedIn(t);
  const login = own.start(['login', '--no-browser']);
  await login.prints(/Waiting for you/);
  const { searchParams } = addressIn(login.stderr());
  const answer = new URL(searchParams.get('redirect_uri') ?? '');
  answer.search = `error=access_denied&state=${searchParams.get('state')}`;
  t.match(await (await fetch(answer)).text(), /Not signed in.*It was refused/);
  t.match(await login.ended, {
    code: 1,
    stderr:
      /credd: Sign-in to wellcome: it was refused in the browser\. To try again, type: credd login wellcome\n$/,
  });
  t.ok(own.isAsBefore());
  t.match(await own.credd(['whoami', 'dev']), { code: 0 });
});

t.test('a code that nobody confirms in time', async (t) => {
  const own = await signedIn(t, { deviceCodeLifetime: 2 });
  t.match(await own.credd(['login', '--device']), {
    code: 1,
    stderr: /credd: Sign-in to wellcome: nobody confirmed it in time\. Type: credd login wellcome\n$/,
  });
  t.ok(own.isAsBefore());
});

t.test('a browser that does not open', async (t) => {
  const own = await signedIn(t, { autoApprove: true });
  const login = own.start(['login'], { env: { BROWSER: own.path('no-such-browser') } });
  await login.prints(/The browser could not be opened: open the address yourself\.\n.*Ctrl-C gives up/);
  t.ok(own.isAsBefore());
  await fetch(addressIn(login.stderr()));
  t.match(await login.ended, { code: 0, stderr: /Signed in to wellcome/ });
});

t.test('cached files that are half written, or of another tool', async (t) => {
  const own = await signedIn(t, { autoApprove: true });
  const folder = own.path('.aws', 'sso', 'cache');
  const whole = readFileSync(fileOf(own), 'utf8');
  const env = { BROWSER: own.browser };
  for (const text of [whole.slice(0, 80), '', '[]', '{"version":1,"tool":"theirs"}']) {
    for (const name of readdirSync(folder)) writeFileSync(`${folder}/${name}`, text);
    t.match(await own.credd(['creds', 'dev']), {
      code: 1,
      stdout: '',
      stderr: /^credd: Profile "dev": the cached sign-in cannot be read .*\. Type: credd login dev\n$/,
    });
    t.equal(readFileSync(fileOf(own), 'utf8'), text, 'nothing is written before somebody signs in');
    t.match(await own.credd(['login', 'dev'], { env }), { code: 0 });
    t.match(await own.credd(['whoami', 'dev']), { code: 0 });
    t.equal(statSync(fileOf(own)).mode & 0o777, 0o600);
  }
  t.match(own.token(), { version: 1, tool: 'theirs', accessToken: String }, 'what is theirs is kept');
});

t.test('a cache that cannot be written', async (t) => {
  const own = await signedIn(t, { autoApprove: true });
  const folder = own.path('.aws', 'sso', 'cache');
  rmSync(folder, { recursive: true });
  writeFileSync(folder, 'somebody’s');
  const login = await own.credd(['login', 'dev'], { env: { BROWSER: own.browser } });
  t.match(login, {
    code: 1,
    stderr:
      /^credd: Sign-in to wellcome: cannot create the folder .*sso\/cache: a file is where a folder belongs\. .*type: credd login wellcome\n$/,
  });
  t.notMatch(login.stderr, /Waiting for you/, 'before anybody has signed in for nothing');
  t.equal(readFileSync(folder, 'utf8'), 'somebody’s');
});

t.test('two logins at once, in two processes', async (t) => {
  const own = await signedIn(t, { autoApprove: true });
  const env = { BROWSER: own.browser };
  const ends = await Promise.all([own.credd(['login'], { env }), own.credd(['login', 'dev'], { env })]);
  for (const end of ends) t.match(end, { code: 0, stderr: /Signed in to wellcome/ });
  t.match(await own.credd(['whoami', 'dev']), { code: 0 });
  t.strictSame(
    readdirSync(own.path('.aws', 'sso', 'cache')).filter((name) => !name.endsWith('.json')),
    [],
    'nothing is left behind',
  );
});

t.test('a refresh token that was revoked', async (t) => {
  const own = await signedIn(t);
  own.aws.signIns.revoke(own.token().accessToken ?? '');
  writeFileSync(fileOf(own), JSON.stringify({ ...own.token(), expiresAt: '2020-01-01T00:00:00Z' }));
  t.match(await own.credd(['creds', 'dev']), {
    code: 1,
    stderr: /^credd: Profile "dev": the sign-in has expired .*\. Type: credd login dev\n$/,
  });
});

t.test('the wrong region', async (t) => {
  const own = await signedIn(t);
  own.profiles(SSO_CONFIG.replace('sso_region = eu-west-1', 'sso_region = eu-central-1'));
  // Every region registers clients; that it does not know the start URL it says then.
  own.aws.faults.set('StartDeviceAuthorization', {
    kind: 'error',
    status: 400,
    code: 'InvalidRequestException',
  });
  t.match(await own.credd(['login', 'dev', '--device']), {
    code: 1,
    stderr:
      /^credd: .* in eu-central-1: correct sso_start_url or sso_region of \[sso-session wellcome\]\.\n$/,
  });
  t.ok(own.isAsBefore());
});
