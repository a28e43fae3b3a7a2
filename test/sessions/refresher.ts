import t from 'tap';
import { Refresher } from '../../src/sessions/refresher.js';
import { travelClock } from '../support/time.js';

const SECOND = 1000;
const HOUR = 3600 * SECOND;

function start() {
  const clock = travelClock();
  const begin = clock.elapsed();
  const refresher = new Refresher(clock);
  const renewed: { key: string; at: number }[] = [];
  const schedule = (key: string, due: number) =>
    refresher.schedule({
      key,
      dueAt: begin + due,
      renew: () => void renewed.push({ key, at: clock.elapsed() - begin }),
    });
  return { clock, refresher, renewed, schedule };
}

t.test('renews each when it is due, once', async (t) => {
  const { clock, renewed, schedule } = start();
  schedule('late', 50 * SECOND);
  schedule('early', 20 * SECOND);
  clock.advance(HOUR);
  t.same(renewed, [
    { key: 'early', at: 20 * SECOND },
    { key: 'late', at: 50 * SECOND },
  ]);
  t.equal(clock.timers, 0, 'nothing to do, no timer');
});

t.test('a key that is scheduled again counts from then; one that is cancelled does not count', async (t) => {
  const { clock, refresher, renewed, schedule } = start();
  schedule('a', 10 * SECOND);
  schedule('b', 10 * SECOND);
  schedule('a', 40 * SECOND);
  refresher.cancel('b');
  clock.advance(HOUR);
  t.same(renewed, [{ key: 'a', at: 40 * SECOND }]);
});

t.test('what is scheduled while it renews is not lost', async (t) => {
  const clock = travelClock();
  const refresher = new Refresher(clock);
  let rounds = 0;
  const renew = () => {
    rounds++;
    refresher.schedule({ key: 'a', dueAt: clock.now() + 60 * SECOND, renew });
  };
  refresher.schedule({ key: 'a', dueAt: clock.now() + 60 * SECOND, renew });
  clock.advance(HOUR);
  t.equal(rounds, 60);
  t.equal(clock.timers, 1);
});

t.test('looks at the wall clock every 15 s', async (t) => {
  const { clock, renewed, schedule } = start();
  schedule('a', 8 * HOUR);
  clock.advance(20 * SECOND);
  clock.jump(9 * HOUR);
  clock.advance(10 * SECOND);
  t.equal(renewed.length, 1);
});

t.test('the clock is set back: nothing is late for that', async (t) => {
  const { clock, renewed, schedule } = start();
  schedule('a', SECOND);
  schedule('b', 10 * SECOND);
  clock.advance(2 * SECOND);
  clock.set(-5 * HOUR);
  schedule('c', 12 * SECOND);
  clock.advance(30 * SECOND);
  t.same(renewed, [
    { key: 'a', at: SECOND },
    { key: 'b', at: 10 * SECOND },
    { key: 'c', at: 12 * SECOND },
  ]);
});

t.test('at most 20 in any second, the soonest needed first', async (t) => {
  const { clock, renewed, schedule } = start();
  const order = Array.from({ length: 200 }, (_, index) => (index * 77) % 200);
  for (const place of order) schedule(`s${place}`, HOUR + place * SECOND);
  clock.jump(9 * HOUR);
  clock.advance(30 * SECOND);
  t.same(
    renewed.map(({ key }) => key),
    Array.from({ length: 200 }, (_, place) => `s${place}`),
  );
  for (const { at } of renewed) {
    const second = renewed.filter((other) => other.at >= at && other.at < at + SECOND);
    if (second.length > 20) t.fail(`${second.length} from ${at} on`);
  }
  t.ok((renewed.at(-1)?.at ?? 0) - (renewed[0]?.at ?? 0) <= 10 * SECOND, 'and no slower than that');
});

t.test('what falls due a moment later keeps the pace too', async (t) => {
  const { clock, renewed, schedule } = start();
  for (let index = 0; index < 60; index++) schedule(`s${index}`, 10 * SECOND + Math.floor(index / 20) * 100);
  clock.advance(10 * SECOND + 950);
  t.equal(renewed.length, 20);
  clock.advance(2 * SECOND);
  t.equal(renewed.length, 60);
});

t.test(
  'what is renewed gives way to calls for those who wait, and never for more than a second',
  async (t) => {
    const { clock, refresher, renewed, schedule } = start();
    for (let index = 0; index < 100; index++) schedule(`s${index}`, 10 * SECOND);
    clock.advance(10 * SECOND + 475);
    t.equal(renewed.length, 10);
    for (let call = 0; call < 5; call++) refresher.giveWay();
    clock.advance(500);
    t.equal(renewed.length, 15, 'with those five it is at the pace');
    for (let call = 0; call < 1000; call++) refresher.giveWay();
    clock.advance(999);
    t.equal(renewed.length, 15);
    clock.advance(SECOND);
    t.equal(renewed.length, 35);
  },
);

t.test('5,000 sessions are one timer, and none when they are done', async (t) => {
  const { clock, renewed, schedule } = start();
  for (let index = 0; index < 5000; index++) schedule(`s${index}`, HOUR + index);
  t.equal(clock.timers, 1);
  clock.advance(HOUR + 250 * SECOND);
  t.equal(renewed.length, 5000);
  t.equal(clock.timers, 0);
});

t.test('stopped, it holds no timer', async (t) => {
  const { clock, refresher, renewed, schedule } = start();
  schedule('a', SECOND);
  refresher.stop();
  t.equal(clock.timers, 0);
  clock.advance(HOUR);
  t.same(renewed, []);
});
