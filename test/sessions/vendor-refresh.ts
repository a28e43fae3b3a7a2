import t from 'tap';
import { startVending } from '../support/vending.js';
import { dev, roleProfile, ssoProfile, ssoWorld } from '../support/vending-config.js';

t.test('refresh fetches a new session, though the old one is fresh, or stored', async (t) => {
  const before = await startVending(t, { config: dev });
  const first = await before.ask('dev');
  const second = await before.vendor.renew('dev');
  t.not(second.accessKeyId, first);
  t.equal(await before.ask('dev'), second.accessKeyId);
  const after = await before.restart();
  t.equal(
    await after.ask('dev'),
    second.accessKeyId,
    'the newer one is stored, though both end in the same second',
  );
  const third = await (await after.restart()).vendor.renew('dev');
  t.not(third.accessKeyId, second.accessKeyId);
  t.equal(before.aws.calls.length, 3);
});

t.test('refresh during a flight to AWS joins it', async (t) => {
  const { ask, vendor, hang, release, settled, aws } = await startVending(t, { config: dev });
  hang();
  const asked = ask('dev');
  await settled();
  const renewed = vendor.renew('dev');
  release();
  t.equal((await renewed).accessKeyId, await asked);
  t.equal(aws.calls.length, 1);
});

t.test('refresh while the store is being read: a new session all the same', async (t) => {
  const before = await startVending(t, { config: dev });
  const first = await before.ask('dev');
  const after = await before.restart();
  const asked = after.ask('dev');
  const renewed = await after.vendor.renew('dev');
  t.not(renewed.accessKeyId, first);
  t.equal(await asked, renewed.accessKeyId);
});

t.test('refresh tries again at once, whatever failed before, in the sources too', async (t) => {
  const { ask, vendor, aws } = await startVending(t, {
    config: `${ssoProfile('sso')}${roleProfile('dev', 'sso')}`,
    world: ssoWorld,
  });
  aws.faults.set('GetRoleCredentials', { kind: 'error', status: 403, code: 'ForbiddenException', times: 1 });
  await t.rejects(ask('dev'), { code: 'ForbiddenException' });
  await t.rejects(ask('dev'), { code: 'ForbiddenException' });
  t.equal(aws.calls.length, 1);
  t.match(await vendor.renew('dev'), { accessKeyId: /^ASIA/ });
});

t.test('refresh that fails leaves the old session in its place', async (t) => {
  const { ask, vendor, aws } = await startVending(t, { config: dev });
  const first = await ask('dev');
  aws.faults.set('*', { kind: 'drop' });
  await t.rejects(vendor.renew('dev'), { statusCode: 503, message: /^Profile "dev"/ });
  t.equal(await ask('dev'), first);
});
