import type { Step } from '../../src/aws/chain.js';
import type { Credentials } from '../../src/aws/credentials.js';
import { Refresher } from '../../src/sessions/refresher.js';
import { SessionSlot } from '../../src/sessions/session-slot.js';
import { SessionStore } from '../../src/sessions/session-store.js';
import { MemoryStore } from '../../src/system/memory-store.js';
import { HOUR, travelClock } from './time.js';

/** A slot over a provider that answers when, and what, the test says. */
export function startSlot({ store = new MemoryStore(), source = undefined as SessionSlot | undefined } = {}) {
  const clock = travelClock();
  const asked: { step: Step; resolve(it: Credentials): void; reject(error: unknown): void }[] = [];
  const events: string[] = [];
  const parts = {
    provide: (step: Step) =>
      new Promise<Credentials>((resolve, reject) => asked.push({ step, resolve, reject })),
    store: new SessionStore(Promise.resolve(store), { debug() {}, warn() {} }),
    refresher: new Refresher(clock),
    clock,
    random: () => 0,
    renewed: () => void events.push('renewed'),
    failed: () => void events.push('failed'),
  };
  const step: Step = { kind: 'process', profile: 'p', command: 'x' };
  const slot = new SessionSlot('key', step, source, parts);
  let serial = 0;
  const session = (lifetime = HOUR): Credentials => ({
    accessKeyId: `ASIA${++serial}`,
    secretAccessKey: 's',
    sessionToken: `token${serial}`,
    expiration: clock.now() + lifetime,
  });
  return { clock, asked, events, slot, session, store, parts };
}
