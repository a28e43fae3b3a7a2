import type { Clock } from '../../src/system/clock.js';

export interface SteppedClock extends Clock {
  /** Fires the one timer that is set, waiting until there is one, and waits for the next to be set; gives its delay. */
  step(): Promise<number>;
}

/** For a loop that sets its next timer when its work is done, however long the work takes. */
export function steppedClock(): SteppedClock {
  let now = 0;
  let timer: { ms: number; callback: () => void } | undefined;
  let wake = () => {};

  async function armed() {
    while (!timer) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return timer;
  }

  return {
    now: () => now,
    elapsed: () => now,
    after(ms, callback) {
      const mine = { ms, callback };
      timer = mine;
      wake();
      return () => {
        if (timer === mine) timer = undefined;
      };
    },
    async step() {
      const { ms, callback } = await armed();
      timer = undefined;
      now += ms;
      callback();
      await armed();
      return ms;
    },
  };
}
