import type { Step } from '../aws/chain.js';
import type { Credentials } from '../aws/credentials.js';
import { MfaRequired, mfaOf, needsPerson } from '../aws/mfa.js';
import type { Provide } from '../aws/provider.js';
import { keyOf } from '../aws/sso-sign-in.js';
import type { CredentialError } from '../errors.js';
import type { Clock } from '../system/clock.js';
import { HeldSession } from './held-session.js';
import type { Refresher } from './refresher.js';
import { RenewalPlan } from './renewal-plan.js';
import { isRoleSession, type RoleSession } from './role-session.js';
import { asCredentialError, expiredOnArrival } from './session-error.js';
import type { SessionStore } from './session-store.js';
import { SingleFlight } from './single-flight.js';
import {
  failureMemory,
  isEnding,
  isInLastTenth,
  type Random,
  renewalDue,
  retryDelay,
  timeLeft,
} from './timing.js';
import { withSource } from './with-source.js';

export interface Failure {
  error: CredentialError;
  /** In `elapsed` time. */
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
 * next one, and the last failure.
 */
export class SessionSlot {
  readonly key: string;
  readonly source: SessionSlot | undefined;
  /** As the profile that was resolved last has it: profiles that share the slot differ in nothing but the name. */
  step: Step;
  readonly #parts: SlotParts;
  readonly #flight = new SingleFlight<Credentials>();
  #held: HeldSession | undefined;
  readonly #plan: RenewalPlan;
  #skipsStore = false;
  failure: Failure | undefined;

  constructor(key: string, step: Step, source: SessionSlot | undefined, parts: SlotParts) {
    this.key = key;
    this.step = step;
    this.source = source;
    this.#parts = parts;
    this.#plan = new RenewalPlan(key, {
      refresher: parts.refresher,
      now: parts.clock.elapsed,
      calls: () => this.#calls(),
      renew: () => this.obtain({ inTurn: true }),
    });
  }

  /** When a client last asked for exactly this step, in `elapsed` time. */
  get lastAskedAt(): number {
    return this.#plan.lastAskedAt;
  }

  set lastAskedAt(time: number) {
    this.#plan.lastAskedAt = time;
  }

  /** The session, unless it has expired. */
  get session(): RoleSession | undefined {
    return this.#lasts ? this.#held?.told : undefined;
  }

  /** The same, but in its last moments only where no successor is to be had just now. */
  get lasting(): RoleSession | undefined {
    const held = this.#held;
    if (held && !isEnding(held, this.#now())) return held.told;
    return this.isFetching || this.failure || this.#plan.isDue ? undefined : this.session;
  }

  get isFetching(): boolean {
    return this.#flight.isUnderWay;
  }

  /** When the session will be renewed though nobody asks, in `elapsed` time; undefined where it is left to lapse. */
  get renewsAt(): number | undefined {
    return this.#lasts ? this.#plan.renewsAt : undefined;
  }

  /**
   * The failure that stands in place of a new attempt: any, for some seconds; beside a session that lasts, one that
   * will not pass by itself.
   */
  get standingFailure(): Failure | undefined {
    const { failure } = this;
    if (!failure) return undefined;
    if (this.#lasts && !failure.error.retryable) return failure;
    return this.#now() - failure.at < failureMemory(this.#held) ? failure : undefined;
  }

  /** Credentials to call AWS with: the session while it lasts beyond the moment, else new ones. */
  async usable(): Promise<Credentials> {
    // Keys come from the files as they are: there is nothing to keep, to renew or to store.
    if (this.step.kind === 'keys' || this.step.kind === 'kept-keys') return this.#parts.provide(this.step);
    const { lasting, standingFailure } = this;
    if (lasting) return lasting;
    if (standingFailure) return this.session ?? Promise.reject(standingFailure.error);
    return this.obtain().catch((error) => this.session ?? Promise.reject(error));
  }

  /** Asks AWS even where a session is held or stored, and whatever failed before. */
  renew(): Promise<Credentials> {
    this.#skipsStore = true;
    for (const slot of this.andSources()) slot.failure = undefined;
    return this.obtain();
  }

  /** Joins the flight under way, or starts one: the store first, then AWS; `inTurn`, where the refresher has let it go. */
  obtain({ inTurn = false } = {}): Promise<Credentials> {
    return this.#flight.join((isCurrent) => this.#fly(isCurrent, inTurn));
  }

  /** Takes what was obtained with a person's help; a flight under way is overtaken. */
  put(given: Credentials): void {
    const held = this.#taken(given);
    if (!held) throw new TypeError('a person unlocks sessions alone');
    this.#flight.abandon();
    this.#skipsStore = true;
    this.#keep(held);
  }

  /** What stood in the way further down is gone: whoever waits for this is served at once. */
  unblock(): void {
    this.failure = undefined;
    if (!this.#lasts && this.#plan.isWarm) this.obtain();
  }

  /** A request met a session that is due: renew it behind the answer, unless an attempt failed just now. */
  renewIfDue(): void {
    const held = this.#held;
    if (!held || this.isFetching || this.standingFailure) return;
    const urgent = this.failure !== undefined && isInLastTenth(held, this.#now());
    if (this.#plan.isDue || urgent) this.obtain();
  }

  /** Itself, then the steps that lead to it, the nearest first. */
  *andSources(): Iterable<SessionSlot> {
    for (let slot: SessionSlot | undefined = this; slot; slot = slot.source) yield slot;
  }

  /** Whether the step, or one that leads to it, is such a one. */
  rests(on: (step: Step) => boolean): boolean {
    return on(this.step) || (this.source?.rests(on) ?? false);
  }

  /** What it failed for has been put right: it is tried again, at once or in its turn. */
  retry(): void {
    for (const slot of this.andSources()) slot.failure = undefined;
    this.#plan.set(this.#now());
  }

  /** Drops what is held, here and in the store; a flight under way ends for those who wait, and is not kept. */
  forget(): void {
    this.#flight.abandon();
    this.#held = undefined;
    this.failure = undefined;
    // Reading does not wait for writing: what is being deleted must not come back.
    this.#skipsStore = true;
    this.#plan.set(Number.POSITIVE_INFINITY);
    this.#parts.store.drop(this.key);
  }

  /** Calls AWS, with a person's code or without. */
  provided(code?: string): Promise<Credentials> {
    const { provide, clock } = this.#parts;
    if (!this.source) return provide(this.step, undefined, code);
    return withSource(this.source, clock, (credentials) => provide(this.step, credentials, code));
  }

  async #fly(isCurrent: () => boolean, inTurn: boolean): Promise<Credentials> {
    try {
      const kept = await this.#fromStore(isCurrent);
      if (kept) return kept;
      if (needsPerson(this.step)) throw new MfaRequired(this.step.profile, mfaOf(this.step)?.serial ?? '');
      if (!inTurn) this.#parts.refresher.giveWay();
      const given = await this.provided();
      const held = this.#taken(given);
      if (!held) return given;
      const { told } = held;
      if (timeLeft(held, this.#now()) <= 0)
        throw expiredOnArrival(this.step.profile, told.expiration, this.#parts.clock.now());
      if (isCurrent()) this.#keep(held);
      return told;
    } catch (thrown) {
      const error = asCredentialError(thrown);
      if (isCurrent()) this.#fail(error);
      throw error;
    }
  }

  /** The stored session, if it lasts beyond the moment; one that is ending is held, but not enough. */
  async #fromStore(isCurrent: () => boolean): Promise<RoleSession | undefined> {
    if (this.#skipsStore) return undefined;
    const session = await this.#parts.store.load(this.key, this.#parts.clock);
    if (this.#skipsStore || !isCurrent()) return undefined;
    this.#skipsStore = true;
    if (!session) return undefined;
    const held = new HeldSession(session, this.#parts.clock);
    this.#hold(held, this.#due(held));
    return isEnding(held, this.#now()) ? undefined : session;
  }

  /** What was given just now, if it is a session; one that is held already has not begun anew. */
  #taken(given: Credentials): HeldSession | undefined {
    if (this.#held?.isRepeatedBy(given)) return this.#held;
    const { clock } = this.#parts;
    const session = { ...given, obtainedAt: clock.now() };
    return isRoleSession(session) ? new HeldSession(session, clock) : undefined;
  }

  #keep(held: HeldSession): void {
    const { random, store, renewed } = this.#parts;
    const before = this.#held;
    const now = this.#now();
    // What is repeated is due already: whoever gave it is not asked in a loop.
    const soonest = now + retryDelay(held, 1, now, random);
    this.#hold(held, Math.max(this.#due(held), soonest));
    if (held === before) return;
    const { told } = held;
    store.save(this.key, told, this.#signIn);
    if (before?.told.sessionToken !== told.sessionToken) renewed(this);
  }

  /** A session that takes a person lasts until its end: no renewal is begun that cannot succeed. */
  #due(held: HeldSession): number {
    return needsPerson(this.step) ? Number.POSITIVE_INFINITY : renewalDue(held, this.#parts.random);
  }

  #hold(held: HeldSession, dueAt: number): void {
    this.#held = held;
    this.failure = undefined;
    this.#plan.set(dueAt);
  }

  #fail(error: CredentialError): void {
    const now = this.#now();
    const failure = { error, at: now, attempts: (this.failure?.attempts ?? 0) + 1 };
    this.failure = failure;
    this.#parts.failed(this, failure);
    // After its end too: a machine wakes up before its network does.
    const before = this.#held;
    const again = before && error.retryable;
    this.#plan.set(
      again ? now + retryDelay(before, failure.attempts, now, this.#parts.random) : Number.POSITIVE_INFINITY,
    );
  }

  /** Its own, and those for the sources that have lapsed with it; as those go first, its own may fall among the next. */
  #calls(): number {
    const { source } = this;
    const lapsed = source && source.step.kind !== 'keys' && !source.lasting;
    return 1 + (lapsed ? source.#calls() + 1 : 0);
  }

  /** The Identity Center sign-in that all of it came from, if any. */
  get #signIn(): string | undefined {
    const { step, source } = this;
    if (source) return source.#signIn;
    return step.kind === 'sso-role' ? keyOf(step) : undefined;
  }

  get #lasts(): boolean {
    return this.#held !== undefined && timeLeft(this.#held, this.#now()) > 0;
  }

  #now(): number {
    return this.#parts.clock.elapsed();
  }
}
