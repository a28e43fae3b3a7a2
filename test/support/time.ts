import { type Clock, elapsedTime } from '../../src/system/clock.js';
import { type DrivenClock, drivenClock } from './driven-clock.js';

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

export interface TravelClock extends DrivenClock {
  /** A laptop's sleep: time goes on, and timers know nothing of it. */
  jump(ms: number): void;
  /** A hand at the machine's clock, forward or back: the time that it really is stays the same. */
  set(ms: number): void;
  /** The clock that nobody sets, as AWS has it. */
  readonly real: Clock;
  /** How many timers are set. */
  readonly timers: number;
}

export function travelClock(): TravelClock {
  // Whole seconds, because AWS gives expirations in whole seconds.
  const driven = drivenClock(Math.floor(Date.now() / 1000) * 1000);
  let slept = 0;
  let set = 0;
  let timers = 0;
  const real = () => driven.now() + slept;
  const now = () => real() + set;
  return {
    now,
    elapsed: elapsedTime(now, driven.now),
    after(ms, callback) {
      timers++;
      let ended = false;
      const end = () => {
        if (!ended) timers--;
        ended = true;
      };
      const cancel = driven.after(ms, () => {
        end();
        callback();
      });
      return () => {
        end();
        cancel();
      };
    },
    advance: driven.advance,
    jump(ms) {
      slept += ms;
    },
    set(ms) {
      set += ms;
    },
    real: { now: real, elapsed: real, after: driven.after },
    get next() {
      return driven.next;
    },
    get timers() {
      return timers;
    },
  };
}

/** One turn of the event loop, in which all that was ready has happened. */
export function turn(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}
