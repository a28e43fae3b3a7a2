import t from 'tap';
import { HOUR, MINUTE, SECOND } from '../support/time.js';
import { startVending } from '../support/vending.js';
import { dev, roleProfile, ssoProfile, ssoWorld } from '../support/vending-config.js';

t.test('a laptop sleeps: what lapsed is renewed within 15 s of waking, without anybody asking', async (t) => {
  const { aws, ask, pass, clock } = await startVending(t, { config: dev });
  const first = await ask('dev');
  await pass(5 * MINUTE);
  clock.jump(8 * HOUR);
  await pass(15 * SECOND, SECOND);
  t.equal(aws.calls.length, 2);
  t.not(await ask('dev'), first);
  t.equal(aws.calls.length, 2);
});

t.test('a laptop wakes before its network: renewed when that is there, without anybody asking', async (t) => {
  const { aws, ask, pass, clock, vendor } = await startVending(t, { config: dev });
  const first = await ask('dev');
  clock.jump(8 * HOUR);
  aws.faults.set('*', { kind: 'error', status: 503, code: 'ServiceUnavailable' });
  await pass(2 * MINUTE, SECOND);
  t.match(vendor.states(), [{ state: 'failed' }]);
  aws.faults.clear();
  await pass(5 * MINUTE, SECOND);
  t.match(vendor.states(), [{ state: 'ready' }]);
  const calls = aws.calls.length;
  t.not(await ask('dev'), first);
  t.equal(aws.calls.length, calls);
});

t.test('a laptop wakes, and somebody asks first: never the expired session, and one call', async (t) => {
  const { aws, ask, pass, clock } = await startVending(t, { config: dev });
  const first = await ask('dev');
  clock.jump(8 * HOUR);
  const answers = await Promise.all([ask('dev'), ask('dev')]);
  t.equal(new Set(answers).size, 1);
  t.not(answers[0], first);
  await pass(MINUTE, SECOND);
  t.equal(aws.calls.length, 2);
});

t.test('the clock is set back by hours: the session is renewed for whoever asks, once', async (t) => {
  const config = `${ssoProfile('sso')}${roleProfile('dev', 'sso')}${roleProfile('ops', 'sso')}`;
  const { aws, ask, settled, pass, clock } = await startVending(t, { config, world: ssoWorld });
  const first = await ask('dev');
  clock.jump(-5 * HOUR);
  t.equal(await ask('dev'), first, 'at once');
  await settled();
  t.equal(aws.count('AssumeRole'), 2);
  t.equal(aws.count('GetRoleCredentials'), 2, 'the source too: nobody knows how long it lasts');
  const second = await ask('dev');
  t.not(second, first);
  await ask('ops');
  t.equal(aws.count('GetRoleCredentials'), 2);
  await pass(30 * MINUTE);
  t.equal(await ask('dev'), second);
  await pass(12 * MINUTE);
  t.not(await ask('dev'), second, 'and renewed as ever');
});

t.test('the clock is set back while AWS is away: attempts have their pauses', async (t) => {
  const { aws, ask, settled, clock } = await startVending(t, { config: dev });
  const first = await ask('dev');
  clock.jump(-5 * HOUR);
  aws.faults.set('*', { kind: 'error' });
  for (let request = 0; request < 5; request++) {
    t.equal(await ask('dev'), first);
    await settled();
  }
  t.equal(aws.calls.length, 3, 'one renewal, of two attempts');
});

t.test('a failure in the future, after the clock was set back, is no reason to wait', async (t) => {
  const { aws, ask, clock } = await startVending(t, { config: dev });
  aws.faults.set('*', { kind: 'error', times: 2 });
  await t.rejects(ask('dev'), { code: 'InternalFailure' });
  clock.jump(-5 * HOUR);
  t.match(await ask('dev'), /^ASIA/);
});

t.test('a clock that is hours ahead: says so, and asks AWS no more than for any failure', async (t) => {
  const { aws, ask, pass, clock, log, vendor } = await startVending(t, { config: dev });
  aws.world.sessionLifetime = -2 * 3600;
  await t.rejects(ask('dev'), { code: 'ClockSkew', statusCode: 503, message: /Set the clock right/ });
  await t.rejects(ask('dev'), { code: 'ClockSkew' });
  await pass(10 * MINUTE);
  t.equal(aws.calls.length, 1);
  t.match(log, [{ level: 'warn', code: 'ClockSkew' }]);
  t.match(vendor.states(), [{ state: 'failed' }]);
  t.equal(clock.timers, 0);
});
