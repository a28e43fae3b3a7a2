import t from 'tap';
import { HOUR, SECOND, turn } from '../support/time.js';
import { startVending } from '../support/vending.js';
import { dev } from '../support/vending-config.js';

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
