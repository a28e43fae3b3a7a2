import t, { type Test } from 'tap';
import {
  ACCOUNT,
  CENTER,
  HOUR,
  keysProfile,
  MINUTE,
  roleProfile,
  SECOND,
  ssoProfile,
  startVending,
  turn,
  USER,
} from '../support/vending.js';

const base = keysProfile('base');
const dev = `${base}${roleProfile('dev', 'base')}`;
const ssoWorld = { identityCenters: [CENTER] };
const fleet = (source: string, count: number) =>
  Array.from({ length: count }, (_, index) => roleProfile(`r${index}`, source)).join('');

t.test('the answer is what SDKs read, and the same bytes until the session changes', async (t) => {
  const { vendor, clock } = await startVending(t, { config: dev });
  const body = await vendor.get('dev');
  const answer = JSON.parse(String(body));
  t.match(answer, {
    Code: 'Success',
    AccessKeyId: /^ASIA/,
    SecretAccessKey: String,
    Token: String,
    AccountId: ACCOUNT,
    RoleArn: `arn:aws:iam::${ACCOUNT}:role/dev`,
  });
  t.equal(Date.parse(answer.Expiration), clock.now() + HOUR);
  t.match(answer.Expiration, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  t.equal(vendor.get('dev'), body, 'at once, without serialising again');
  t.match(await vendor.session('dev'), { accessKeyId: answer.AccessKeyId, expiration: clock.now() + HOUR });
});

t.test(
  '500 first requests for 50 roles behind one sign-in: one call for it, one for each role',
  async (t) => {
    const { vendor, aws } = await startVending(t, {
      config: `${ssoProfile('sso')}${fleet('sso', 50)}`,
      world: ssoWorld,
    });
    const answers = await Promise.all(
      Array.from({ length: 500 }, (_, index) => vendor.session(`r${index % 50}`)),
    );
    t.equal(new Set(answers.map(({ accessKeyId }) => accessKeyId)).size, 50);
    t.equal(aws.count('GetRoleCredentials'), 1);
    t.equal(aws.count('AssumeRole', 'ok'), 50);
    t.equal(aws.calls.length, 51);
    t.ok(
      aws.calls.every(
        ({ operation, principal }) => operation !== 'AssumeRole' || principal?.includes('_developer_'),
      ),
    );
    await vendor.session('sso');
    t.equal(aws.calls.length, 51, 'the source itself is there already');
  },
);

t.test('50 roles behind static keys: the keys sign for themselves', async (t) => {
  const { vendor, aws } = await startVending(t, { config: `${base}${fleet('base', 50)}` });
  await Promise.all(Array.from({ length: 500 }, (_, index) => vendor.get(`r${index % 50}`)));
  t.equal(aws.calls.length, 50);
  t.equal(aws.count('AssumeRole', 'ok'), 50);
});

t.test('static keys asked for themselves: one GetSessionToken of 12 hours', async (t) => {
  const { vendor, aws, clock } = await startVending(t, { config: base });
  const [session] = await Promise.all([vendor.session('base'), vendor.session('base'), vendor.get('base')]);
  t.equal(session.expiration, clock.now() + 12 * HOUR);
  t.equal(aws.calls.length, 1);
  t.equal(aws.count('GetSessionToken', 'ok'), 1);
});

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

t.test(
  'in the last minute a request waits 900 ms for the next session, then gets what there is',
  async (t) => {
    const { vendor, aws, ask, settled, hang, release, clock } = await startVending(t, { config: dev });
    const first = await ask('dev');
    clock.jump(HOUR - 30 * SECOND);
    hang();
    let answered = false;
    const late = vendor.session('dev').then(({ accessKeyId }) => {
      answered = true;
      return accessKeyId;
    });
    await settled();
    clock.advance(899);
    await turn();
    t.notOk(answered);
    clock.advance(1);
    t.equal(await late, first);
    const prompt = ask('dev');
    release();
    t.not(await prompt, first, 'the flight went on, and whoever waits gets its session');
    t.equal(aws.calls.length, 2, 'one flight for both');
  },
);

t.test('a session that ends while a request waits for the next: the wait goes on', async (t) => {
  const { ask, settled, hang, release, clock } = await startVending(t, { config: dev });
  const first = await ask('dev');
  clock.jump(HOUR - 500);
  hang();
  const late = ask('dev');
  await settled();
  clock.advance(900);
  await turn();
  release();
  t.not(await late, first);
});

t.test('without a session a request waits up to 10 s, and the flight goes on', async (t) => {
  const { vendor, aws, ask, settled, hang, release, clock } = await startVending(t, { config: dev });
  hang();
  const refused = t.rejects(ask('dev'), {
    code: 'StillFetching',
    statusCode: 503,
    retryable: true,
    message: /^Profile "dev"/,
  });
  await settled();
  t.match(vendor.states(), [{ profile: 'dev', state: 'pending' }]);
  clock.advance(10 * SECOND);
  await refused;
  t.equal(clock.timers, 0, 'no timer is left behind');
  release();
  await settled();
  t.match(await ask('dev'), /^ASIA/);
  t.equal(aws.calls.length, 1, 'it is the session of the first flight');
});

t.test('what has expired is never served', async (t) => {
  const { aws, ask, hang, settled, clock, vendor } = await startVending(t, { config: dev });
  await ask('dev');
  clock.jump(HOUR);
  t.match(vendor.states(), [{ state: 'lapsed', expiresAt: undefined, renewsAt: undefined }]);
  hang();
  const refused = t.rejects(ask('dev'), { code: 'StillFetching' });
  await settled();
  clock.advance(10 * SECOND);
  await refused;
  t.equal(aws.calls.length, 2);
});

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

t.test('one day, 200 profiles, 20 of them in use: one call for each chain step and lifetime', async (t) => {
  const config = `${ssoProfile('sso')}${fleet('sso', 200)}`;
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

t.test('a restart with the same store: no call, the same session', async (t) => {
  const config = `${base}${ssoProfile('sso')}${roleProfile('dev', 'sso')}${roleProfile('ops', 'base')}`;
  const before = await startVending(t, { config, world: ssoWorld });
  const profiles = ['base', 'sso', 'dev', 'ops'];
  const keys = await Promise.all(profiles.map(before.ask));
  const calls = before.aws.calls.length;
  t.equal(calls, 4);
  const after = await before.restart();
  t.same(await Promise.all(profiles.map(after.ask)), keys);
  t.equal(after.aws.calls.length, calls);
  t.same(after.log, [], 'nothing is new');
  await after.pass(45 * MINUTE);
  t.not(await after.ask('dev'), keys[2], 'and renewed in time');
});

t.test('a restart while AWS is away: a stored session is served while it lasts', async (t) => {
  const before = await startVending(t, { config: dev });
  const first = await before.ask('dev');
  before.clock.jump(HOUR - 40 * SECOND);
  const after = await before.restart();
  after.aws.faults.set('*', { kind: 'drop' });
  t.equal(await after.ask('dev'), first);
  after.clock.jump(40 * SECOND);
  await t.rejects(after.ask('dev'), { statusCode: 503, message: /^Profile "dev"/ });
});

t.test('a restart in the last minute of what is stored: a new one', async (t) => {
  const before = await startVending(t, { config: dev });
  const first = await before.ask('dev');
  before.clock.jump(HOUR - 40 * SECOND);
  const after = await before.restart();
  t.not(await after.ask('dev'), first);
  t.equal(after.aws.calls.length, 2);
});

t.test('a restart after the stored session has lapsed: a new one', async (t) => {
  const before = await startVending(t, { config: dev });
  const first = await before.ask('dev');
  before.clock.jump(2 * HOUR);
  const after = await before.restart();
  t.not(await after.ask('dev'), first);
  t.equal(after.aws.calls.length, 2);
});

t.test('config changes: only what it changed is dropped, from the store too', async (t) => {
  const { ask, edit, store, vendor, aws } = await startVending(t, {
    config: `${dev}${roleProfile('ops', 'base')}${roleProfile('gone', 'base')}`,
  });
  const keptStore = await store;
  const [devKey, opsKey] = [await ask('dev'), await ask('ops'), await ask('gone')];
  const stored = await keptStore.keys();
  t.equal(stored.length, 3);
  const body = vendor.get('dev');
  await edit(`# a comment\n${roleProfile('ops', 'base', 'ops', 'external_id = 7')}${dev}`);
  t.equal(vendor.get('dev'), body, 'untouched');
  await turn();
  t.equal((await keptStore.keys()).length, 1, 'what changed or went is no longer stored');
  t.not(await ask('ops'), opsKey);
  t.equal(aws.calls.at(-1)?.params.ExternalId, '7');
  await t.rejects(async () => ask('gone'), { code: 'UnknownProfile', statusCode: 400 });
  t.same(
    vendor.states().map(({ profile, state }) => [profile, state]),
    [
      ['dev', 'ready'],
      ['ops', 'ready'],
    ],
  );
  t.equal(aws.calls.length, 4);
  t.equal(await ask('dev'), devKey);
});

t.test('a changed source drops the roles behind it, and no others', async (t) => {
  const config = (role: string) =>
    `${base}${roleProfile('hub', 'base', role)}${roleProfile('a', 'hub')}${roleProfile('b', 'base')}`;
  const { ask, edit, aws } = await startVending(t, { config: config('hub-1') });
  const [a, b] = [await ask('a'), await ask('b')];
  await edit(config('hub-2'));
  t.equal(await ask('b'), b);
  t.not(await ask('a'), a);
  t.equal(aws.calls.length, 5);
});

t.test('a profile that breaks and is mended: its session is gone, and the next is had', async (t) => {
  const { ask, edit, vendor } = await startVending(t, { config: dev });
  const first = await ask('dev');
  await edit(roleProfile('dev', 'base'));
  await t.rejects(async () => ask('dev'), { code: 'InvalidProfile', statusCode: 400 });
  t.same(vendor.states(), []);
  await edit(dev);
  t.not(await ask('dev'), first);
});

t.test('the config changes during a flight: who waits is answered, nothing of it is kept', async (t) => {
  const { ask, edit, hang, release, settled, aws, store } = await startVending(t, { config: dev });
  hang();
  const early = ask('dev');
  await settled();
  await edit(`${base}${roleProfile('dev', 'base', 'other')}`);
  release();
  const old = await early;
  t.match(old, /^ASIA/);
  t.not(await ask('dev'), old);
  t.equal(aws.calls.at(-1)?.params.RoleArn, `arn:aws:iam::${ACCOUNT}:role/other`);
  await turn();
  t.equal((await (await store).keys()).length, 1);
});

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
  const config = `${ssoProfile('sso')}${fleet('sso', 10)}`;
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

t.test(
  'two profiles that mean the same share one session, and each is spoken to by its own name',
  async (t) => {
    const twins = `${base}${roleProfile('one', 'base', 'role')}${roleProfile('two', 'base', 'role')}`;
    const { ask, aws, clock, edit, vendor } = await startVending(t, { config: twins });
    t.equal(await ask('one'), await ask('two'));
    t.equal(aws.calls.length, 1);
    clock.jump(2 * HOUR);
    aws.faults.set('*', { kind: 'error', status: 403, code: 'AccessDenied' });
    const one = await ask('one').catch(({ message }) => message);
    const two = await ask('two').catch(({ message }) => message);
    t.match(one, /^Profile "one"/);
    t.match(two, /^Profile "two"/);
    t.equal(aws.calls.length, 2, 'one failure for both');
    t.match(vendor.states(), [
      { profile: 'one', lastError: { message: /^Profile "one"/ } },
      { profile: 'two', lastError: { message: /^Profile "two"/ } },
    ]);
    await edit(`${base}${roleProfile('two', 'base', 'role')}`);
    clock.advance(5 * SECOND);
    const alone = await ask('two').catch(({ message }) => message);
    t.match(alone, /^Profile "two"/);
    t.notMatch(alone, /"one"/, 'a profile that is gone is not spoken of');
  },
);

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

t.test('throttled: the old session stays, the message names the profile', async (t) => {
  const { ask, aws } = await startVending(t, { config: dev });
  aws.faults.set('*', { kind: 'throttle' });
  await t.rejects(ask('dev'), { code: 'Throttling', statusCode: 503, message: /^Profile "dev"/ });
});

t.test('1,000 profiles asked for once: no timer runs for ever', async (t) => {
  const { ask, aws, pass, clock, vendor } = await startVending(t, {
    config: `${base}${fleet('base', 1000)}`,
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
