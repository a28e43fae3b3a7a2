import type { Refresher } from './refresher.js';
import { KEPT_WARM } from './timing.js';

/** When one session is to be renewed: never where nobody has asked for it in a long while. */
export class RenewalPlan {
  readonly #key: string;
  readonly #parts: { refresher: Refresher; now(): number; calls(): number; renew(): void };
  dueAt = Number.POSITIVE_INFINITY;
  /** When a client last asked for exactly this session. */
  lastAskedAt = Number.NEGATIVE_INFINITY;

  constructor(key: string, parts: { refresher: Refresher; now(): number; calls(): number; renew(): void }) {
    this.#key = key;
    this.#parts = parts;
  }

  get isDue(): boolean {
    return this.#parts.now() >= this.dueAt;
  }

  /** Whether it is worth having now. */
  get isWarm(): boolean {
    return this.#isWarmAt(this.#parts.now());
  }

  /** Undefined where it is left to lapse, and fetched anew by whoever asks next. */
  get renewsAt(): number | undefined {
    return this.#isWarmAt(this.dueAt) ? this.dueAt : undefined;
  }

  /** At this time; never, where that is infinite. */
  set(dueAt: number): void {
    const { refresher, calls, renew } = this.#parts;
    this.dueAt = dueAt;
    if (dueAt === Number.POSITIVE_INFINITY) refresher.cancel(this.#key);
    else
      refresher.schedule({
        key: this.#key,
        dueAt,
        calls,
        renew: () => {
          if (this.isWarm) renew();
        },
      });
  }

  #isWarmAt(time: number): boolean {
    return time - this.lastAskedAt < KEPT_WARM;
  }
}
