import { fleet, heap, mostInASecond, pass, SOURCES } from '../test/support/fleet.js';
import { HOUR, MINUTE, SECOND } from '../test/support/time.js';
import { row } from './report.js';

const PROFILES = 10_000;
const WARM = 1000;
const STEPS = WARM + SOURCES;
/** After which memory must not grow. */
const SETTLED = 4;

/** In driven time, with every warm profile asked for once an hour; AWS is a function. */
export async function simulatedDay(): Promise<void> {
  const it = fleet({ profiles: PROFILES, seed: 5 });
  const vendor = it.start();
  const resident: number[] = [];
  for (let hour = 0; hour < 24; hour++) {
    for (let index = 0; index < WARM; index++) await vendor.get(`role-${index}`);
    await pass(it, HOUR, SECOND);
    heap();
    resident.push(process.memoryUsage.rss() / 2 ** 20);
  }
  const calls = it.calls.length;
  it.calls.length = 0;
  it.clock.jump(9 * HOUR);
  await pass(it, 3 * MINUTE, 50);
  const [settled = 0, last = 0] = [resident[SETTLED], resident.at(-1)];
  // A session lasts an hour and is renewed when 18 to 20 minutes are left.
  row(
    'a day, 1,000 of 10,000 warm: AWS calls',
    `${calls}`,
    `${Math.round((STEPS * 24 * 60) / 41)}`,
    undefined,
    'bare: each step once in 41 minutes',
  );
  row(
    'after 9 h of sleep: calls, most in a second',
    `${it.calls.length}`,
    `${STEPS}`,
    undefined,
    `${mostInASecond(it.calls)}, of at most 20`,
  );
  row(
    'resident memory after 5 h, and after 24 h',
    `${Math.round(settled)} MB`,
    `${Math.round(last)} MB`,
    last / settled,
    'flat: 1.00',
  );
  it.stop();
}
