import t from 'tap';
import { MINUTE, turn } from '../support/time.js';
import { startVending } from '../support/vending.js';
import { dev, manyRoles, roleProfile, ssoProfile, ssoWorld } from '../support/vending-config.js';

t.test('forget drops the session here and in the store, and no other', async (t) => {
  const { ask, vendor, store, aws } = await startVending(t, {
    config: `${dev}${roleProfile('ops', 'base')}`,
  });
  const [devKey, opsKey] = [await ask('dev'), await ask('ops')];
  vendor.forget('dev');
  const again = ask('dev');
  t.not(await again, devKey, 'not even from a store that has not yet dropped it');
  t.equal(await ask('ops'), opsKey);
  t.equal(aws.calls.length, 3);
  vendor.forget('dev');
  t.same(
    vendor.states().map(({ profile }) => profile),
    ['ops'],
  );
  await turn();
  t.equal((await (await store).keys()).length, 1);
});

t.test('forget as the first thing after a restart drops what is stored', async (t) => {
  const before = await startVending(t, { config: dev });
  const first = await before.ask('dev');
  const after = await before.restart();
  after.vendor.forget('dev');
  t.not(await after.ask('dev'), first);
  const third = await after.restart();
  t.equal(await third.ask('dev'), await after.ask('dev'));
});

t.test('forget of an unknown profile says so', async (t) => {
  const { vendor } = await startVending(t, { config: dev });
  t.throws(() => vendor.forget('nobody'), { code: 'UnknownProfile' });
});

t.test('forget during a flight: who waits is answered, the session is neither kept nor stored', async (t) => {
  const { ask, vendor, hang, release, settled, store, aws, log } = await startVending(t, { config: dev });
  hang();
  const early = ask('dev');
  await settled();
  vendor.forget('dev');
  release();
  const forgotten = await early;
  t.match(forgotten, /^ASIA/);
  await settled();
  t.same(await (await store).keys(), []);
  t.same(log, []);
  t.not(await ask('dev'), forgotten);
  t.equal(aws.calls.length, 2);
});

t.test('a request after forget does not join the flight from before it', async (t) => {
  const { ask, vendor, hang, release, settled, aws } = await startVending(t, { config: dev });
  hang();
  const early = ask('dev');
  await settled();
  vendor.forget('dev');
  const late = ask('dev');
  await settled();
  release();
  t.not(await early, await late);
  t.equal(await ask('dev'), await late, 'the later one is kept');
  t.equal(aws.calls.length, 2);
});

t.test('forget of a shared source: the roles stay, and go on sharing its next session', async (t) => {
  const config = `${ssoProfile('sso')}${manyRoles('sso', 10)}`;
  const { ask, vendor, aws, pass } = await startVending(t, { config, world: ssoWorld });
  const roles = Array.from({ length: 10 }, (_, index) => `r${index}`);
  const keys = await Promise.all(roles.map(ask));
  vendor.forget('sso');
  t.same(await Promise.all(roles.map(ask)), keys);
  await pass(43 * MINUTE);
  t.equal(aws.count('AssumeRole'), 20);
  t.equal(aws.count('GetRoleCredentials'), 2);
  await ask('sso');
  t.equal(aws.count('GetRoleCredentials'), 2);
});
