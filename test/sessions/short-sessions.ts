import t, { type Test } from 'tap';
import { SECOND } from '../support/time.js';
import { seeded, startVending } from '../support/vending.js';
import { dev } from '../support/vending-config.js';

const SHORT = 20 * SECOND;

/** A client that asks all the time, for some lifetimes of 20 s; what it got that it should not have. */
async function watch(
  t: Test,
  options: { seed: number; lifetimes: number; outage?: { from: number; until: number; kind: string } },
) {
  const { seed, lifetimes, outage } = options;
  const vending = await startVending(t, { config: dev, seed });
  const { vendor, aws, clock, settled } = vending;
  aws.world.sessionLifetime = SHORT / SECOND;
  const wrong: string[] = [];
  const waiting = new Set<Promise<void>>();
  const start = clock.now();
  const ask = () => {
    const asked = clock.now();
    const check = (body: string) => {
      if (clock.now() - asked > SECOND) wrong.push(`late at ${asked - start}`);
      if (Date.parse(JSON.parse(String(body)).Expiration) <= clock.now())
        wrong.push(`expired at ${asked - start}`);
    };
    const answer = vendor.get('dev');
    if (typeof answer === 'string') return check(answer);
    const checked = answer
      .then(check, ({ message }) => void wrong.push(`${asked - start}: ${message}`))
      .finally(() => waiting.delete(checked));
    waiting.add(checked);
  };
  ask();
  await settled();
  for (let time = 0; time < lifetimes * SHORT; time += 100) {
    if (outage?.from === time) {
      if (outage.kind === 'hang') vending.hang();
      else aws.faults.set('*', { kind: outage.kind as 'drop' | 'error' });
    }
    if (outage?.until === time) vending.release();
    clock.advance(100);
    ask();
    await settled();
  }
  vending.release();
  await Promise.all(waiting);
  return { wrong, aws };
}

t.test('sessions of 20 s, asked for all the time: always there, two calls a lifetime', async (t) => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const lifetimes = 10;
    const { wrong, aws } = await watch(t, { seed, lifetimes });
    t.same(wrong, []);
    const calls = aws.calls.length;
    t.ok(calls >= 1.7 * lifetimes && calls <= 2 * lifetimes + 1, `${calls}`);
  }
});

for (const kind of ['drop', 'error', 'hang']) {
  t.test(
    `the same through an outage (${kind}) of up to a third of a lifetime, whenever it begins`,
    async (t) => {
      const random = seeded(7);
      const failures: string[] = [];
      const begins = Array.from({ length: 40 }, (_, index) => SHORT + index * 500);
      const one = async (from: number) => {
        const seed = Math.floor(random() * 1e9);
        const { wrong, aws } = await watch(t, {
          seed,
          lifetimes: 3.5,
          outage: { from, until: from + 6600, kind },
        });
        failures.push(...wrong.map((it) => `outage from ${from}, seed ${seed}: ${it}`));
        if (aws.count('AssumeRole', 'ok') > 9) failures.push(`${aws.count('AssumeRole', 'ok')} calls`);
      };
      for (let at = 0; at < begins.length; at += 10) await Promise.all(begins.slice(at, at + 10).map(one));
      t.same(failures, []);
    },
  );
}
