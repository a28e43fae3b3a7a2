import type { Attempt } from '../aws/sso-device.js';
import type { Flow } from '../aws/sso-registration.js';
import type { Clock } from '../system/clock.js';

/** The attempts of one sign-in that wait for the person: at most one for each flow. */
export class SignInAttempts {
  readonly #start: (flow: Flow) => Promise<Attempt>;
  readonly #clock: Clock;
  readonly #starting = new Map<Flow, Promise<Attempt>>();
  readonly #waiting = new Map<Flow, Attempt>();

  constructor(start: (flow: Flow) => Promise<Attempt>, clock: Clock) {
    this.#start = start;
    this.#clock = clock;
  }

  get arePending(): boolean {
    return this.#waiting.size > 0;
  }

  /** Begins one, or joins the one that waits for the person already. */
  join(flow: Flow): Promise<Attempt> {
    const waiting = this.#waiting.get(flow);
    if (waiting && waiting.expiresAt > this.#clock.now()) return Promise.resolve(waiting);
    const starting = this.#starting.get(flow) ?? this.#begin(flow);
    this.#starting.set(flow, starting);
    return starting.finally(() => this.#starting.delete(flow));
  }

  abandon(): void {
    for (const attempt of this.#waiting.values()) attempt.abandon();
    this.#waiting.clear();
  }

  async #begin(flow: Flow): Promise<Attempt> {
    const attempt = await this.#start(flow);
    const gone = () => {
      if (this.#waiting.get(flow) === attempt) this.#waiting.delete(flow);
    };
    this.#waiting.set(flow, attempt);
    attempt.token.then(gone, gone);
    return attempt;
  }
}
