import '../support/clean-environment.js';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import t, { type Test } from 'tap';
import type { Chain } from '../../src/aws/chain.js';
import type { Credentials } from '../../src/aws/credentials.js';
import { CredentialError } from '../../src/errors.js';
import { Refresher } from '../../src/sessions/refresher.js';
import { SessionStore } from '../../src/sessions/session-store.js';
import { Vendor } from '../../src/sessions/vendor.js';
import { MemoryStore } from '../../src/system/memory-store.js';
import { leaseHolders } from '../support/lease-holders.js';
import { HOUR, MINUTE, SECOND, seeded, travelClock, turn } from '../support/vending.js';

const LIFETIME = HOUR;
const SOURCES = 10;

/** Some thousand profiles: roles, each behind one of a few sessions that they share; AWS is a function here. */
function world(t: Test, options: { profiles: number; seed: number }) {
  const clock = travelClock();
  const random = seeded(options.seed);
  const calls: { key: string; at: number }[] = [];
  const warnings: string[] = [];
  const renewals = new Map<string, number>();
  const state = { down: false, edition: 0, issued: 0, store: new MemoryStore() };
  const roles = Array.from({ length: options.profiles }, (_, index) => chainOf(index));

  function chainOf(index: number): Chain {
    const source = index % SOURCES;
    const names = [`source-${source}`, `role-${index}`];
    return {
      steps: names.map((profile) => ({ kind: 'container', profile, sts: { region: 'eu-west-1' } })),
      keys: names,
    } as never;
  }

  async function provide({ profile }: { profile: string }): Promise<Credentials> {
    calls.push({ key: profile, at: clock.now() });
    await turn();
    if (state.down) throw new CredentialError('Unreachable', 503, 'AWS cannot be reached.');
    state.issued++;
    return {
      accessKeyId: `ASIA${state.issued}`,
      secretAccessKey: 'secret',
      sessionToken: String(state.issued),
      expiration: clock.now() + LIFETIME,
    };
  }

  let refresher = new Refresher(clock);
  const start = () => {
    refresher.stop();
    refresher = new Refresher(clock);
    return new Vendor({
      chain(profile) {
        const chain = roles[Number(profile.slice('role-'.length))];
        if (!chain) throw new CredentialError('ProfileNotFound', 400, 'no such profile');
        // An edit of the files makes other steps of some of them.
        const edited = Number(profile.slice('role-'.length)) % 7 === state.edition % 7;
        return edited
          ? { ...chain, keys: [chain.keys[0], `${chain.keys[1]} of edition ${state.edition}`] as never }
          : chain;
      },
      provide,
      store: new SessionStore(Promise.resolve(state.store), { debug: () => {} }),
      refresher,
      clock,
      random,
      renewed: (_, outcome) => renewals.set(outcome, (renewals.get(outcome) ?? 0) + 1),
      log: { info: () => {}, warn: (_, message) => warnings.push(message) },
    });
  };
  t.teardown(() => refresher.stop());
  return { clock, random, calls, state, warnings, renewals, start };
}

type World = ReturnType<typeof world>;

/** Lets time pass, and what was begun meanwhile end. */
async function pass({ clock }: World, ms: number, step: number): Promise<void> {
  for (let left = ms; left > 0; left -= step) {
    clock.advance(Math.min(step, left));
    for (let turns = 0; turns < 6; turns++) await turn();
  }
}

function mostInASecond(calls: readonly { at: number }[]): number {
  let most = 0;
  for (let first = 0, last = 0; last < calls.length; last++) {
    while ((calls[last]?.at ?? 0) - (calls[first]?.at ?? 0) >= SECOND) first++;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

t.test('10,000 profiles, 1,000 of them warm, for a day', { timeout: 300_000 }, async (t) => {
  const it = world(t, { profiles: 10_000, seed: 5 });
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

t.test('a week of outages, sleeps, clock changes, edits and restarts', { timeout: 300_000 }, async (t) => {
  const it = world(t, { profiles: 60, seed: 11 });
  const { clock, random, state, renewals } = it;
  let vendor = it.start();
  let expired = 0;
  let answered = 0;
  let refused = 0;
  let unseen = 0;
  let wrongLeases = 0;
  const holders = await leaseHolders(t, clock, random);
  await holders.grant();
  const chance = (probability: number) => random() < probability;

  for (let minute = 0; minute < 7 * 24 * 60; minute += 5) {
    if (state.down ? chance(0.2) : chance(0.02)) state.down = !state.down;
    if (chance(0.01)) clock.jump(Math.floor(random() * 10) * HOUR);
    if (chance(0.005)) clock.jump(-Math.floor(random() * 3) * HOUR);
    if (chance(0.01)) {
      state.edition++;
      vendor.chainsChanged();
    }
    if (chance(0.005)) {
      vendor = it.start();
      await holders.restart({ killed: chance(0.5) });
    }
    if (chance(0.1)) await holders.grant();
    if (chance(0.02)) await holders.revoke();
    await pass(it, 5 * MINUTE, 15 * SECOND);
    wrongLeases += holders.wrong();
    for (let times = 0; times < 6; times++) {
      const profile = `role-${Math.floor(random() * 60)}`;
      const answer = Promise.resolve(vendor.get(profile)).then(
        (body) => {
          answered++;
          if (Date.parse(JSON.parse(String(body)).Expiration) <= clock.now()) expired++;
        },
        ({ code }: CredentialError) => {
          refused++;
          const shown = vendor.states().find((it) => it.profile === profile)?.lastError;
          if (code !== shown?.code || !renewals.has(code)) unseen++;
        },
      );
      for (let turns = 0; turns < 8; turns++) await turn();
      clock.advance(0);
      await answer;
    }
  }
  const over = holders.held.filter(({ over }) => over).length;
  t.comment(`${answered} answers, ${refused} refusals, ${holders.held.length} leases, ${over} of them over`);
  t.equal(expired, 0, 'no answer was expired');
  t.ok(answered > 10_000 && refused > 20, 'and the faults were felt');
  t.equal(wrongLeases, 0, 'each lease lasts as long as was said, and no longer');
  t.ok(over > 100 && over < holders.held.length);
  t.equal(unseen, 0, 'each refusal is seen in status and metrics');
});

t.test('a network that comes late', async (t) => {
  const it = world(t, { profiles: 20, seed: 3 });
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

function heap(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}
