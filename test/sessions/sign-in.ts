import t from 'tap';
import { HOUR, MINUTE, SECOND } from '../support/time.js';
import {
  cached,
  code,
  inMoments,
  PROFILES,
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
