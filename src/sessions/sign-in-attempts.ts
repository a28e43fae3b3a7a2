import type { Attempt } from '../aws/sso-device.js';
import type { Flow } from '../aws/sso-registration.js';
import type { Clock } from '../system/clock.js';

/** One attempt, and how many wait for it. */
interface Shared {
  attempt: Promise<Attempt>;
  /** Once it waits for the person. */
  begun?: Attempt;
  holders: number;
}

/** The attempts of one sign-in: at most one for each flow, which goes on until the last who waits for it gives up. */
export class SignInAttempts {
  readonly #start: (flow: Flow) => Promise<Attempt>;
  readonly #clock: Clock;
  readonly #shared = new Map<Flow, Shared>();

  constructor(start: (flow: Flow) => Promise<Attempt>, clock: Clock) {
    this.#start = start;
    this.#clock = clock;
  }

  get arePending(): boolean {
    return [...this.#shared.values()].some(({ begun }) => begun);
  }

  /** Begins one, or joins the one that waits for the person already; to abandon it is to give up for oneself alone. */
  async join(flow: Flow): Promise<Attempt> {
    const known = this.#shared.get(flow);
    const lasts = known && (known.begun?.expiresAt ?? Number.POSITIVE_INFINITY) > this.#clock.now();
    const shared = lasts ? known : this.#begin(flow);
    shared.holders++;
    const attempt = await shared.attempt;
    let isHeld = true;
    return {
      ...attempt,
      abandon: () => {
        if (!isHeld) return;
        isHeld = false;
        shared.holders--;
        if (shared.holders === 0) this.#end(flow, shared);
      },
    };
  }

  /** Ends them all, whoever waits. */
  abandon(): void {
    for (const [flow, shared] of this.#shared) this.#end(flow, shared);
  }

  #begin(flow: Flow): Shared {
    const shared: Shared = { attempt: this.#start(flow), holders: 0 };
    this.#shared.set(flow, shared);
    const gone = () => this.#forget(flow, shared);
    shared.attempt.then((begun) => {
      shared.begun = begun;
      begun.token.then(gone, gone);
    }, gone);
    return shared;
  }

  #end(flow: Flow, shared: Shared): void {
    this.#forget(flow, shared);
    shared.attempt.then(
      (attempt) => attempt.abandon(),
      () => {},
    );
  }

  #forget(flow: Flow, shared: Shared): void {
    if (this.#shared.get(flow) === shared) this.#shared.delete(flow);
  }
}
