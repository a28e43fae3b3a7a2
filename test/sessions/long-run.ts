import t from 'tap';
import type { CredentialError } from '../../src/errors.js';
import { createMetrics } from '../../src/http/metrics.js';
import { Traffic } from '../../src/http/traffic.js';
import { MemoryStore } from '../../src/system/memory-store.js';
import { Tally } from '../../src/system/tally.js';
import { fleet, heap, mostInASecond, pass, SOURCES } from '../support/fleet.js';
import { leaseHolders } from '../support/lease-holders.js';
import { HOUR, MINUTE, SECOND, turn } from '../support/time.js';

t.test('10,000 profiles, 1,000 of them warm, for a day', { timeout: 300_000 }, async (t) => {
  const it = fleet({ profiles: 10_000, seed: 5 });
  t.teardown(it.stop);
  const { clock, calls } = it;
  const vendor = it.start();
  const ask = async (index: number) => JSON.parse(String(await vendor.get(`role-${index}`)));
  for (let index = 0; index < 1000; index++) await ask(index);
  t.equal(calls.length, 1000 + SOURCES, 'one call for each step');

  let late = 0;
  let memory = 0;
  for (let hour = 0; hour < 24; hour++) {
    await pass(it, HOUR - SECOND, SECOND);
    // From then on it must not grow.
    if (hour === 4) memory = heap();
    for (let index = 0; index < 1000; index++) {
      if (Date.parse((await ask(index)).Expiration) - clock.now() < 15 * MINUTE) late++;
    }
    await pass(it, SECOND, SECOND);
  }
  t.equal(late, 0, 'nobody ever got less than 15 minutes');
  // A session is renewed when 18 to 20 minutes are left, so after 40 to 42.
  const most = (1000 + SOURCES) * Math.ceil((24 * HOUR) / (40 * MINUTE) + 1);
  t.ok(calls.length <= most, `${calls.length} calls, of at most ${most}`);
  const grown = (heap() - memory) / 2 ** 20;
  t.ok(grown < 5, `the heap grew by ${grown.toFixed(1)} MB in 19 hours`);

  calls.length = 0;
  clock.jump(9 * HOUR);
  await pass(it, 3 * MINUTE, 50);
  t.equal(
    new Set(calls.map(({ key }) => key)).size,
    1000 + SOURCES,
    'after a sleep all that lapsed is renewed',
  );
  t.equal(calls.length, 1000 + SOURCES, 'each once');
  const rate = mostInASecond(calls);
  t.ok(rate <= 20, `${rate} calls in one second`);
});

t.test('a wake-up at which 10 programs a second ask for what lapsed', async (t) => {
  const it = fleet({ profiles: 1000, seed: 5 });
  t.teardown(it.stop);
  const { clock, calls } = it;
  const vendor = it.start();
  for (let index = 0; index < 1000; index++) await vendor.get(`role-${index}`);
  clock.jump(9 * HOUR);
  await pass(it, 15 * SECOND, 50);
  calls.length = 0;
  for (let asked = 0; asked < 200; asked++) {
    const before = clock.now();
    const answer = vendor.get(`role-${999 - asked}`);
    for (let turns = 0; turns < 12; turns++) await turn();
    await answer;
    if (clock.now() !== before) t.fail('nobody waits for a renewal');
    await pass(it, 100, 50);
  }
  const rate = mostInASecond(calls);
  t.ok(rate <= 21, `${rate} calls in one second, of which one was not in turn`);
  t.ok(calls.length > 380, `and not many fewer: ${calls.length} in 20 s`);
});

t.test('a week of outages, sleeps, clock changes, edits and restarts', { timeout: 300_000 }, async (t) => {
  const it = fleet({ profiles: 60, seed: 11 });
  t.teardown(it.stop);
  const { clock, random, state, renewals } = it;
  let vendor = it.start();
  let expired = 0;
  let overstated = 0;
  let wasSet = false;
  let restarts = 0;
  let answered = 0;
  let refused = 0;
  let unseen = 0;
  let wrongLeases = 0;
  const holders = await leaseHolders(t, clock, random);
  await holders.grant();
  const metrics = createMetrics({
    traffic: new Traffic(),
    calls: new Tally(),
    renewals,
    sessions: () => vendor.states(),
    store: async () => ({ kind: 'memory', up: true }),
    files: () => [],
    ownFiles: () => [],
    isClockWrong: () => false,
    signIns: async () => [],
    now: clock.now,
  });
  await metrics.text();
  const chance = (probability: number) => random() < probability;

  for (let minute = 0; minute < 7 * 24 * 60; minute += 5) {
    if (state.down ? chance(0.2) : chance(0.02)) state.down = !state.down;
    if (chance(0.01)) clock.jump(Math.floor(random() * 10) * HOUR);
    await pass(it, 15 * SECOND, 15 * SECOND);
    wrongLeases += holders.wrong();
    // A hand at the clock, often for hours, so that it is wrong most of the time.
    const by = chance(0.01) ? 3 * HOUR : chance(0.01) ? HOUR : 0;
    if (by) {
      clock.set(Math.floor(random() * by * 2 - by));
      wasSet = true;
    }
    if (chance(0.01)) {
      state.edition++;
      vendor.chainsChanged();
    }
    if (chance(0.005)) {
      // What is stored knows its end by the wall clock alone.
      if (wasSet) state.store = new MemoryStore();
      wasSet = false;
      vendor = it.start();
      restarts++;
      await holders.restart({ killed: chance(0.5) });
    }
    if (chance(0.1)) await holders.grant();
    if (chance(0.02)) await holders.revoke();
    await pass(it, 5 * MINUTE - 15 * SECOND, 15 * SECOND);
    wrongLeases += holders.wrong();
    for (let times = 0; times < 6; times++) {
      const profile = `role-${Math.floor(random() * 60)}`;
      const answer = Promise.resolve(vendor.get(profile)).then(
        (body) => {
          answered++;
          const { left, told } = it.lasting(String(body));
          if (left <= 0 || told <= 0) expired++;
          if (told > left + 2 * SECOND) overstated++;
        },
        async ({ code }: CredentialError) => {
          refused++;
          const shown = vendor.states().find((it) => it.profile === profile)?.lastError;
          const { body } = await metrics.text();
          const seen = [
            `credd_profile_fault{profile="${profile}",code="${code}"} 1\n`,
            `credd_renewals_total{profile="${profile}",outcome="${code}"} `,
          ].every((line) => body.includes(line));
          if (code !== shown?.code || !seen) unseen++;
        },
      );
      for (let turns = 0; turns < 8; turns++) await turn();
      clock.advance(0);
      await answer;
    }
  }
  const over = holders.held.filter(({ over }) => over).length;
  t.comment(
    `${answered} answers, ${refused} refusals, ${restarts} restarts, ${holders.held.length} leases, ${over} of them over`,
  );
  t.equal(expired, 0, 'no answer was expired, by the clock of AWS or of the machine');
  t.equal(overstated, 0, 'nor said to last longer than AWS has it');
  t.ok(answered > 10_000 && refused > 20, 'and the faults were felt');
  t.equal(wrongLeases, 0, 'each lease lasts as long as was said, and no longer');
  t.ok(over > 100 && over < holders.held.length);
  t.equal(unseen, 0, 'each refusal is seen in status and metrics');
});

t.test('a network that comes late', async (t) => {
  const it = fleet({ profiles: 20, seed: 3 });
  t.teardown(it.stop);
  it.state.down = true;
  const vendor = it.start();
  const ask = () => Promise.resolve(vendor.get('role-1'));
  await t.rejects(ask(), { code: 'Unreachable', statusCode: 503 });
  for (let asked = 0; asked < 200; asked++) await ask().catch(() => {});
  t.ok(it.calls.length <= 2, 'many who ask in that moment make no storm');
  it.state.down = false;
  await pass(it, 6 * SECOND, SECOND);
  t.match(JSON.parse(String(await ask())), { Code: 'Success' }, 'and it is well as soon as AWS is there');
});
