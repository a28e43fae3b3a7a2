import t from 'tap';
import { SingleFlight } from '../../src/sessions/single-flight.js';

/** A call that ends when the test says so. */
function call() {
  let land = (_: string) => {};
  let crash = (_: Error) => {};
  let counts = () => false;
  const begin = (isCurrent: () => boolean) =>
    new Promise<string>((resolve, reject) => {
      counts = isCurrent;
      land = resolve;
      crash = reject;
    });
  return {
    begin,
    land: (value: string) => land(value),
    crash: () => crash(new Error('crash')),
    counts: () => counts(),
  };
}

t.test('all who ask meanwhile share one call, and the next begins another', async (t) => {
  const flight = new SingleFlight<string>();
  const first = call();
  const never = () => t.fail('a second call') as never;
  const [a, b] = [flight.join(first.begin), flight.join(never)];
  t.ok(flight.isUnderWay);
  t.ok(first.counts());
  first.land('one');
  t.same(await Promise.all([a, b]), ['one', 'one']);
  t.notOk(flight.isUnderWay);
  t.equal(await flight.join(async () => 'two'), 'two');
});

t.test('a failure reaches all who joined; with nobody waiting it ends nothing', async (t) => {
  const flight = new SingleFlight<string>();
  const first = call();
  const joined = [flight.join(first.begin), flight.join(first.begin)];
  first.crash();
  for (const each of joined) await t.rejects(each, { message: 'crash' });
  flight.join(async () => {
    throw new Error('nobody hears this');
  });
  await new Promise(setImmediate);
  t.notOk(flight.isUnderWay);
});

t.test(
  'an abandoned call ends for those who joined, does not count, and does not end its successor',
  async (t) => {
    const flight = new SingleFlight<string>();
    const [first, second] = [call(), call()];
    const early = flight.join(first.begin);
    flight.abandon();
    t.notOk(flight.isUnderWay);
    t.notOk(first.counts());
    const late = flight.join(second.begin);
    first.land('one');
    t.equal(await early, 'one');
    await new Promise(setImmediate);
    t.ok(flight.isUnderWay);
    t.ok(second.counts());
    second.land('two');
    t.equal(await late, 'two');
  },
);
