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
  START_URL,
  signIn,
  startOverSignIn,
  until,
} from '../support/vending-sign-in.js';

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
