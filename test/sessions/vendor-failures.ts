import t from 'tap';
import { MINUTE, SECOND } from '../support/time.js';
import { startVending } from '../support/vending.js';
import { ACCOUNT, CENTER, dev, roleProfile, ssoProfile, USER } from '../support/vending-config.js';

t.test('a failure without a session answers for itself for 5 s', async (t) => {
  const { aws, ask, clock, vendor, log } = await startVending(t, {
    config: dev,
    world: { roles: [{ arn: `arn:aws:iam::${ACCOUNT}:role/dev`, trusts: [] }] },
  });
  const denied = {
    code: 'AccessDenied',
    statusCode: 403,
    retryable: false,
    message: /^Profile "dev".*trust policy/,
  };
  await t.rejects(ask('dev'), denied);
  for (let attempt = 0; attempt < 6; attempt++) await t.rejects(ask('dev'), denied);
  t.equal(aws.calls.length, 1);
  t.match(vendor.states(), [
    { state: 'failed', lastError: { code: 'AccessDenied', message: /trust policy/ } },
  ]);
  t.match(log, [{ level: 'warn', profile: 'dev', code: 'AccessDenied' }]);
  clock.advance(4999);
  await t.rejects(ask('dev'), denied);
  t.equal(aws.calls.length, 1);
  clock.advance(1);
  await t.rejects(ask('dev'), denied);
  t.equal(aws.calls.length, 2);
  aws.world.addRole({ arn: `arn:aws:iam::${ACCOUNT}:role/dev`, trusts: ['*'] });
  clock.advance(5 * SECOND);
  t.match(await ask('dev'), /^ASIA/);
  t.match(vendor.states(), [{ state: 'ready', lastError: undefined }]);
});

t.test('a renewal that fails and may pass: the old session stays, and it is tried again', async (t) => {
  const { aws, ask, vendor, clock, settled, pass, log } = await startVending(t, { config: dev });
  const first = await ask('dev');
  const failed = () =>
    aws.count('AssumeRole', 'AccessDenied') + aws.count('AssumeRole', 'ServiceUnavailable');
  aws.faults.set('*', { kind: 'error', status: 503, code: 'ServiceUnavailable' });
  await pass((vendor.states()[0]?.renewsAt ?? 0) - clock.now());
  t.equal(failed(), 2, 'two attempts of the SDK');
  for (const doubled of [60, 120, 240]) {
    const [state] = vendor.states();
    const gap = Math.min(doubled, ((state?.expiresAt ?? 0) - clock.now()) / SECOND / 4);
    t.match(state, { state: 'ready', lastError: { code: 'ServiceUnavailable' } });
    const wait = ((state?.renewsAt ?? 0) - clock.now()) / SECOND;
    t.ok(wait >= gap && wait <= 2 * gap, `${wait}`);
    const before = failed();
    clock.advance((wait - 0.1) * SECOND);
    t.equal(await ask('dev'), first);
    await settled();
    t.equal(failed(), before, 'and no sooner, though somebody asked');
    await pass(100);
    t.equal(failed(), before + 2);
  }
  t.match(
    log.filter(({ level }) => level === 'warn'),
    Array(4).fill({ profile: 'dev', code: 'ServiceUnavailable', message: /goes on being served/ }),
  );
  aws.faults.clear();
  await pass((vendor.states()[0]?.renewsAt ?? 0) - clock.now());
  t.not(await ask('dev'), first);
  t.match(vendor.states(), [{ state: 'ready', lastError: undefined }]);
});

t.test('in the last tenth whoever asks is worth an attempt, once in 5 s', async (t) => {
  const { aws, ask, clock, pass, settled } = await startVending(t, { config: dev });
  const first = await ask('dev');
  aws.faults.set('*', { kind: 'error' });
  await pass(54 * MINUTE + SECOND);
  clock.jump(10 * SECOND);
  const before = aws.calls.length;
  t.equal(await ask('dev'), first, 'behind the answer');
  await settled();
  const tried = aws.calls.length;
  t.ok(tried > before);
  t.equal(await ask('dev'), first);
  await settled();
  t.equal(aws.calls.length, tried);
  aws.faults.clear();
  clock.jump(5 * SECOND);
  await ask('dev');
  await settled();
  t.not(await ask('dev'), first);
});

t.test('a renewal that fails for good is not tried again while the old session lasts', async (t) => {
  const { aws, ask, vendor, clock, pass, settled } = await startVending(t, { config: dev });
  const arn = `arn:aws:iam::${ACCOUNT}:role/dev`;
  const first = await ask('dev');
  aws.world.addRole({ arn, trusts: [] });
  await pass(43 * MINUTE);
  t.equal(aws.count('AssumeRole', 'AccessDenied'), 1);
  t.match(vendor.states(), [{ state: 'ready', renewsAt: undefined, lastError: { code: 'AccessDenied' } }]);
  while (clock.now() + 10 * SECOND < ((await vendor.session('dev')).expiration ?? 0)) {
    if ((await ask('dev')) !== first) t.fail('another session');
    await pass(10 * SECOND, 10 * SECOND);
  }
  await settled();
  t.equal(aws.count('AssumeRole', 'AccessDenied'), 1, 'not in the last minute either');
  clock.advance(10 * SECOND);
  await t.rejects(ask('dev'), { code: 'AccessDenied' });
  t.equal(aws.count('AssumeRole', 'AccessDenied'), 2, 'without a session a request is worth an attempt');
  aws.world.addRole({ arn, trusts: ['*'] });
  t.match(await vendor.renew('dev'), { accessKeyId: /^ASIA/ }, 'a person who knows better');
});

t.test('refreshing by hand fails for good: the timer of the old session does not try again', async (t) => {
  const { aws, ask, vendor, pass } = await startVending(t, { config: dev });
  const first = await ask('dev');
  aws.world.addRole({ arn: `arn:aws:iam::${ACCOUNT}:role/dev`, trusts: [] });
  await t.rejects(vendor.renew('dev'), { code: 'AccessDenied' });
  await pass(55 * MINUTE);
  t.equal(await ask('dev'), first);
  t.equal(aws.count('AssumeRole', 'AccessDenied'), 1);
});

t.test('a failing source: who asks for a role is told of both, with the code and what to do', async (t) => {
  const { ask, clock, log, told } = await startVending(t, {
    config: `${ssoProfile('corp')}${roleProfile('dev', 'corp')}${roleProfile('ops', 'corp')}`,
  });
  const signIn = {
    code: 'SsoLoginRequired',
    statusCode: 403,
    retryable: false,
    message: /^Profile "dev" .*Profile "corp".*credd login corp/,
  };
  await t.rejects(ask('dev'), signIn);
  clock.advance(2 * SECOND);
  await t.rejects(ask('dev'), signIn, 'remembered');
  await t.rejects(ask('ops'), { ...signIn, message: /^Profile "ops"/ });
  t.strictSame(log, [], 'of a sign-in that is needed the sign-in tells, once');
  t.strictSame(told, [{ needed: CENTER.startUrl }]);
});

t.test('throttled: the old session stays, the message names the profile', async (t) => {
  const { ask, aws } = await startVending(t, { config: dev });
  aws.faults.set('*', { kind: 'throttle' });
  await t.rejects(ask('dev'), { code: 'Throttling', statusCode: 503, message: /^Profile "dev"/ });
});

t.test('the token and secrets never reach the log', async (t) => {
  const { ask, aws, vendor, log, clock } = await startVending(t, { config: dev });
  await ask('dev');
  const { secretAccessKey, sessionToken } = await vendor.session('dev');
  aws.faults.set('*', { kind: 'garbage' });
  await t.rejects(vendor.renew('dev'));
  clock.advance(SECOND);
  const text = JSON.stringify(log);
  t.equal(log.length, 2);
  for (const secret of [secretAccessKey, sessionToken, USER.secretAccessKey]) t.notOk(text.includes(secret));
});
