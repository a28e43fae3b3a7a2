/** Time, passed in so that tests can drive it. All times are milliseconds. */
export interface Clock {
  /** Wall-clock time since the epoch, as people and other programs have it. It may be set, and may be wrong. */
  now(): number;
  /**
   * Goes on however the wall clock is set, and never back: for what lasts a time, and what is due after a time. The same as
   * `now` until the clock is set back.
   */
  elapsed(): number;
  /** Calls back once after `ms`; the returned function cancels. */
  after(ms: number, callback: () => void): () => void;
}

/** What differs less is no hand at the clock, but its own imprecision. */
const STEP = 1000;

/**
 * Of two clocks the one that says that more time has passed: `running` knows of no hand at the wall clock, and on
 * Linux of no suspend; `wall` knows of the suspend. A machine that is suspended and has its clock set back before
 * anybody looks counts the difference.
 */
export function elapsedTime(wall: () => number, running: () => number): () => number {
  let ahead = wall() - running();
  let extra = ahead;
  return () => {
    const time = running();
    const step = wall() - time - ahead;
    if (step > STEP || step < -STEP) {
      ahead += step;
      extra += Math.max(step, 0);
    }
    return time + extra;
  };
}

/** What the wall clock, as it is set now, says of a time of `elapsed`; in whole milliseconds, not before it. */
export function wallTime(clock: Clock, elapsed: number): number {
  return Math.ceil(clock.now() + elapsed - clock.elapsed());
}

export const systemClock: Clock = {
  now: Date.now,
  elapsed: elapsedTime(Date.now, () => performance.now()),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
