import t, { type Test } from 'tap';
import { MINUTE } from '../support/time.js';
import { startVending } from '../support/vending.js';
import { keysProfile, roleProfile, ssoProfile, ssoWorld } from '../support/vending-config.js';

t.test('a source whose sign-in has ended: its session is used while it lasts, the roles too', async (t) => {
  const { ask, aws, pass, vendor } = await startVending(t, {
    config: `${ssoProfile('sso')}${roleProfile('dev', 'sso')}${roleProfile('ops', 'sso')}`,
    world: ssoWorld,
  });
  const first = await ask('dev');
  aws.signIns.endAll();
  await pass(30 * MINUTE);
  t.match(await ask('ops'), /^ASIA/, 'behind the session that is still good');
  await pass(25 * MINUTE);
  t.not(await ask('dev'), first, 'renewed at 40 minutes');
  await pass(40 * MINUTE);
  t.match(vendor.states(), [
    { profile: 'dev', state: 'ready', lastError: { code: 'SsoLoginRequired' } },
    { profile: 'ops', state: 'failed', lastError: { code: 'SsoLoginRequired' } },
  ]);
});

const revokedConfig = [ssoProfile('dev'), roleProfile('one', 'dev'), roleProfile('two', 'dev')].join('\n');
const startOverSso = (t: Test) => startVending(t, { config: revokedConfig, world: ssoWorld });

for (const revoke of ['revoke', 'expire'] as const) {
  t.test(`a source session that AWS takes no longer (${revoke}) is replaced once`, async (t) => {
    const vending = await startOverSso(t);
    const { vendor, aws, clock } = vending;
    const dev = await vendor.session('dev');
    clock.advance(MINUTE);
    aws.world[revoke](dev.accessKeyId);
    const [one, two] = await Promise.all([vendor.session('one'), vendor.session('two')]);
    t.not(one.accessKeyId, two.accessKeyId);
    t.equal(aws.count('GetRoleCredentials'), 2, 'one new source session for both');
    t.equal(aws.count('AssumeRole', 'ok'), 2);
    t.equal(aws.count('AssumeRole'), 4);
    t.not((await vendor.session('dev')).accessKeyId, dev.accessKeyId);
  });
}

t.test('a source session from the store that AWS takes no longer is replaced too', async (t) => {
  const first = await startOverSso(t);
  const { accessKeyId } = await first.vendor.session('dev');
  const { vendor, aws, clock } = await first.restart();
  clock.advance(MINUTE);
  aws.world.revoke(accessKeyId);
  t.ok((await vendor.session('one')).accessKeyId);
  t.equal(aws.count('GetRoleCredentials'), 2);
});

t.test('a source session is not replaced in a loop, and stays where no other is to be had', async (t) => {
  const { vendor, aws, signIn, pass } = await startOverSso(t);
  aws.faults.set('AssumeRole', { kind: 'error', status: 403, code: 'InvalidClientTokenId', message: 'no' });
  await t.rejects(vendor.session('one'), { code: 'InvalidClientTokenId' });
  await t.rejects(vendor.session('two'), { code: 'InvalidClientTokenId' });
  t.equal(aws.count('AssumeRole'), 2);
  t.equal(aws.count('GetRoleCredentials'), 1, 'what is new is not replaced');
  await pass(MINUTE);
  await t.rejects(vendor.session('one'), { code: 'InvalidClientTokenId' });
  await t.rejects(vendor.session('two'), { code: 'InvalidClientTokenId' });
  t.equal(aws.count('AssumeRole'), 5);
  t.equal(aws.count('GetRoleCredentials'), 2);

  await pass(MINUTE);
  const { accessKeyId } = await vendor.session('dev');
  await signIn('dev').end();
  await t.rejects(vendor.session('one'), { code: 'SsoLoginRequired' }, 'what to do about the source');
  t.equal((await vendor.session('dev')).accessKeyId, accessKeyId);
});

t.test('keys of a file that AWS does not take are not tried twice', async (t) => {
  const { vendor, aws } = await startVending(t, {
    config: `${keysProfile('base')}\n${roleProfile('one', 'base')}`,
  });
  aws.world.revoke('AKIAADA');
  await t.rejects(vendor.session('one'), { code: 'InvalidClientTokenId' });
  t.equal(aws.count('AssumeRole'), 1);
});
