import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { HOUR, MINUTE, turn } from '../support/time.js';
import { startVending } from '../support/vending.js';
import { ACCOUNT, keysProfile, roleProfile } from '../support/vending-config.js';
import {
  CONFIG,
  cached,
  center,
  code,
  inMoments,
  momentPasses,
  START_URL,
  signIn,
  startOverSignIn,
  until,
} from '../support/vending-sign-in.js';

t.test('a revoked refresh token: a warning while the token lasts, then a sign-in', async (t) => {
  const vending = await startOverSignIn(t, { autoApprove: true });
  const { vendor, aws, told, clock } = vending;
  await signIn(vending);
  await vendor.session('p0');
  aws.signIns.revoke(cached(vending).accessToken);
  clock.advance(45 * MINUTE);
  await until(
    () => told.length > 1,
    () => momentPasses(vending),
  );
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

t.test('a sign-in that ended while nobody asked shows as ended, and nobody is told', async (t) => {
  const vending = await startOverSignIn(t, { autoApprove: true });
  const { aws, told, clock } = vending;
  await signIn(vending);
  const state = () => vending.signIn('wellcome').state();
  aws.signIns.endAll();
  clock.jump(2 * HOUR);
  t.equal((await state()).state, 'done', 'as far as is known, it can be renewed');
  clock.advance(MINUTE);
  while (!(await state()).lastError) momentPasses(vending);
  t.match(await state(), { state: 'ended', renewable: false, lastError: { code: 'SignInEnded' } });
  t.strictSame(told, [{ done: 'wellcome' }]);
  t.equal(await inMoments(vending, vending.vendor.session('p0').catch(code)), 'SsoLoginRequired');
  t.match(await state(), { state: 'needed' });
});

t.test('a legacy profile has no refresh token: it counts down, and ends', async (t) => {
  const vending = await startOverSignIn(t, { autoApprove: true });
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
  t.equal((await vending.signIn('old').state()).state, 'ended');
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

t.test('a renewal under way when the sign-in ends: its token is ended too, and not kept', async (t) => {
  const vending = await startOverSignIn(t, { autoApprove: true });
  const { vendor, aws, told, clock, hang, release } = vending;
  await signIn(vending);
  clock.jump(2 * HOUR);
  hang('CreateToken');
  const asked = vendor.session('p0').catch(code);
  await until(() => aws.calls.some(({ outcome }) => outcome === 'pending'));
  const spent = cached(vending).refreshToken;
  t.ok(await vending.signIn('wellcome').end());
  release();
  t.equal(await asked, 'SsoLoginRequired');
  await until(() => aws.count('Logout', 'ok') === 1);
  t.equal(aws.count('CreateToken', 'ok'), 2, 'a token was given after the end');
  t.notOk(aws.signIns.refresh(spent));
  t.throws(() => cached(vending));
  t.match(await vending.signIn('wellcome').state(), { state: 'none' });
  t.strictSame(told, [{ done: 'wellcome' }], 'who has signed out is not asked to sign in');

  await signIn(vending);
  t.ok((await vendor.session('p0')).accessKeyId, 'what was thrown away stands in nobody’s way');
});
