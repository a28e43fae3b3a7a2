import type { Clock } from '../system/clock.js';
import type { SessionStore } from './session-store.js';

export interface SweepParts {
  store: Pick<SessionStore, 'keys' | 'load' | 'drop' | 'problem'>;
  clock: Clock;
  /** Whether a session of that key is in memory, or on its way there. */
  isHeld(key: string): boolean;
  /** The keys of every chain that there is now; undefined where that cannot be told. */
  wanted(): ReadonlySet<string> | undefined;
  log: { debug(context: object, message: string): void };
}

/** Not while everybody asks at once, as after a login. Milliseconds. */
const FIRST_AFTER = 60_000;
const EVERY = 12 * 3600_000;

/**
 * Clears the store of what nobody will ask for: sessions whose chain has changed or gone while no daemon ran, and
 * those that have ended. Long after the start, and one item at a time, so that no request waits behind it.
 */
export function startSweeping(parts: SweepParts): () => void {
  let stopped = false;
  let cancel = parts.clock.after(FIRST_AFTER, run);

  function run(): void {
    sweep(parts, () => stopped).finally(() => {
      if (!stopped) cancel = parts.clock.after(EVERY, run);
    });
  }

  return () => {
    stopped = true;
    cancel();
  };
}

async function sweep(
  { store, clock, isHeld, wanted, log }: SweepParts,
  stopped: () => boolean,
): Promise<void> {
  const keys = await store.keys();
  const current = wanted();
  let dropped = 0;
  for (const key of keys) {
    if (stopped()) return;
    const ended = current !== undefined && !current.has(key);
    const lasts = isHeld(key) || (!ended && (await store.load(key, clock)) !== undefined);
    // A store that does not answer says nothing of what it holds.
    if (store.problem) return;
    // Since it was read, a new one may have taken its place.
    if (lasts || isHeld(key)) continue;
    store.drop(key);
    dropped++;
  }
  if (dropped > 0) log.debug({ dropped }, 'the store was cleared of sessions that nobody can use');
}
