import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { SsoTokenCache } from '../../src/aws/sso-token.js';
import type { IdentityCenter } from '../../src/demo/sso.js';
import { HOUR, MINUTE, SECOND, turn } from '../support/time.js';
import { startVending, type Vending } from '../support/vending.js';
import { ACCOUNT, keysProfile, roleProfile } from '../support/vending-config.js';

const START_URL = 'https://wellcome.awsapps.com/start/#';
const PROFILES = Array.from({ length: 20 }, (_, index) => `p${index}`);

const center: IdentityCenter = {
  startUrl: START_URL,
  region: 'eu-west-1',
  userName: 'ada',
  assignments: [{ accountId: ACCOUNT, roles: PROFILES }],
  tokenLifetime: 3600,
};
const session = `[sso-session wellcome]\nsso_start_url = ${START_URL}\nsso_region = eu-west-1\n`;
const profile = (role: string, how = 'sso_session = wellcome') =>
  `[profile ${role}]\n${how}\nsso_account_id = ${ACCOUNT}\nsso_role_name = ${role}\n`;
const legacy = `sso_start_url = ${START_URL}\nsso_region = eu-west-1`;
const CONFIG = `${session}${PROFILES.map((name) => profile(name)).join('')}${profile('p0', legacy).replace('profile p0', 'profile old')}`;

const start = (t: Test, more: Partial<IdentityCenter> = {}) =>
  startVending(t, { config: CONFIG, world: { identityCenters: [{ ...center, ...more }] } });

/** The person goes to the address, says yes, and comes back. */
const visit = async (url: string) => (await fetch(url)).text();

async function signIn(vending: Vending, name = 'wellcome'): Promise<void> {
  const { url, token } = await vending.signIn(name).begin('code');
  await visit(url);
  await token;
}

/** Waits for an event that happens behind, in real time, while the driven clock stands still. */
async function until(happened: () => boolean, meanwhile = () => {}): Promise<void> {
  while (!happened()) {
    meanwhile();
    await turn();
  }
}

const code = (error: { code?: string }) => error.code;
const cached = (vending: Vending, key = 'wellcome') =>
  JSON.parse(readFileSync(new SsoTokenCache(vending.ssoCache).path(key), 'utf8'));

t.test('100 requests for 20 profiles whose sign-in has expired: 100 answers, one notification', async (t) => {
  const vending = await start(t, { autoApprove: true });
  const { vendor, aws, told, clock } = vending;
  await signIn(vending);
  aws.signIns.endAll();
  clock.advance(2 * HOUR);
  const refusals = await Promise.all(
    Array.from({ length: 100 }, (_, index) =>
      vendor.session(PROFILES[index % 20] as string).then(() => 'served', code),
    ),
  );
  t.strictSame(new Set(refusals), new Set(['SsoLoginRequired']));
  t.equal(told.filter((it) => 'needed' in it).length, 1);
  t.equal(aws.count('GetRoleCredentials'), 0);
  t.equal(aws.count('RegisterClient'), 1, 'nothing opens by itself');
  t.match(await vending.signIn('wellcome').state(), { name: 'wellcome', state: 'needed', renewable: false });

  const before = aws.count('CreateToken', 'ok');
  await signIn(vending);
  t.strictSame(told.at(-1), { done: 'wellcome' });
  t.equal(aws.count('CreateToken', 'ok'), before + 1);
  await until(
    () => aws.count('GetRoleCredentials', 'ok') === 20,
    () => clock.advance(50),
  );
  const served = await Promise.all(PROFILES.map((name) => vendor.session(name)));
  t.equal(new Set(served.map(({ accessKeyId }) => accessKeyId)).size, 20);
  t.equal(aws.count('GetRoleCredentials'), 20, 'one call each, though nobody had to ask');
});

t.test('a day of one-hour tokens: one sign-in, no failed request', async (t) => {
  const vending = await start(t, { autoApprove: true });
  const { vendor, aws, told, clock, settled } = vending;
  await signIn(vending);
  await vendor.session('p0');
  const end = clock.now() + 24 * HOUR;
  let failed = 0;
  while (clock.now() < end) {
    const { renewsAt } = await vending.signIn('wellcome').state();
    const renewals = aws.count('CreateToken', 'ok');
    clock.advance(MINUTE);
    if (renewsAt !== undefined && clock.now() >= renewsAt)
      await until(() => aws.count('CreateToken', 'ok') > renewals);
    await settled();
    await Promise.all(PROFILES.map((name) => vendor.session(name).catch(() => failed++)));
  }
  t.equal(failed, 0);
  t.strictSame(told, [{ done: 'wellcome' }]);
  t.equal(aws.count('CreateToken'), aws.count('CreateToken', 'ok'));
  const renewals = aws.count('CreateToken');
  t.ok(renewals >= 24 && renewals <= 40, `${renewals} tokens`);
});

t.test('an expired token is renewed on demand, once for all who ask', async (t) => {
  const vending = await start(t, { autoApprove: true });
  const { vendor, aws, clock } = vending;
  await signIn(vending);
  clock.jump(5 * HOUR);
  await Promise.all(PROFILES.map((name) => vendor.session(name)));
  t.equal(aws.count('CreateToken'), 2);
  t.equal(cached(vending).expiresAt, new Date(clock.now() + HOUR).toISOString().replace('.000', ''));
});

t.test('an access token that Identity Center refuses is renewed, and asked with again', async (t) => {
  const vending = await start(t, { autoApprove: true });
  await signIn(vending);
  vending.aws.signIns.expire(cached(vending).accessToken);
  t.ok((await vending.vendor.session('p0')).accessKeyId);
  t.equal(vending.aws.count('CreateToken'), 2);
  t.strictSame(vending.told, [{ done: 'wellcome' }]);
});

t.test('a revoked refresh token: a warning while the token lasts, then a sign-in', async (t) => {
  const vending = await start(t, { autoApprove: true });
  const { vendor, aws, told, clock } = vending;
  await signIn(vending);
  await vendor.session('p0');
  aws.signIns.revoke(cached(vending).accessToken);
  clock.advance(45 * MINUTE);
  await until(() => told.length > 1);
  t.strictSame(told, [{ done: 'wellcome' }, { ending: 'wellcome' }]);
  t.ok((await vendor.session('p1')).accessKeyId, 'the token is good until its end');
  t.match(await vending.signIn('wellcome').state(), {
    state: 'done',
    renewable: false,
    lastError: { code: 'SignInEnded', message: /credd login wellcome/ },
  });
  clock.advance(15 * MINUTE);
  t.equal(await vendor.session('p2').catch(code), 'SsoLoginRequired');
  t.strictSame(told.at(-1), { needed: 'wellcome' });
  t.equal(aws.count('CreateToken', 'InvalidGrantException'), 1, 'what was refused is not tried again');
});

t.test('Identity Center cannot be reached: no sign-in is asked for, and it goes on by itself', async (t) => {
  const vending = await start(t, { autoApprove: true });
  const { vendor, aws, told, clock } = vending;
  await signIn(vending);
  aws.faults.set('CreateToken', { kind: 'error', status: 500 });
  clock.jump(2 * HOUR);
  const refusals = await Promise.all(PROFILES.map((name) => vendor.session(name).catch((error) => error)));
  t.ok(refusals.every(({ statusCode, retryable }) => statusCode === 503 && retryable));
  t.ok(aws.count('CreateToken') <= 3, 'two attempts of the SDK for all of them');
  aws.faults.clear();
  clock.jump(6 * SECOND);
  t.ok((await vendor.session('p0')).accessKeyId);
  t.strictSame(told, [{ done: 'wellcome' }]);
});

t.test(
  'the AWS CLI renews at the same moment: its token is taken, and no sign-in is asked for',
  async (t) => {
    const vending = await start(t, { autoApprove: true });
    const { vendor, aws, told, clock, ssoCache } = vending;
    await signIn(vending);
    const before = cached(vending);
    clock.jump(2 * HOUR);
    aws.faults.set('CreateToken', { kind: 'hang' });
    const asked = vendor.session('p0');
    await until(() => aws.calls.some(({ outcome }) => outcome === 'pending'));
    const theirs = aws.signIns.refresh(before.refreshToken);
    writeFileSync(
      new SsoTokenCache(ssoCache).path('wellcome'),
      JSON.stringify({
        ...before,
        accessToken: theirs?.accessToken,
        refreshToken: theirs?.refreshToken,
        expiresAt: new Date(theirs?.expiresAt ?? 0).toISOString(),
      }),
    );
    aws.faults.clear();
    t.ok((await asked).accessKeyId);
    t.equal(cached(vending).accessToken, theirs?.accessToken);
    t.strictSame(told, [{ done: 'wellcome' }]);
  },
);

t.test(
  'somebody signs in with another tool: the profiles that failed are served without being asked',
  async (t) => {
    const vending = await start(t);
    const { vendor, aws, told, clock, ssoCache } = vending;
    t.equal(await vendor.session('p0').catch(code), 'SsoLoginRequired');
    const { accessToken, expiresAt } = aws.signIns.begin(
      aws.signIns.center(START_URL) as IdentityCenter,
      false,
    );
    const path = new SsoTokenCache(ssoCache).path('wellcome');
    const text = JSON.stringify({
      startUrl: START_URL,
      accessToken,
      expiresAt: new Date(expiresAt).toISOString(),
    });
    await new SsoTokenCache(ssoCache).write(
      'wellcome',
      { accessToken: 'old', expiresAt: 1 },
      'nobody is signed in',
    );
    writeFileSync(path, text.slice(0, 50));
    clock.advance(SECOND);
    await turn();
    t.equal(told.length, 1, 'half of a file is no sign-in');
    writeFileSync(path, text);
    await until(
      () => told.length > 1,
      () => clock.advance(SECOND),
    );
    await until(
      () => aws.count('GetRoleCredentials', 'ok') === 1,
      () => clock.advance(50),
    );
    t.strictSame(told, [{ needed: 'wellcome' }, { done: 'wellcome' }]);
    const timers = clock.timers;
    t.ok((await vendor.session('p0')).accessKeyId);
    t.ok(timers <= 2, 'nobody looks at the file any more');
  },
);

t.test('two logins at once are one; the other flow ends with it', async (t) => {
  const vending = await start(t);
  const wellcome = vending.signIn('wellcome');
  const [first, second, device] = await Promise.all([
    wellcome.begin('code'),
    wellcome.begin('code'),
    wellcome.begin('device'),
  ]);
  t.equal(first.url, second.url);
  t.equal((await wellcome.begin('code')).url, first.url);
  t.equal((await wellcome.state()).state, 'pending');
  vending.aws.approve(device.userCode ?? '');
  vending.clock.advance(2 * SECOND);
  const given = await device.token;
  t.strictSame(await first.token, { ...given, expiresAt: Math.floor(given.expiresAt / 1000) * 1000 });
  t.strictSame(vending.told, [{ done: 'wellcome' }]);
  await t.rejects(
    fetch(new URL(first.url).searchParams.get('redirect_uri') ?? ''),
    'nobody listens any more',
  );
});

t.test('a sign-in that several wait for goes on until the last of them gives up', async (t) => {
  const vending = await start(t);
  const wellcome = vending.signIn('wellcome');
  const [first, second] = await Promise.all([wellcome.begin('code'), wellcome.begin('code')]);
  first.abandon();
  first.abandon();
  t.equal((await wellcome.state()).state, 'pending');
  const third = await wellcome.begin('code');
  t.equal(third.url, first.url);
  second.abandon();
  t.equal((await wellcome.state()).state, 'pending');
  third.abandon();
  t.equal((await wellcome.state()).state, 'none');
  await t.rejects(third.token, { code: 'SignInAbandoned' });
  await t.rejects(fetch(new URL(first.url).searchParams.get('redirect_uri') ?? ''), 'the port is closed');
  t.not((await wellcome.begin('code')).url, first.url, 'the next one begins afresh');
});

t.test('a sign-in that could not be begun is no obstacle to the next', async (t) => {
  const vending = await start(t, { autoApprove: true });
  vending.aws.faults.set('RegisterClient', { kind: 'error', status: 400, code: 'InvalidRequestException' });
  await t.rejects(vending.signIn('wellcome').begin('code'), { code: 'InvalidStartUrl' });
  t.equal((await vending.signIn('wellcome').state()).state, 'none');
  vending.aws.faults.clear();
  await signIn(vending);
  t.strictSame(vending.told, [{ done: 'wellcome' }]);
});

t.test('a legacy profile has no refresh token: it counts down, and ends', async (t) => {
  const vending = await start(t, { autoApprove: true });
  const { clock, told } = vending;
  const use = () => vending.signIn('old').withToken(step, async () => 'used');
  await signIn(vending, 'old');
  t.equal(await use(), 'used');
  t.match(await vending.signIn('old').state(), {
    name: START_URL,
    state: 'done',
    renewable: false,
    expiresAt: clock.now() + HOUR,
  });
  t.notOk(cached(vending, START_URL).refreshToken);
  clock.advance(HOUR);
  t.equal((await vending.signIn('old').state()).state, 'none');
  t.equal(await use().catch(code), 'SsoLoginRequired');
  t.strictSame(told.at(-1), { needed: START_URL });
});

const step = {
  kind: 'sso-role',
  profile: 'old',
  startUrl: START_URL,
  accountId: ACCOUNT,
  roleName: 'p0',
  sso: { region: 'eu-west-1' },
} as const;

t.test('the end of a sign-in takes its token and every session behind it', async (t) => {
  const config = `${CONFIG}${roleProfile('over', 'p0')}${keysProfile('keys')}`;
  const vending = await startVending(t, {
    config,
    world: { identityCenters: [{ ...center, autoApprove: true }] },
  });
  const { vendor, store } = vending;
  await signIn(vending);
  for (const name of ['p0', 'p1', 'keys']) await vendor.session(name);
  await vendor.session('over', { allowed: { policyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess'] } });
  const secrets = await store;
  const stored = async (count: number) => {
    while ((await secrets.keys()).length !== count) await turn();
  };
  await stored(4);
  // The lease is gone, and so is a profile.
  writeFileSync(join(vending.home, '.aws/config'), config.replace('[profile p1]', '[profile elsewhere]'));
  const restarted = await vending.restart();
  await restarted.vendor.session('p0');
  t.equal(restarted.aws.count('GetRoleCredentials'), 2, 'it is stored');
  const token = await restarted.signIn('wellcome').end();
  t.ok(token?.accessToken);
  restarted.vendor.forgetBehind((step) => step.kind === 'sso-role');
  restarted.sessions.dropBehind('wellcome');
  // Those too that nobody can ask for any more.
  await stored(1);
  t.ok((await restarted.vendor.session('keys')).accessKeyId);
  t.equal(restarted.aws.count('GetSessionToken'), 1, 'what came from elsewhere stays');
  t.throws(() => cached(vending));
  t.equal(await restarted.vendor.session('p0').catch(code), 'SsoLoginRequired');
});
