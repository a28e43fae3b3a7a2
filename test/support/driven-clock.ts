import type { Clock } from '../../src/system/clock.js';

export interface DrivenClock extends Clock {
  /** Moves time on, and calls back whatever falls due on the way, in order. */
  advance(ms: number): void;
  /** In how many milliseconds the next timer falls due. */
  readonly next: number;
}

/** Time that stands still until a test moves it on. */
export function drivenClock(start = Date.now()): DrivenClock {
  let now = start;
  let timers: { at: number; callback: () => void }[] = [];
  return {
    now: () => now,
    elapsed: () => now,
    after(ms, callback) {
      const timer = { at: now + ms, callback };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
      };
    },
    get next() {
      return Math.min(...timers.map(({ at }) => at)) - now;
    },
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const due = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
        if (!due) break;
        timers = timers.filter((other) => other !== due);
        now = Math.max(now, due.at);
        due.callback();
      }
      now = end;
    },
  };
}
