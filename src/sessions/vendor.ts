import type { Step } from '../aws/chain.js';
import type { Credentials } from '../aws/credentials.js';
import { mfaOf } from '../aws/mfa.js';
import type { Narrowing } from '../aws/narrowing.js';
import { CredentialError } from '../errors.js';
import { wallTime } from '../system/clock.js';
import { type ProfileState, stateOf } from './profile-state.js';
import { ecsBody, isRoleSession, type RoleSession } from './role-session.js';
import { addressed, asCredentialError, isSignedOut, stillFetching, waitsForPerson } from './session-error.js';
import type { Failure, SessionSlot, SlotParts } from './session-slot.js';
import { type ResolveChain, SlotTable } from './slot-table.js';
import { FIRST_SESSION_WAIT, LAST_MOMENT_WAIT } from './timing.js';

export interface VendorParts extends Omit<SlotParts, 'failed' | 'renewed'> {
  chain: ResolveChain;
  /** A session was obtained, `ok`, or could not be, for the reason of that code. */
  renewed?(profile: string, outcome: string): void;
  /** A person is needed for something other than a sign-in, of which the sign-in tells: told once. */
  needed?(error: CredentialError): void;
  log: {
    info(context: object, message: string): void;
    warn(context: object, message: string): void;
  };
}

/** Hands out the role session of a profile: from memory, else the store, else AWS, and keeps it fresh. */
export class Vendor {
  readonly #parts: VendorParts;
  readonly #table: SlotTable;
  /** The answers for SDKs, serialised once for each session. */
  readonly #bodies = new WeakMap<RoleSession, string>();
  /** Ends the waiting of those who wait for a flight. */
  readonly #waits = new Set<() => void>();

  constructor(parts: VendorParts) {
    this.#parts = parts;
    this.#table = new SlotTable(parts.chain, {
      ...parts,
      renewed: (slot) => this.#logRenewal(slot),
      failed: (slot, failure) => this.#logFailure(slot, failure),
    });
  }

  /**
   * The ECS body of the profile's session: at once where there is one that lasts.
   * @throws CredentialError
   */
  get(profile: string, narrowing?: Narrowing): string | Promise<string> {
    const slot = this.#table.askedFor(profile, narrowing);
    const session = atOnce(slot);
    return session ? this.#bodyOf(session) : this.#awaited(slot, profile).then((it) => this.#bodyOf(it));
  }

  /** The same, as a value. */
  async session(profile: string, narrowing?: Narrowing): Promise<RoleSession> {
    const slot = this.#table.askedFor(profile, narrowing);
    return atOnce(slot) ?? this.#awaited(slot, profile);
  }

  /** A new session now, whatever is held; and new ones for those who have the profile narrowed. */
  async renew(profile: string): Promise<RoleSession> {
    for (const { narrowing, slot } of this.#table.askedOf(profile))
      if (narrowing) slot.renew().catch(() => {});
    const outcome = await this.#table
      .askedFor(profile)
      .renew()
      .catch((error: CredentialError) => error);
    return sessionIn(outcome, profile) ?? Promise.reject(stillFetching(profile));
  }

  /**
   * The MFA device whose code the profile needs next, if any.
   * @throws CredentialError where what the code goes with cannot be had: it would be stale by then
   */
  async mfaDevice(profile: string): Promise<string | undefined> {
    const slot = this.#locked(profile);
    if (!slot) return undefined;
    try {
      await slot.source?.usable();
    } catch (error) {
      throw addressed(asCredentialError(error), profile);
    }
    return mfaOf(slot.step)?.serial;
  }

  /**
   * Obtains with a person's code what cannot be had without, and what waited for it. After a failure all is as it was.
   * @throws CredentialError
   */
  async unlock(profile: string, code: string): Promise<RoleSession> {
    const slot = this.#locked(profile);
    if (!slot) throw needsNoCode(profile);
    try {
      slot.put(await slot.provided(code));
    } catch (error) {
      throw addressed(asCredentialError(error), profile);
    }
    for (const other of this.#table.behind((step) => step === slot.step)) if (other !== slot) other.unblock();
    return slot.session ?? Promise.reject(stillFetching(profile));
  }

  /** The first step that asks for a code: one that holds no session before one that does. */
  #locked(profile: string): SessionSlot | undefined {
    const guarded: SessionSlot[] = [];
    for (const slot of this.#table.of(profile).andSources()) {
      if (mfaOf(slot.step)) guarded.unshift(slot);
    }
    return guarded.find(({ session }) => !session) ?? guarded[0];
  }

  /** Whether the session of that chain step is in memory, or on its way there. */
  isHeld(key: string): boolean {
    return this.#table.isHeld(key);
  }

  /** Drops the profile's sessions from memory and store. */
  forget(profile: string): void {
    this.#table.forget(profile);
  }

  /** Nobody holds a lease of the profile so narrowed any more: its session is not renewed. */
  release(profile: string, narrowing: Narrowing): void {
    this.#table.release(profile, narrowing);
  }

  /** What the steps of this kind failed for has been put right: all that failed behind them is tried again at once. */
  retry(concerned: (step: Step) => boolean): void {
    const asked = new Set(this.#table.asked.map(({ slot }) => slot));
    // All are looked at first: they share steps, and one clears the failure of another.
    const failed = this.#table.behind(concerned).filter(({ failure }) => failure);
    for (const slot of failed) if (!asked.has(slot)) slot.failure = undefined;
    for (const slot of failed) if (asked.has(slot)) slot.retry();
  }

  /** Drops every session that came from such a step, however narrowed. */
  forgetBehind(concerned: (step: Step) => boolean): void {
    for (const slot of this.#table.behind(concerned)) slot.forget();
  }

  /** The profiles' files changed: what is no longer determined by them is forgotten, all else untouched. */
  chainsChanged(): void {
    this.#table.chainsChanged();
  }

  /** Whoever waits for AWS gets what there is now: the daemon is about to stop. */
  answerAll(): void {
    for (const end of this.#waits) end();
  }

  /** How the profiles stand that were asked for since the daemon started. */
  states(): ProfileState[] {
    return this.#table.asked.map((asked) => stateOf(asked, this.#parts.clock));
  }

  /** Waits for the flight as long as an SDK would, then makes do with what there is. */
  async #awaited(slot: SessionSlot, profile: string): Promise<RoleSession> {
    const { session, standingFailure } = slot;
    if (standingFailure) return session ?? Promise.reject(addressed(standingFailure.error, profile));
    const flight = slot.obtain();
    if (session) await this.#within(LAST_MOMENT_WAIT, flight);
    if (slot.session) return slot.session;
    const outcome = await this.#within(FIRST_SESSION_WAIT, flight);
    return slot.session ?? sessionIn(outcome, profile) ?? Promise.reject(stillFetching(profile));
  }

  /** What comes of the flight, its failure too; undefined where that takes too long. */
  #within(wait: number, flight: Promise<Credentials>): Promise<Outcome> {
    return new Promise((resolve) => {
      const end = () => resolve(undefined);
      const cancel = this.#parts.clock.after(wait, end);
      this.#waits.add(end);
      flight.then(resolve, resolve).finally(() => {
        cancel();
        this.#waits.delete(end);
      });
    });
  }

  #bodyOf(session: RoleSession): string {
    const body = this.#bodies.get(session) ?? ecsBody(session);
    this.#bodies.set(session, body);
    return body;
  }

  #logRenewal({ step, session, renewsAt }: SessionSlot): void {
    this.#parts.renewed?.(step.profile, 'ok');
    const renews = renewsAt && wallTime(this.#parts.clock, renewsAt);
    this.#parts.log.info(
      { profile: step.profile, step: step.kind, expires: iso(session?.expiration), renews: iso(renews) },
      `new session for profile "${step.profile}"`,
    );
  }

  #logFailure({ step, session, source }: SessionSlot, { error, attempts }: Failure): void {
    this.#parts.renewed?.(step.profile, error.code);
    // Of a sign-in that is needed the sign-in tells, once for all the profiles behind it; of a source, that.
    if (isSignedOut(error) || error === source?.failure?.error) return;
    if (waitsForPerson(error)) {
      if (attempts > 1) return;
      this.#parts.needed?.(error);
    }
    this.#parts.log.warn(
      { profile: step.profile, step: step.kind, code: error.code, until: iso(session?.expiration) },
      session ? `${error.message} The session held goes on being served.` : error.message,
    );
  }
}

function needsNoCode(profile: string): CredentialError {
  return new CredentialError(
    'NoMfa',
    400,
    `Profile "${profile}" needs no code: neither it nor what is behind it has an mfa_serial.`,
  );
}

type Outcome = Credentials | CredentialError | undefined;

/** The session that needs no waiting; if it is due, it is renewed behind the answer. */
function atOnce(slot: SessionSlot): RoleSession | undefined {
  const { lasting } = slot;
  if (lasting) slot.renewIfDue();
  return lasting;
}

/** @throws CredentialError where the outcome is a failure */
function sessionIn(outcome: Outcome, profile: string): RoleSession | undefined {
  if (outcome instanceof CredentialError) throw addressed(outcome, profile);
  return outcome && isRoleSession(outcome) ? outcome : undefined;
}

function iso(time: number | undefined): string | undefined {
  return time !== undefined && Number.isFinite(time) ? new Date(time).toISOString() : undefined;
}
