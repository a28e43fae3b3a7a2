import { type Clock, wallTime } from '../system/clock.js';
import type { RoleSession } from './role-session.js';
import type { Lasting } from './timing.js';

/** The end that is told stays as AWS gave it, to the second, while the clock is off by less. */
const STEP = 2000;

/** A session in memory. It ends when its time has passed, whatever the wall clock is set to meanwhile. */
export class HeldSession implements Lasting {
  /** Both in `elapsed` time. */
  readonly obtainedAt: number;
  readonly expiration: number;
  readonly #given: RoleSession;
  readonly #clock: Clock;
  #told: RoleSession;

  constructor(given: RoleSession, clock: Clock) {
    const now = clock.now();
    this.expiration = clock.elapsed() + given.expiration - now;
    this.obtainedAt = this.expiration - (given.expiration - given.obtainedAt);
    this.#given = given;
    this.#told = given;
    this.#clock = clock;
  }

  /** The session, its times told by the wall clock as it is set now. */
  get told(): RoleSession {
    const expiration = wallTime(this.#clock, this.expiration);
    if (Math.abs(expiration - this.#told.expiration) >= STEP)
      this.#told = { ...this.#given, expiration, obtainedAt: wallTime(this.#clock, this.obtainedAt) };
    return this.#told;
  }

  /** Whether a source (a process with a cache, say) has given the very same again, and so renewed nothing. */
  isRepeatedBy({ sessionToken, expiration }: { sessionToken?: string; expiration?: number }): boolean {
    return this.#given.sessionToken === sessionToken && this.#given.expiration === expiration;
  }
}
