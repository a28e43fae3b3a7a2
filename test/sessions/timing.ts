import t from 'tap';
import type { RoleSession } from '../../src/sessions/role-session.js';
import { failureMemory, isEnding, isInLastTenth, renewalDue, retryDelay } from '../../src/sessions/timing.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOW = Date.UTC(2026, 10, 21);

const lasting = (lifetime: number): RoleSession => ({
  accessKeyId: 'ASIA',
  secretAccessKey: 's',
  sessionToken: 't',
  obtainedAt: NOW,
  expiration: NOW + lifetime,
});
const least = () => 0;
const most = () => 1;

t.test(
  'renewed 20 minutes before the end, or at half of a shorter life, less up to a tenth of that',
  async (t) => {
    const lead = (lifetime: number, random: () => number) =>
      NOW + lifetime - renewalDue(lasting(lifetime), random);
    t.equal(lead(12 * HOUR, least), 20 * MINUTE);
    t.equal(lead(12 * HOUR, most), 18 * MINUTE);
    t.equal(lead(HOUR, least), 20 * MINUTE);
    t.equal(lead(15 * MINUTE, least), 7.5 * MINUTE);
    t.equal(lead(15 * MINUTE, most), 6.75 * MINUTE);
    t.equal(lead(20_000, least), 10_000);
    t.equal(lead(20_000, most), 9000);
  },
);

t.test('the last moments: the last minute, or the last tenth of a short life', async (t) => {
  const ending = (lifetime: number, left: number) => isEnding(lasting(lifetime), NOW + lifetime - left);
  t.notOk(ending(HOUR, MINUTE));
  t.ok(ending(HOUR, MINUTE - 1));
  t.notOk(ending(20_000, 2000));
  t.ok(ending(20_000, 1999));
});

t.test('the last tenth', async (t) => {
  t.notOk(isInLastTenth(lasting(HOUR), NOW + 54 * MINUTE));
  t.ok(isInLastTenth(lasting(HOUR), NOW + 54 * MINUTE + 1));
});

t.test(
  'after a failed renewal: a minute, doubling to five, never more than a quarter of what is left',
  async (t) => {
    const session = lasting(HOUR);
    const delays = (now: number, random = least) =>
      [1, 2, 3, 4, 9].map((attempt) => retryDelay(session, attempt, now, random) / MINUTE);
    t.same(delays(NOW), [1, 2, 4, 5, 5]);
    t.same(delays(NOW, most), [2, 4, 8, 10, 10], 'and up to as much again');
    t.same(delays(NOW + 52 * MINUTE), [1, 2, 2, 2, 2]);
    t.equal(retryDelay(lasting(20_000), 1, NOW + 10_000, least), 2500);
    t.equal(retryDelay(session, 1, NOW + HOUR - 1, least), 2500, 'never in a loop');
    t.same(delays(NOW + 9 * HOUR), [1, 2, 4, 5, 5], 'after the end, as if nothing were left to lose');
    t.equal(retryDelay(session, 5000, NOW, least), 5 * MINUTE);
  },
);

t.test('a failure is remembered for 5 s, or a tenth of a short life', async (t) => {
  t.equal(failureMemory(undefined), 5000);
  t.equal(failureMemory(lasting(HOUR)), 5000);
  t.equal(failureMemory(lasting(20_000)), 2000);
});
