import t from 'tap';
import { SECOND } from '../support/time.js';
import { signIn, startOverSignIn } from '../support/vending-sign-in.js';

t.test('two logins at once are one; the other flow ends with it', async (t) => {
  const vending = await startOverSignIn(t);
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
  const vending = await startOverSignIn(t);
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
  const vending = await startOverSignIn(t, { autoApprove: true });
  vending.aws.faults.set('RegisterClient', { kind: 'error', status: 400, code: 'InvalidRequestException' });
  await t.rejects(vending.signIn('wellcome').begin('code'), { code: 'InvalidStartUrl' });
  t.equal((await vending.signIn('wellcome').state()).state, 'none');
  vending.aws.faults.clear();
  await signIn(vending);
  t.strictSame(vending.told, [{ done: 'wellcome' }]);
});
