import t from 'tap';
import { elapsedTime, systemClock, wallTime } from '../../src/system/clock.js';
import { HOUR, MINUTE, travelClock, turn } from '../support/time.js';

t.test('elapsed time goes on with the time that passes, and with a suspend', async (t) => {
  const clock = travelClock();
  const begin = clock.elapsed();
  t.equal(begin, clock.now(), 'the same as the wall clock at first');
  clock.advance(10 * MINUTE);
  t.equal(clock.elapsed(), begin + 10 * MINUTE);
  clock.jump(8 * HOUR);
  t.equal(clock.elapsed(), begin + 8 * HOUR + 10 * MINUTE);
  t.equal(clock.elapsed(), clock.now());
});

t.test('it does not go back with the wall clock, and what follows counts again', async (t) => {
  const clock = travelClock();
  const begin = clock.elapsed();
  clock.set(-3 * HOUR);
  t.equal(clock.elapsed(), begin);
  clock.advance(MINUTE);
  t.equal(clock.elapsed(), begin + MINUTE);
  clock.jump(HOUR);
  t.equal(clock.elapsed(), begin + HOUR + MINUTE, 'a suspend with a wrong clock');
  clock.set(3 * HOUR);
  t.equal(clock.elapsed(), begin + 4 * HOUR + MINUTE, 'nobody can tell it from a suspend');
});

t.test('the imprecision of two clocks does not add up', async (t) => {
  let wall = 1000;
  let running = 0;
  const elapsed = elapsedTime(
    () => wall,
    () => running,
  );
  for (let asked = 0; asked < 10_000; asked++) {
    running += 0.1;
    wall = 1000 + Math.floor(running / 500) * 500;
    elapsed();
  }
  t.ok(Math.abs(elapsed() - 2000) < 1, `${elapsed()}`);
});

t.test('the wall clock of a time, as it is set now', async (t) => {
  const clock = travelClock();
  const due = clock.elapsed() + HOUR;
  t.equal(wallTime(clock, due), clock.now() + HOUR);
  clock.set(-3 * HOUR);
  t.equal(wallTime(clock, due), clock.now() + HOUR);
});

t.test("the machine's own", async (t) => {
  const before = systemClock.elapsed();
  const wall = systemClock.now();
  while (systemClock.elapsed() === before) await turn();
  t.ok(systemClock.elapsed() > before);
  t.ok(Math.abs(wallTime(systemClock, before) - wall) < MINUTE);
});
