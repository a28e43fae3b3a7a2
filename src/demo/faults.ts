import type { Clock } from '../system/clock.js';

/** What goes wrong with the answers to one operation. */
export type Fault =
  /** Answers as usual, `ms` milliseconds late. */
  | { kind: 'delay'; ms: number }
  /** Answers as usual, but not before `release()` or `clear()`. */
  | { kind: 'hang' }
  /** The service says that it is asked too often, in its own words. */
  | { kind: 'throttle' }
  /** An error of the service; `InternalFailure` with status 500 if unset. */
  | { kind: 'error'; status?: number; code?: string; message?: string }
  /** The connection ends without an answer. */
  | { kind: 'drop' }
  /** It is done, but the connection ends without an answer. */
  | { kind: 'lost' }
  /** Status 200 with a body that is in no protocol. */
  | { kind: 'garbage' }
  /** The server's clock is ahead by `ms` (negative: behind) when it looks at signatures. */
  | { kind: 'skew'; ms: number };

/** Faults that may be switched while the simulated AWS runs. The operation `*` is every operation. */
export class Faults {
  readonly #clock: Clock;
  readonly #active = new Map<string, { fault: Fault; left: number }>();
  readonly #waiting = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Replaces the fault of the operation; with `times`, only for that many requests. */
  set(operation: string, { times = Number.POSITIVE_INFINITY, ...fault }: Fault & { times?: number }): void {
    this.#active.set(operation, { fault, left: times });
  }

  /** Takes away the fault of an operation, or all of them, and lets requests that hang go on. */
  clear(operation?: string): void {
    if (operation === undefined) this.#active.clear();
    else this.#active.delete(operation);
    this.release();
  }

  /** Lets the requests that hang now be answered. */
  release(): void {
    for (const answer of this.#waiting) answer();
    this.#waiting.clear();
  }

  /** The fault that the next request for this operation meets. */
  take(operation: string): Fault | undefined {
    const name = this.#active.has(operation) ? operation : '*';
    const active = this.#active.get(name);
    if (!active) return undefined;
    active.left -= 1;
    if (active.left <= 0) this.#active.delete(name);
    return active.fault;
  }

  /** Waits for as long as a fault holds an answer back. */
  async wait(fault: Fault | undefined): Promise<void> {
    if (fault?.kind === 'delay') await new Promise<void>((done) => this.#clock.after(fault.ms, done));
    if (fault?.kind === 'hang') await new Promise<void>((done) => this.#waiting.add(done));
  }
}
