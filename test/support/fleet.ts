import './clean-environment.js';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Chain } from '../../src/aws/chain.js';
import { ClockSkew } from '../../src/aws/clock-skew.js';
import type { Credentials } from '../../src/aws/credentials.js';
import { CredentialError } from '../../src/errors.js';
import { Refresher } from '../../src/sessions/refresher.js';
import { SessionStore } from '../../src/sessions/session-store.js';
import { Vendor } from '../../src/sessions/vendor.js';
import { MemoryStore } from '../../src/system/memory-store.js';
import { Tally } from '../../src/system/tally.js';
import { HOUR, SECOND, travelClock, turn } from './time.js';
import { seeded } from './vending.js';

const LIFETIME = HOUR;
export const SOURCES = 10;

/**
 * Some thousand profiles: roles, each behind one of a few sessions that they share; AWS is a function here, with a
 * clock that nobody sets.
 */
export function fleet(options: { profiles: number; seed: number }) {
  const clock = travelClock();
  const random = seeded(options.seed);
  const calls: { key: string; at: number }[] = [];
  const warnings: string[] = [];
  const renewals = new Tally();
  const skew = new ClockSkew(clock);
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
    calls.push({ key: profile, at: clock.real.now() });
    const { output } = await skew.correcting({}, async () => {
      await turn();
      if (state.down) throw new CredentialError('Unreachable', 503, 'AWS cannot be reached.');
      const date = new Date(clock.real.now());
      const Expiration = new Date(Math.floor(date.getTime() / SECOND) * SECOND + LIFETIME);
      return { output: { Credentials: { Expiration } }, response: { headers: { date: date.toUTCString() } } };
    });
    state.issued++;
    return {
      accessKeyId: `ASIA${state.issued}`,
      secretAccessKey: 'secret',
      // Its end, for `lasting`.
      sessionToken: `${clock.real.now() + LIFETIME} ${state.issued}`,
      expiration: output.Credentials.Expiration.getTime(),
    };
  }

  /** How long AWS will go on taking what was answered, and how long the client is told that it will. Milliseconds. */
  function lasting(body: string) {
    const { Token, Expiration } = JSON.parse(body);
    return {
      left: Number.parseInt(Token, 10) - clock.real.now(),
      told: Date.parse(Expiration) - clock.now(),
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
      store: new SessionStore(Promise.resolve(state.store), { debug: () => {}, warn: () => {} }),
      refresher,
      clock,
      random,
      renewed: (profile, outcome) => renewals.add(profile, outcome),
      log: { info: () => {}, warn: (_, message) => warnings.push(message) },
    });
  };
  return { clock, random, calls, state, warnings, renewals, lasting, start, stop: () => refresher.stop() };
}

type Fleet = ReturnType<typeof fleet>;

/** Lets time pass, and what was begun meanwhile end. */
export async function pass({ clock }: Fleet, ms: number, step: number): Promise<void> {
  for (let left = ms; left > 0; left -= step) {
    clock.advance(Math.min(step, left));
    for (let turns = 0; turns < 6; turns++) await turn();
  }
}

export function mostInASecond(calls: readonly { at: number }[]): number {
  let most = 0;
  for (let first = 0, last = 0; last < calls.length; last++) {
    while ((calls[last]?.at ?? 0) - (calls[first]?.at ?? 0) >= SECOND) first++;
    most = Math.max(most, last - first + 1);
  }
  return most;
}

export function heap(): number {
  setFlagsFromString('--expose-gc');
  runInNewContext('gc')();
  return process.memoryUsage().heapUsed;
}
