import t from 'tap';
import { startSlot } from '../support/slot.js';
import { HOUR, MINUTE, SECOND, turn } from '../support/time.js';

t.test('a bug below is a 500 that says so, and is remembered like any failure', async (t) => {
  const { slot, asked, events } = startSlot();
  const usable = slot.usable();
  await turn();
  asked[0]?.reject(new RangeError('off by one'));
  await t.rejects(usable, { code: 'InternalError', statusCode: 500, message: /off by one/ });
  await t.rejects(slot.usable(), { code: 'InternalError' });
  t.equal(asked.length, 1);
  t.same(events, ['failed']);
});

t.test('a flight that nobody waits for fails without ending the process', async (t) => {
  const { slot, asked, clock, session } = startSlot();
  slot.lastAskedAt = clock.now();
  slot.obtain();
  await turn();
  asked[0]?.resolve(session());
  await turn();
  clock.advance(40 * MINUTE);
  await turn();
  asked[1]?.reject(new Error('nobody hears this'));
  await turn();
  t.ok(slot.session);
  t.match(slot.failure, { attempts: 1 });
});

t.test(
  'the step before: while its session lasts, and in its last moments where there is no other',
  async (t) => {
    const { slot, asked, clock, session } = startSlot();
    const first = slot.usable();
    await turn();
    asked[0]?.resolve(session());
    const { accessKeyId } = await first;
    clock.jump(HOUR - 90 * SECOND);
    t.match(await slot.usable(), { accessKeyId }, 'due, but nobody asks for the source itself');
    t.equal(asked.length, 1);
    clock.jump(60 * SECOND);
    const late = slot.usable();
    await turn();
    t.equal(asked.length, 2);
    asked[1]?.reject(new Error('no'));
    t.match(await late, { accessKeyId });
    t.match(await slot.usable(), { accessKeyId }, 'the failure is remembered');
    t.equal(asked.length, 2);
    clock.jump(30 * SECOND);
    await t.rejects(Promise.all([slot.usable(), turn().then(() => asked[2]?.reject(new Error('no')))]), {
      message: /no/,
    });
  },
);

t.test('forgotten while the store is being read: it does not come back', async (t) => {
  const { slot, asked, session, store, clock } = startSlot();
  await store.set('key', JSON.stringify({ ...session(), obtainedAt: clock.now() }));
  const early = slot.usable();
  slot.forget();
  await turn();
  t.equal(slot.session, undefined);
  asked[0]?.resolve(session());
  await early;
  t.equal(slot.session, undefined);
  t.same(await store.keys(), []);
  t.equal(clock.timers, 0);
});

t.test('forgotten during a flight that then fails: no failure is left, and no retry', async (t) => {
  const { slot, asked, clock, events } = startSlot();
  const early = slot.usable();
  await turn();
  slot.forget();
  asked[0]?.reject(new Error('too late'));
  await t.rejects(early, { message: /too late/ });
  t.equal(slot.failure, undefined);
  t.same(events, []);
  clock.advance(HOUR);
  t.equal(asked.length, 1);
});
