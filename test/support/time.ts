import { type DrivenClock, drivenClock } from './driven-clock.js';

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;

export interface TravelClock extends DrivenClock {
  /** A laptop's sleep, or a hand at the clock: the wall clock changes, and timers know nothing of it. */
  jump(ms: number): void;
  /** How many timers are set. */
  readonly timers: number;
}

export function travelClock(): TravelClock {
  // Whole seconds, because AWS gives expirations in whole seconds.
  const driven = drivenClock(Math.floor(Date.now() / 1000) * 1000);
  let offset = 0;
  let timers = 0;
  return {
    now: () => driven.now() + offset,
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
      offset += ms;
    },
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
