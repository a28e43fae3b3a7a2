import t from 'tap';
import { HOUR, MINUTE, SECOND } from '../support/time.js';
import { startVending } from '../support/vending.js';
import { base, dev, manyRoles, roleProfile, ssoProfile, ssoWorld } from '../support/vending-config.js';

t.test('a session is renewed in the background, 18 to 20 minutes before its end', async (t) => {
  for (const seed of [1, 2, 3]) {
    const { vendor, aws, ask, pass, clock } = await startVending(t, { config: dev, seed });
    const start = clock.now();
    const first = await ask('dev');
    t.equal(vendor.states()[0]?.state, 'ready');
    const renewsAt = vendor.states()[0]?.renewsAt ?? 0;
    t.ok(renewsAt >= start + 40 * MINUTE && renewsAt <= start + 42 * MINUTE);
    await pass(renewsAt - start - SECOND);
    t.equal(aws.calls.length, 1);
    t.equal(await ask('dev'), first);
    await pass(SECOND);
    t.equal(aws.calls.length, 2, 'nobody had to ask');
    t.not(await ask('dev'), first);
    t.equal((await vendor.session('dev')).expiration, Math.floor(renewsAt / SECOND) * SECOND + HOUR);
  }
});

t.test('a session of 15 minutes is renewed at half of them', async (t) => {
  const { vendor, ask, clock } = await startVending(t, {
    config: `${base}${roleProfile('dev', 'base', 'dev', 'duration_seconds = 900')}`,
  });
  await ask('dev');
  const lead = clock.now() + 15 * MINUTE - (vendor.states()[0]?.renewsAt ?? 0);
  t.ok(lead <= 7.5 * MINUTE && lead >= 0.9 * 7.5 * MINUTE, `${lead}`);
});

t.test('a due session is served at once and renewed behind the answer', async (t) => {
  const { vendor, aws, ask, settled, clock } = await startVending(t, { config: dev });
  const first = await vendor.get('dev');
  clock.jump(45 * MINUTE);
  t.equal(vendor.get('dev'), first, 'without a promise');
  t.equal(vendor.get('dev'), first);
  await settled();
  t.equal(aws.calls.length, 2, 'one renewal');
  t.not(await vendor.get('dev'), first);
  t.equal(vendor.get('dev'), await vendor.get('dev'));
  await ask('dev');
  t.equal(aws.calls.length, 2);
});

t.test('kept warm for 12 hours after the last request, then left to lapse', async (t) => {
  const { aws, ask, pass, clock, vendor } = await startVending(t, { config: dev });
  await ask('dev');
  await pass(12 * HOUR);
  const calls = aws.calls.length;
  t.ok(calls >= 18 && calls <= 19, `${calls}`);
  await pass(12 * HOUR);
  t.equal(aws.calls.length, calls);
  t.equal(clock.timers, 0);
  t.match(vendor.states(), [{ state: 'lapsed' }]);
  t.match(await ask('dev'), /^ASIA/);
  t.equal(aws.calls.length, calls + 1);
});

t.test('the sources of a role are not kept warm, but fetched when the role needs them', async (t) => {
  const { aws, ask, pass, log } = await startVending(t, {
    config: `${ssoProfile('sso')}${roleProfile('dev', 'sso')}`,
    world: ssoWorld,
  });
  await ask('dev');
  await pass(10 * HOUR);
  const roles = aws.count('AssumeRole');
  t.ok(roles >= 15 && roles <= 16, `${roles}`);
  t.ok(aws.count('GetRoleCredentials') <= 10);
  t.equal(aws.calls.length, roles + aws.count('GetRoleCredentials'));
  t.equal(log.filter(({ level }) => level === 'warn').length, 0);
});

t.test('one day, 200 profiles, 20 of them in use: one call for each chain step and lifetime', async (t) => {
  const config = `${ssoProfile('sso')}${manyRoles('sso', 200)}`;
  const { aws, ask, pass } = await startVending(t, { config, world: ssoWorld });
  for (let quarter = 0; quarter < 24 * 4; quarter++) {
    await Promise.all(Array.from({ length: 20 }, (_, index) => ask(`r${index}`)));
    await pass(15 * MINUTE);
  }
  const roles = aws.count('AssumeRole', 'ok');
  t.ok(roles >= 20 * 35 && roles <= 20 * 37, `${roles}: every 40 to 42 minutes`);
  t.ok(aws.count('GetRoleCredentials', 'ok') <= 25, `${aws.count('GetRoleCredentials', 'ok')}`);
  t.equal(aws.calls.length, roles + aws.count('GetRoleCredentials', 'ok'), 'and none in vain');
  t.equal(new Set(aws.calls.map(({ params }) => params.RoleArn)).size, 21);
});

t.test('1,000 profiles asked for once: no timer runs for ever', async (t) => {
  const { ask, aws, pass, clock, vendor } = await startVending(t, {
    config: `${base}${manyRoles('base', 1000)}`,
  });
  aws.world.sessionLifetime = 12 * 3600 + 30 * 60;
  for (let from = 0; from < 1000; from += 250) {
    await Promise.all(Array.from({ length: 250 }, (_, index) => ask(`r${from + index}`)));
  }
  t.ok(clock.timers <= 1, 'one timer for all');
  await pass(13 * HOUR, 15 * MINUTE);
  t.equal(aws.calls.length, 1000, 'nobody asked again');
  t.equal(clock.timers, 0);
  t.ok(vendor.states().every(({ state }) => state === 'lapsed'));
});
