import t from 'tap';
import { milliseconds } from '../../src/commands/duration.js';
import { printable, table, until } from '../../src/commands/words.js';

const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3600_000, 86_400_000] as const;

t.test('how far away a time is', async (t) => {
  const cases: [number, string][] = [
    [0, 'in 0 s'],
    [59 * SECOND, 'in 59 s'],
    [43.9 * MINUTE, 'in 43 min'],
    [HOUR, 'in 1 h'],
    [12 * HOUR - 1, 'in 11 h 59 min'],
    [DAY, 'in 1 day'],
    [2 * DAY - 1, 'in 1 day 23 h'],
    [2 * DAY + 59 * MINUTE, 'in 2 days'],
    [2 * DAY, 'in 2 days'],
    [-1, '0 s ago'],
    [-2 * HOUR, '2 h ago'],
    [-2 * HOUR - 5 * MINUTE - 1, '2 h 5 min ago'],
  ];
  for (const [distance, words] of cases) t.equal(until(1e12 + distance, 1e12), words);
});

t.test('times as a person types them', async (t) => {
  t.same(
    ['90', '90s', '15m', '12h', '1d'].map((it) => milliseconds('--ttl', it)),
    [90_000, 90_000, 900_000, 12 * HOUR, DAY],
  );
  t.equal(milliseconds('--ttl', undefined), undefined);
  for (const wrong of ['', '0', '0m', '-1', '1.5h', 'h', '1 h', '1w'])
    t.throws(() => milliseconds('--ttl', wrong), /^--ttl: .* is not a time/);
});

t.test('columns', async (t) => {
  t.equal(
    table(
      ['A', 'LONG'],
      [
        ['日本', 'x'],
        ['b', ''],
      ],
    ),
    'A     LONG\n日本  x\nb\n',
  );
  t.equal(printable('a\u001b[31m\r\nb\u0085c'), 'a [31m b c');
});
