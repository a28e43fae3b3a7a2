import t from 'tap';
import { HOUR, MINUTE, SECOND } from '../support/time.js';
import { startVending } from '../support/vending.js';
import { base, dev, roleProfile, ssoProfile, ssoWorld } from '../support/vending-config.js';

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
