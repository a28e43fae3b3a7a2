import type { Clock } from '../system/clock.js';
import type { Peer, PeerProcess } from '../system/peer.js';

const PERIOD = 1000;
const AT_ONCE = 10;
const MOST_WAITING = 64;

export interface Found {
  uid?: number;
  pid?: number;
  program?: string;
}

/**
 * Finds out who is at the other end, for the trail. A search for a process reads through all processes of the machine,
 * so there are ten a second, begun at once; a storm of connections shares one more when the second is over, and who has
 * gone by then, or is one too many, is known by user alone.
 */
export class ProcessSearch {
  readonly #clock: Clock;
  readonly #asking = new Set<Promise<Found>>();
  #waiting: (() => void)[] = [];
  #begun = 0;
  #cancelPeriod: (() => void) | undefined;
  #finishing = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What can be found, or nothing; never rejects. */
  find(peer: Promise<Peer | undefined>): Promise<Found> {
    const asking = this.#identify(peer).catch(() => ({}));
    this.#asking.add(asking);
    return asking.finally(() => this.#asking.delete(asking));
  }

  /** Lets nobody wait any more. */
  async finish(): Promise<void> {
    this.#finishing = true;
    this.#resume();
    await Promise.all(this.#asking);
  }

  async #identify(asked: Promise<Peer | undefined>): Promise<Found> {
    const peer = await asked;
    if (!peer) return {};
    const process = await this.#inTurn(() => peer.process());
    return { uid: peer.uid, ...(process ? { pid: process.pid, program: process.program } : {}) };
  }

  async #inTurn(search: () => Promise<PeerProcess | undefined>): Promise<PeerProcess | undefined> {
    if (!this.#finishing) this.#cancelPeriod ??= this.#clock.after(PERIOD, () => this.#resume());
    if (++this.#begun <= AT_ONCE) return search();
    if (this.#finishing || this.#waiting.length >= MOST_WAITING) return undefined;
    await new Promise<void>((resume) => this.#waiting.push(resume));
    return search();
  }

  #resume(): void {
    this.#cancelPeriod?.();
    this.#cancelPeriod = undefined;
    this.#begun = 0;
    for (const resume of this.#waiting.splice(0)) resume();
  }
}
