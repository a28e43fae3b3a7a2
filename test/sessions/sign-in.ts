import { writeFileSync } from 'node:fs';
import t from 'tap';
import { SsoTokenCache } from '../../src/aws/sso-token.js';
import type { IdentityCenter } from '../../src/demo/sso.js';
import { HOUR, MINUTE, SECOND, turn } from '../support/time.js';
import {
  cached,
  code,
  inMoments,
  momentPasses,
  PROFILES,
  START_URL,
  signIn,
  startOverSignIn,
  until,
} from '../support/vending-sign-in.js';

t.test('100 requests for 20 profiles whose sign-in has expired: 100 answers, one notification', async (t) => {
  const vending = await startOverSignIn(t, { autoApprove: true });
  const { vendor, aws, told, clock } = vending;
  await signIn(vending);
  aws.signIns.endAll();
  clock.advance(2 * HOUR);
  const refusals = await inMoments(
    vending,
    Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        vendor.session(PROFILES[index % 20] as string).then(() => 'served', code),
      ),
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

for (const setBack of [0, 5 * HOUR]) {
  const how = setBack ? ', with the clock set back at noon' : '';
  t.test(`a day of one-hour tokens: one sign-in, no failed request${how}`, async (t) => {
    const vending = await startOverSignIn(t, { autoApprove: true });
    const { vendor, aws, told, clock, settled } = vending;
    await signIn(vending);
    await vendor.session('p0');
    let failed = 0;
    for (let minute = 0; minute < 24 * 60; minute++) {
      if (minute === 12 * 60) clock.set(-setBack);
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
}

t.test('an expired token is renewed on demand, once for all who ask', async (t) => {
  const vending = await startOverSignIn(t, { autoApprove: true });
  const { vendor, aws, clock } = vending;
  await signIn(vending);
  clock.jump(5 * HOUR);
  await Promise.all(PROFILES.map((name) => vendor.session(name)));
  t.equal(aws.count('CreateToken'), 2);
  t.equal(cached(vending).expiresAt, new Date(clock.now() + HOUR).toISOString().replace('.000', ''));
});

t.test('an access token that Identity Center refuses is renewed, and asked with again', async (t) => {
  const vending = await startOverSignIn(t, { autoApprove: true });
  await signIn(vending);
  vending.aws.signIns.expire(cached(vending).accessToken);
  t.ok((await vending.vendor.session('p0')).accessKeyId);
  t.equal(vending.aws.count('CreateToken'), 2);
  t.strictSame(vending.told, [{ done: 'wellcome' }]);
});

t.test('Identity Center cannot be reached: no sign-in is asked for, and it goes on by itself', async (t) => {
  const vending = await startOverSignIn(t, { autoApprove: true });
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
    const vending = await startOverSignIn(t, { autoApprove: true });
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
    const vending = await startOverSignIn(t);
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

t.test('the same token is back: those who waited are served, and its end is told later', async (t) => {
  const vending = await startOverSignIn(t, { autoApprove: true });
  const { vendor, aws, told, clock, ssoCache } = vending;
  await signIn(vending);
  const path = new SsoTokenCache(ssoCache).path('wellcome');
  const text = JSON.stringify(cached(vending));
  writeFileSync(path, '');
  t.equal(await inMoments(vending, vendor.session('p0').catch(code)), 'SsoLoginRequired');
  writeFileSync(path, text);
  await until(
    () => told.length === 3,
    () => clock.advance(SECOND),
  );
  t.strictSame(told.slice(1), [{ needed: 'wellcome' }, { done: 'wellcome' }]);
  await until(
    () => aws.count('GetRoleCredentials', 'ok') === 1,
    () => clock.advance(50),
  );
  aws.signIns.endAll();
  clock.jump(2 * HOUR);
  t.equal(await inMoments(vending, vendor.session('p1').catch(code)), 'SsoLoginRequired');
  t.strictSame(told.slice(3), [{ needed: 'wellcome' }]);
});

t.test('a token that was away when its renewal was due is renewed once it is back', async (t) => {
  const vending = await startOverSignIn(t, { autoApprove: true });
  const { vendor, aws, clock, ssoCache } = vending;
  await signIn(vending);
  const path = new SsoTokenCache(ssoCache).path('wellcome');
  const text = JSON.stringify(cached(vending));
  writeFileSync(path, '');
  const renewal = () => vending.signIn('wellcome').state();
  clock.advance(45 * MINUTE);
  let failed = false;
  while (!failed) {
    momentPasses(vending);
    failed = (await renewal()).lastError?.code === 'SsoLoginRequired';
  }
  writeFileSync(path, text);
  t.ok((await vendor.session('p0')).accessKeyId);
  while (!(await renewal()).renewsAt) await turn();
  clock.advance(15 * MINUTE);
  await until(() => aws.count('CreateToken', 'ok') === 2);
  t.ok((await vendor.session('p1')).accessKeyId);
});

t.test('another tool has spent the refresh token, and is about to write what it was given', async (t) => {
  const vending = await startOverSignIn(t, { autoApprove: true });
  const { vendor, aws, told, clock, ssoCache } = vending;
  await signIn(vending);
  const before = cached(vending);
  clock.jump(2 * HOUR);
  const theirs = aws.signIns.refresh(before.refreshToken);
  const text = JSON.stringify({
    ...before,
    accessToken: theirs?.accessToken,
    refreshToken: theirs?.refreshToken,
    expiresAt: new Date(theirs?.expiresAt ?? 0).toISOString(),
  });
  const path = new SsoTokenCache(ssoCache).path('wellcome');
  const asked = vendor.session('p0');
  await until(() => aws.count('CreateToken', 'InvalidGrantException') === 1 && clock.next <= 100);
  writeFileSync(path, text.slice(0, 50));
  clock.advance(clock.next);
  await until(() => clock.next <= 100);
  writeFileSync(path, text);
  t.ok((await inMoments(vending, asked)).accessKeyId);
  t.equal(cached(vending).accessToken, theirs?.accessToken);
  t.strictSame(told, [{ done: 'wellcome' }]);
});

t.test('a token that is being written is read when it is whole', async (t) => {
  const vending = await startOverSignIn(t, { autoApprove: true });
  const { vendor, told, clock, ssoCache } = vending;
  await signIn(vending);
  const path = new SsoTokenCache(ssoCache).path('wellcome');
  const text = JSON.stringify(cached(vending));
  writeFileSync(path, text.slice(0, 50));
  const asked = vendor.session('p0');
  await until(() => clock.next <= 100);
  writeFileSync(path, text);
  t.ok((await inMoments(vending, asked)).accessKeyId);
  t.strictSame(told, [{ done: 'wellcome' }]);
});
