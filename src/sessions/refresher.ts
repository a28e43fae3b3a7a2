import type { Clock } from '../system/clock.js';
import { CLOCK_CHECK } from './timing.js';

export interface Renewable {
  key: string;
  /** In `elapsed` time. */
  dueAt: number;
  /** For how many calls to AWS the renewal needs room now; one unless said otherwise. */
  calls?(): number;
  renew(): void;
}

/** At most 20 calls a second: what lapsed while the laptop slept must not be asked of AWS all at once. */
const PACE = 50;
/** For how long what is renewed behind people's backs gives way to those who wait, however many they are. */
const LONGEST_YIELD = 1000;

/**
 * One timer over anything that has to be renewed, soonest needed first. It looks at the clock at least every
 * 15 s, because timers stand still while a laptop sleeps.
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

  /** Replaces what was scheduled under the same key. */
  schedule(item: Renewable): void {
    this.#items.set(item.key, item);
    this.#wakeFor(item);
  }

  /**
   * A call to AWS for somebody who waits. That goes at once, as SDKs give up within seconds, and it takes the turn of a
   * renewal, so that both together keep to the pace.
   */
  giveWay(): void {
    const now = this.#clock.elapsed();
    const next = Math.max(this.#notBefore, now) + PACE;
    this.#notBefore = Math.max(this.#notBefore, Math.min(next, now + LONGEST_YIELD));
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

  #wakeFor({ dueAt }: Renewable): void {
    const now = this.#clock.elapsed();
    const at = Math.min(Math.max(dueAt, this.#notBefore, now), now + CLOCK_CHECK);
    if (at >= this.#wakesAt) return;
    this.#cancel?.();
    this.#wakesAt = at;
    this.#cancel = this.#clock.after(at - now, () => this.#tick());
  }

  #tick(): void {
    this.#wakesAt = Number.POSITIVE_INFINITY;
    this.#cancel = undefined;
    const now = this.#clock.elapsed();
    const due = this.#soonest();
    if (due && due.dueAt <= now && this.#notBefore <= now) {
      this.#items.delete(due.key);
      this.#notBefore = now + PACE * (due.calls?.() ?? 1);
      due.renew();
    }
    const next = this.#soonest();
    if (next) this.#wakeFor(next);
  }

  #soonest(): Renewable | undefined {
    let soonest: Renewable | undefined;
    for (const item of this.#items.values()) if (!soonest || item.dueAt < soonest.dueAt) soonest = item;
    return soonest;
  }
}
