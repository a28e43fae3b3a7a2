import t from 'tap';
import { sharedReading } from '../../src/system/shared-reading.js';

t.test('nobody gets a reading that began before he asked', async (t) => {
  const finish: ((value: number) => void)[] = [];
  const read = sharedReading(() => new Promise<number>((resolve) => finish.push(resolve)));
  const first = read();
  await Promise.resolve();
  await Promise.resolve();
  const [second, third] = [read(), read()];
  t.equal(finish.length, 1, 'one at a time');
  finish[0]?.(1);
  t.equal(await first, 1);
  await new Promise(setImmediate);
  t.equal(finish.length, 2, 'one for both who waited');
  finish[1]?.(2);
  t.same(await Promise.all([second, third]), [2, 2]);
});

t.test('a failed reading does not spoil the next', async (t) => {
  let readings = 0;
  const read = sharedReading(async () => {
    if (++readings === 1) throw new Error('first');
    return readings;
  });
  await t.rejects(read(), { message: 'first' });
  t.equal(await read(), 2);
});
