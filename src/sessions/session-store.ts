import { CredentialError } from '../errors.js';
import type { Clock } from '../system/clock.js';
import type { SecretStore } from '../system/secret-store.js';
import { isRoleSession, type RoleSession } from './role-session.js';

/** A keychain that answers at all has done so by then; after that AWS is the quicker one. */
const READ_WAIT = 3000;

/** Milliseconds. */
const CLOCK_TOLERANCE = 60_000;

/** As `chainOf` makes them. */
const SESSION_KEY = /^[0-9a-f]{64}$/;

type StoreLog = Record<'debug' | 'warn', (context: object, message: string) => void>;

/** Role sessions on top of a secret store. A store that fails is a miss, never a failed request. */
export class SessionStore {
  readonly #store: Promise<SecretStore>;
  readonly #log: StoreLog;
  #writes: Promise<void> = Promise.resolve();
  /** Why the last use of the store failed, until one succeeds. */
  problem: string | undefined;

  constructor(store: Promise<SecretStore>, log: StoreLog) {
    this.#store = store;
    store.catch(({ message }: Error) => {
      this.problem = message;
    });
    this.#log = log;
  }

  /**
   * The session of an earlier run, while it lasts. All that is known of its end is what the wall clock said: nothing is
   * taken once that was set back, nor what was obtained later than it is now. That it was set back by less than the
   * session's age before this run goes unnoticed.
   */
  async load(key: string, clock: Clock): Promise<RoleSession | undefined> {
    const text = await this.#inTime(
      clock,
      this.#try('read', (store) => store.get(key)),
    );
    const session = parse(text)?.session;
    const now = clock.now();
    if (clock.elapsed() > now + CLOCK_TOLERANCE) return undefined;
    const lasts = session && session.expiration > now && session.obtainedAt <= now + CLOCK_TOLERANCE;
    return lasts ? session : undefined;
  }

  /** What is stored of sessions; nothing while the store fails. Long-term keys lie beside them, under other names. */
  async keys(): Promise<string[]> {
    const all = (await this.#try('listed', (store) => store.keys())) ?? [];
    return all.filter((key) => SESSION_KEY.test(key));
  }

  /** `signIn`: the Identity Center sign-in that it came from, if any. */
  save(key: string, session: RoleSession, signIn?: string): void {
    this.#inOrder('written', (store) => store.set(key, JSON.stringify({ ...session, signIn })));
  }

  drop(key: string): void {
    this.#inOrder('cleared', (store) => store.delete(key));
  }

  /** Drops all that came from this sign-in, whoever asked for it, in this run of the daemon or an earlier one. */
  dropBehind(signIn: string): void {
    this.#inOrder('cleared', async (store) => {
      for (const key of await store.keys()) {
        if (SESSION_KEY.test(key) && parse(await store.get(key))?.signIn === signIn) await store.delete(key);
      }
    });
  }

  /**
   * Waits for all that was saved and dropped so far.
   * @throws CredentialError `StoreUnavailable` where the store fails, so that what was dropped may still be in it
   */
  async settled(): Promise<void> {
    await this.#writes;
    if (this.problem !== undefined) throw new CredentialError('StoreUnavailable', 503, this.problem);
  }

  /** Waits for what is being written, then lets go of the store. */
  async close(): Promise<void> {
    await this.#writes;
    await this.#try('closed', (store) => store.close());
  }

  /** No request fails because a store hangs. */
  #inTime<T>(clock: Clock, reading: Promise<T | undefined>): Promise<T | undefined> {
    return new Promise((resolve) => {
      const cancel = clock.after(READ_WAIT, () => {
        this.#failed('read', 'it does not answer');
        resolve(undefined);
      });
      reading.then(resolve).finally(cancel);
    });
  }

  /** No answer waits for a write; a later one must not overtake an earlier one. */
  #inOrder(what: string, use: (store: SecretStore) => Promise<void>): void {
    this.#writes = this.#writes.then(() => this.#try(what, use));
  }

  async #try<T>(what: string, use: (store: SecretStore) => Promise<T>): Promise<T | undefined> {
    try {
      const result = await use(await this.#store);
      this.problem = undefined;
      return result;
    } catch (error) {
      this.#failed(what, (error as Error).message);
      return undefined;
    }
  }

  /** Told once, until it does well again. */
  #failed(what: string, reason: string): void {
    const level = this.problem === undefined ? 'warn' : 'debug';
    this.problem = reason;
    this.#log[level](
      { reason },
      `the session store could not be ${what}: ${reason}. Sessions are served all the same, but may be gone when credd stops.`,
    );
  }
}

function parse(text = ''): { session: RoleSession; signIn?: string } | undefined {
  try {
    const { signIn, ...session } = JSON.parse(text);
    return isRoleSession(session) ? { session, signIn } : undefined;
  } catch {
    return undefined;
  }
}
