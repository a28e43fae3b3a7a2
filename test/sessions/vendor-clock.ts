import t from 'tap';
import { HOUR, MINUTE, SECOND } from '../support/time.js';
import { startVending, type Vending } from '../support/vending.js';
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

/** An answer, and for how many minutes AWS will take what it holds. */
async function answer({ vendor, aws, clock, settled }: Vending, profile = 'dev') {
  const body = JSON.parse(String(await vendor.get(profile)));
  await settled();
  const { expiration = 0 } = aws.world.session(body.AccessKeyId) ?? {};
  return {
    key: body.AccessKeyId,
    left: (expiration - clock.real.now()) / MINUTE,
    told: (Date.parse(body.Expiration) - clock.now()) / MINUTE,
  };
}

t.test('the clock is set back by hours: nothing is renewed for that, and nothing late', async (t) => {
  const config = `${ssoProfile('sso')}${roleProfile('dev', 'sso')}`;
  const it = await startVending(t, { config, world: ssoWorld });
  const { aws, pass, clock, vendor } = it;
  const first = await answer(it);
  await pass(10 * MINUTE);
  clock.set(-5 * HOUR);
  t.same(await answer(it), { key: first.key, left: 50, told: 50 }, 'the end is told by the clock as it is');
  t.match(vendor.states(), [{ expiresAt: clock.now() + 50 * MINUTE, lastAskedAt: clock.now() }]);
  t.equal(aws.calls.length, 2);
  await pass(33 * MINUTE);
  t.equal(aws.count('AssumeRole', 'ok'), 2, 'by itself, when it would have been');
  const second = await answer(it);
  t.not(second.key, first.key);
  t.ok(second.left > 55 && second.told <= second.left, `${second.left}, told ${second.told}`);
});

t.test('the clock is set back, and nobody asks until AWS has ended the session', async (t) => {
  const it = await startVending(t, { config: dev });
  const first = await answer(it);
  it.aws.faults.set('*', { kind: 'error' });
  it.clock.set(-3 * HOUR);
  await it.pass(90 * MINUTE);
  t.match(it.vendor.states(), [{ state: 'failed' }]);
  it.aws.faults.clear();
  const second = await answer(it);
  t.not(second.key, first.key);
  t.equal(second.left, 60);
});

t.test(
  'the clock is set back, and the daemon starts anew: nobody knows how long the stored lasts',
  async (t) => {
    const it = await startVending(t, { config: dev });
    const first = await answer(it);
    await it.sessions.settled();
    it.clock.set(-3 * HOUR);
    const next = await it.restart();
    const second = await answer(next);
    t.not(second.key, first.key);
    t.equal(second.left, 60);
  },
);

t.test('the clock is put right: set forward, what it was to be renewed for is renewed', async (t) => {
  const it = await startVending(t, { config: dev });
  it.clock.set(-3 * HOUR);
  await answer(it);
  it.clock.set(3 * HOUR);
  const { left, told } = await answer(it);
  t.same([left, told], [60, 60]);
  await it.pass(MINUTE, SECOND);
  t.equal(it.aws.count('AssumeRole', 'ok'), 2);
});

t.test('the clock is set back while AWS is away: attempts have their pauses', async (t) => {
  const { aws, ask, settled, pass, clock } = await startVending(t, { config: dev });
  const first = await ask('dev');
  await pass(38 * MINUTE);
  aws.faults.set('*', { kind: 'error' });
  clock.set(-5 * HOUR);
  clock.advance(4 * MINUTE);
  await settled();
  for (let request = 0; request < 5; request++) {
    t.equal(await ask('dev'), first);
    await settled();
  }
  t.equal(aws.calls.length, 3, 'one renewal, of two attempts');
});

t.test('a failure before the clock was set back counts for its seconds', async (t) => {
  const { aws, ask, clock } = await startVending(t, { config: dev });
  aws.faults.set('*', { kind: 'error', times: 2 });
  await t.rejects(ask('dev'), { code: 'InternalFailure' });
  clock.set(-5 * HOUR);
  await t.rejects(ask('dev'), { code: 'InternalFailure' });
  clock.advance(5 * SECOND);
  t.match(await ask('dev'), /^ASIA/);
});

for (const [hours, word] of [
  [-3, 'behind'],
  [3, 'ahead'],
] as const) {
  t.test(`a clock that is hours ${word} all the time`, async (t) => {
    const it = await startVending(t, { config: dev });
    it.clock.set(hours * HOUR);
    for (let minute = 0; minute < 6 * 60; minute += 10) {
      const { left, told } = await answer(it);
      if (left < 15 || Math.abs(left - told) > 1 / 60)
        t.fail(`after ${minute} min: ${left} min left, told ${told}`);
      await it.pass(10 * MINUTE);
    }
    t.ok(it.aws.count('AssumeRole', 'ok') <= 10, 'AWS gives no more sessions than ever');
    t.ok(it.aws.calls.length <= 20, 'and refuses one signature for each');
    const warnings = it.log.filter(({ level }) => level === 'warn');
    t.match(warnings, [{ message: new RegExp(`clock is ${word}.*set the clock right`) }]);
    t.equal(warnings.length, 1);
  });
}

t.test(
  'a session that had ended when it came: says so, and asks AWS no more than for any failure',
  async (t) => {
    const { aws, ask, pass, clock, log, vendor } = await startVending(t, { config: dev });
    aws.world.sessionLifetime = -2 * 3600;
    await t.rejects(ask('dev'), { code: 'ClockSkew', statusCode: 503, message: /Set the clock right/ });
    await t.rejects(ask('dev'), { code: 'ClockSkew' });
    await pass(10 * MINUTE);
    t.equal(aws.calls.length, 1);
    t.match(log, [{ level: 'warn', code: 'ClockSkew' }]);
    t.match(vendor.states(), [{ state: 'failed' }]);
    t.equal(clock.timers, 0);
  },
);
