import { createHash } from 'node:crypto';
import t from 'tap';
import { SessionStore } from '../../src/sessions/session-store.js';
import { type SweepParts, startSweeping } from '../../src/sessions/session-sweep.js';
import { MemoryStore } from '../../src/system/memory-store.js';
import { HOUR, MINUTE, travelClock, turn } from '../support/time.js';

const key = (name: string) => createHash('sha256').update(name).digest('hex');

/** A store that holds a session of each name, and counts how often it is read. */
async function stored(lifetimes: Record<string, number>, more: Partial<SweepParts> = {}) {
  const clock = travelClock();
  let reads = 0;
  class Counting extends MemoryStore {
    override get(name: string): Promise<string | undefined> {
      reads++;
      return super.get(name);
    }
  }
  const memory = new Counting();
  for (const [name, lifetime] of Object.entries(lifetimes)) {
    const now = clock.now();
    const session = { accessKeyId: 'A', secretAccessKey: 's', sessionToken: 't', obtainedAt: now };
    await memory.set(key(name), JSON.stringify({ ...session, expiration: now + lifetime }));
  }
  const store = new SessionStore(Promise.resolve(memory), { debug() {}, warn() {} });
  const stop = startSweeping({
    store,
    clock,
    isHeld: () => false,
    wanted: () => new Set(Object.keys(lifetimes).map(key)),
    log: { debug() {} },
    ...more,
  });
  const left = async () => {
    for (let i = 0; i < 50; i++) await turn();
    const names = await memory.keys();
    return Object.keys(lifetimes).filter((name) => names.includes(key(name)));
  };
  return { clock, memory, stop, left, reads: () => reads };
}

t.test('what has ended goes, what lasts stays, a minute after the start and twice a day', async (t) => {
  const { clock, stop, left, reads } = await stored({ short: 30_000, long: HOUR, longer: 13 * HOUR });
  clock.advance(MINUTE - 1);
  t.same(await left(), ['short', 'long', 'longer']);
  t.equal(reads(), 0, 'nothing is read at the start');
  clock.advance(1);
  t.same(await left(), ['long', 'longer']);
  clock.advance(12 * HOUR);
  t.same(await left(), ['longer']);
  clock.advance(12 * HOUR);
  t.same(await left(), []);
  stop();
  t.equal(clock.timers, 0);
});

t.test('what no chain leads to any more goes unread', async (t) => {
  const { clock, left, reads } = await stored(
    { gone: HOUR, kept: HOUR },
    { wanted: () => new Set([key('kept')]) },
  );
  clock.advance(MINUTE);
  t.same(await left(), ['kept']);
  t.equal(reads(), 1);
});

t.test('where the chains cannot be told, only what has ended goes', async (t) => {
  const { clock, left } = await stored({ ended: 1000, lasting: HOUR }, { wanted: () => undefined });
  clock.advance(MINUTE);
  t.same(await left(), ['lasting']);
});

t.test('what is held stays, whatever the store says of it, and what is no session too', async (t) => {
  const { clock, memory, left, reads } = await stored(
    { held: 1000, other: 1000 },
    { isHeld: (it) => it === key('held'), wanted: () => new Set() },
  );
  await memory.set('keys-of-ada', 'AKIA');
  clock.advance(MINUTE);
  t.same(await left(), ['held']);
  t.equal(await memory.get('keys-of-ada'), 'AKIA');
  t.equal(reads(), 1, 'that of the test alone');
});

t.test('what is renewed while it is looked at stays', async (t) => {
  let renewed = false;
  const parts = { isHeld: () => renewed };
  const { clock, memory, left } = await stored({ ended: 1000 }, parts);
  const get = memory.get.bind(memory);
  memory.get = async (name) => {
    const text = await get(name);
    renewed = true;
    return text;
  };
  clock.advance(MINUTE);
  t.same(await left(), ['ended']);
});

t.test('a store that fails in between loses nothing', async (t) => {
  const { clock, memory, left } = await stored({ one: HOUR, two: HOUR });
  memory.get = async () => {
    throw new Error('the keychain is locked');
  };
  clock.advance(MINUTE);
  t.same(await left(), ['one', 'two']);
});

t.test('damaged items go, and once stopped nothing does', async (t) => {
  const { clock, memory, left } = await stored({ whole: HOUR, torn: HOUR });
  await memory.set(key('torn'), '{');
  clock.advance(MINUTE);
  t.same(await left(), ['whole']);
  const other = await stored({ ended: 1000 });
  other.stop();
  other.clock.advance(24 * HOUR);
  t.same(await other.left(), ['ended']);
});
