import type { Step } from '../aws/chain.js';
import type { Credentials } from '../aws/credentials.js';
import type { Provide } from '../aws/provider.js';
import { CredentialError } from '../errors.js';
import type { Clock } from '../system/clock.js';
import type { Refresher } from './refresher.js';
import { ecsBody, isRoleSession, type RoleSession, timeLeft } from './role-session.js';
import type { SessionStore } from './session-store.js';
import {
  failureMemory,
  isEnding,
  isInLastTenth,
  KEPT_WARM,
  type Random,
  renewalDue,
  retryDelay,
} from './timing.js';

const CLOCK_TOLERANCE = 60_000;

export interface Failure {
  error: CredentialError;
  at: number;
  /** Failed attempts in a row. */
  attempts: number;
}

export interface SlotParts {
  provide: Provide;
  store: SessionStore;
  refresher: Refresher;
  clock: Clock;
  random: Random;
  renewed(slot: SessionSlot): void;
  failed(slot: SessionSlot, failure: Failure): void;
}

/**
 * What is held for one step of a chain: its session, when that is due for renewal, the flight that is fetching the
 * next one, and the last failure. However many ask, one flight is under way.
 */
export class SessionSlot {
  readonly key: string;
  readonly step: Step;
  readonly source: SessionSlot | undefined;
  readonly #parts: SlotParts;
  #session: RoleSession | undefined;
  #body: Buffer | undefined;
  #flight: Promise<Credentials> | undefined;
  #storeAsked = false;
  #forgotten = false;
  failure: Failure | undefined;
  dueAt = Number.POSITIVE_INFINITY;
  /** When a client last asked for exactly this step. */
  lastAskedAt = Number.NEGATIVE_INFINITY;

  constructor(key: string, step: Step, source: SessionSlot | undefined, parts: SlotParts) {
    this.key = key;
    this.step = step;
    this.source = source;
    this.#parts = parts;
  }

  /** The session, unless it has expired. */
  get session(): RoleSession | undefined {
    return this.#session && timeLeft(this.#session, this.#now()) > 0 ? this.#session : undefined;
  }

  /** The answer for SDKs, serialised once for each session. Only valid while `session` is. */
  get body(): Buffer {
    if (!this.#session) throw new TypeError('there is no session to serialise');
    this.#body ??= ecsBody(this.#session);
    return this.#body;
  }

  /** The failure that answers in place of a new attempt, for a few seconds. */
  get rememberedFailure(): Failure | undefined {
    const { failure } = this;
    return failure && this.#now() - failure.at < failureMemory(this.#session) && this.#now() >= failure.at
      ? failure
      : undefined;
  }

  /** Credentials to call AWS with: the session while it lasts beyond the moment, else new ones. */
  async usable(): Promise<Credentials> {
    const { session } = this;
    if (session && !isEnding(session, this.#now())) return session;
    const failure = this.rememberedFailure;
    if (failure && session) return session;
    if (failure) throw failure.error;
    return this.obtain().catch((error) => this.session ?? Promise.reject(error));
  }

  /** Asks AWS even where a session is held or stored, and whatever failed before. */
  renew(): Promise<Credentials> {
    this.#storeAsked = true;
    for (let slot: SessionSlot | undefined = this; slot; slot = slot.source) slot.failure = undefined;
    return this.obtain();
  }

  /** Joins the flight under way, or starts one: the store first, then AWS. */
  obtain(): Promise<Credentials> {
    if (!this.#flight) {
      this.#flight = this.#fly().finally(() => {
        this.#flight = undefined;
      });
      this.#flight.catch(() => {});
    }
    return this.#flight;
  }

  /** A request met a session that is due: renew it behind the answer, unless an attempt failed just now. */
  renewIfDue(): void {
    const session = this.#session;
    const now = this.#now();
    if (!session || this.#flight) return;
    const worthTrying =
      isInLastTenth(session, now) && this.failure?.error.retryable && !this.rememberedFailure;
    const clockSetBack = now < session.obtainedAt - CLOCK_TOLERANCE;
    if (now >= this.dueAt || worthTrying || clockSetBack) this.obtain();
  }

  /** Drops what is held, here and in the store; a flight under way ends for those who wait, and is not kept. */
  forget(): void {
    this.#forgotten = true;
    this.#session = undefined;
    this.#body = undefined;
    this.failure = undefined;
    this.#parts.refresher.cancel(this.key);
    this.#parts.store.drop(this.key);
  }

  async #fly(): Promise<Credentials> {
    try {
      const kept = await this.#fromStore();
      if (kept) return kept;
      const source = await this.source?.usable();
      const obtained = { ...(await this.#parts.provide(this.step, source)), obtainedAt: this.#now() };
      if (!isRoleSession(obtained)) return obtained;
      this.#keep(obtained);
      return obtained;
    } catch (error) {
      throw this.#fail(asCredentialError(error));
    }
  }

  async #fromStore(): Promise<RoleSession | undefined> {
    if (this.#storeAsked || this.step.kind === 'keys') return undefined;
    this.#storeAsked = true;
    const session = await this.#parts.store.load(this.key, this.#now());
    if (!session || isEnding(session, this.#now())) return undefined;
    this.#hold(session);
    return session;
  }

  #keep(session: RoleSession): void {
    if (this.#forgotten) return;
    const isNew = session.expiration !== this.#session?.expiration;
    this.#hold(session);
    if (!isNew) return;
    this.#parts.store.save(this.key, session);
    this.#parts.renewed(this);
  }

  #hold(session: RoleSession): void {
    const now = this.#now();
    const asBefore = this.#session !== undefined && session.expiration <= this.#session.expiration;
    this.#session = session;
    this.#body = undefined;
    this.failure = undefined;
    // A source that repeats what it gave before (a process with a cache, a pasted session) is not asked in a loop.
    const due = renewalDue(session, this.#parts.random);
    this.#renewAt(asBefore && due <= now ? now + retryDelay(session, 1, now, this.#parts.random) : due);
  }

  #fail(error: CredentialError): CredentialError {
    const now = this.#now();
    const failure = { error, at: now, attempts: (this.failure?.attempts ?? 0) + 1 };
    this.failure = failure;
    this.#parts.failed(this, failure);
    const { session } = this;
    if (!session || this.#forgotten) return error;
    if (error.retryable) this.#renewAt(now + retryDelay(session, failure.attempts, now, this.#parts.random));
    else this.dueAt = Number.POSITIVE_INFINITY;
    return error;
  }

  #renewAt(dueAt: number): void {
    this.dueAt = dueAt;
    this.#parts.refresher.schedule({ key: this.key, dueAt, renew: () => this.#renewIfWarm() });
  }

  /** Nobody asked for it in a long while: it is left to lapse, and fetched anew by whoever asks next. */
  #renewIfWarm(): void {
    if (this.#now() - this.lastAskedAt < KEPT_WARM) this.obtain();
  }

  #now(): number {
    return this.#parts.clock.now();
  }
}

function asCredentialError(error: unknown): CredentialError {
  if (error instanceof CredentialError) return error;
  return new CredentialError('InternalError', 500, `credd met a bug: ${(error as Error).message}`, {
    cause: error,
  });
}
