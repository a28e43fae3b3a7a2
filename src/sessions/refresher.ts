import type { Clock } from '../system/clock.js';
import { CLOCK_CHECK } from './timing.js';

export interface Renewable {
  key: string;
  /** Wall-clock time in milliseconds. */
  dueAt: number;
  renew(): void;
}

const BURST = 20;
const BURST_PAUSE = 1000;

/**
 * One timer over anything that has to be renewed. It looks at the wall clock at least every 15 s, because timers
 * stand still while a laptop sleeps; what lapsed meanwhile is renewed soonest-needed first, 20 a second.
 */
export class Refresher {
  readonly #clock: Clock;
  readonly #items = new Map<string, Renewable>();
  #cancel: (() => void) | undefined;
  #wakesAt = Number.POSITIVE_INFINITY;
  #notBefore = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  schedule(item: Renewable): void {
    this.#items.set(item.key, item);
    this.#wakeBy(item.dueAt);
  }

  cancel(key: string): void {
    this.#items.delete(key);
  }

  stop(): void {
    this.#items.clear();
    this.#cancel?.();
    this.#cancel = undefined;
    this.#wakesAt = Number.POSITIVE_INFINITY;
  }

  #wakeBy(time: number): void {
    const now = this.#clock.now();
    const at = Math.min(Math.max(time, this.#notBefore, now), now + CLOCK_CHECK);
    if (at >= this.#wakesAt) return;
    this.#cancel?.();
    this.#wakesAt = at;
    this.#cancel = this.#clock.after(at - now, () => this.#tick());
  }

  #tick(): void {
    this.#wakesAt = Number.POSITIVE_INFINITY;
    this.#cancel = undefined;
    const now = this.#clock.now();
    const due = [...this.#items.values()]
      .filter((item) => item.dueAt <= now)
      .sort((a, b) => a.dueAt - b.dueAt);
    for (const item of due.slice(0, BURST)) {
      this.#items.delete(item.key);
      item.renew();
    }
    this.#notBefore = due.length > BURST ? now + BURST_PAUSE : 0;
    const next = [...this.#items.values()].reduce(
      (least, item) => Math.min(least, item.dueAt),
      Number.POSITIVE_INFINITY,
    );
    if (next < Number.POSITIVE_INFINITY) this.#wakeBy(next);
  }
}
