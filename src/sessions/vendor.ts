import { type Chain, describe, type Step } from '../aws/chain.js';
import type { Credentials } from '../aws/credentials.js';
import { mfaOf } from '../aws/mfa.js';
import type { Narrowing } from '../aws/narrowing.js';
import { CredentialError } from '../errors.js';
import { ecsBody, isRoleSession, type RoleSession } from './role-session.js';
import { addressed, asCredentialError, stillFetching } from './session-error.js';
import { type Failure, SessionSlot, type SlotParts } from './session-slot.js';
import { FIRST_SESSION_WAIT, LAST_MOMENT_WAIT } from './timing.js';

export interface VendorParts extends Omit<SlotParts, 'failed' | 'renewed'> {
  /** @throws CredentialError where the profile is unknown or broken, or cannot be narrowed so */
  chain(profile: string, narrowing?: Narrowing): Chain;
  /** A session was obtained, `ok`, or could not be, for the reason of that code. */
  renewed?(profile: string, outcome: string): void;
  log: {
    info(context: object, message: string): void;
    warn(context: object, message: string): void;
  };
}

export interface ProfileState {
  profile: string;
  source: string;
  state: 'ready' | 'pending' | 'failed' | 'lapsed';
  expiresAt?: number;
  renewsAt?: number;
  lastAskedAt?: number;
  lastError?: { code: string; message: string; at: number };
}

/** What is asked for: a profile's session, as it is or narrowed further. */
interface Asked {
  profile: string;
  narrowing: Narrowing | undefined;
  /** How it gets its credentials, in words. */
  source: string;
  slot: SessionSlot;
}

/** Hands out the role session of a profile: from memory, else the store, else AWS, and keeps it fresh. */
export class Vendor {
  readonly #parts: VendorParts;
  readonly #slotParts: SlotParts;
  /** By the hash of everything that determines a step: fifty roles behind one source share it. */
  readonly #slots = new Map<string, SessionSlot>();
  readonly #asked = new Map<string, Asked>();
  readonly #narrowingKeys = new WeakMap<Narrowing, string>();
  /** The answers for SDKs, serialised once for each session. */
  readonly #bodies = new WeakMap<RoleSession, string>();
  /** Ends the waiting of those who wait for a flight. */
  readonly #waits = new Set<() => void>();

  constructor(parts: VendorParts) {
    this.#parts = parts;
    this.#slotParts = {
      ...parts,
      renewed: (slot) => this.#logRenewal(slot),
      failed: (slot, failure) => this.#logFailure(slot, failure),
    };
  }

  /**
   * The ECS body of the profile's session: at once where there is one that lasts.
   * @throws CredentialError
   */
  get(profile: string, narrowing?: Narrowing): string | Promise<string> {
    const slot = this.#askedFor(profile, narrowing);
    const session = atOnce(slot);
    return session ? this.#bodyOf(session) : this.#awaited(slot, profile).then((it) => this.#bodyOf(it));
  }

  /** The same, as a value. */
  async session(profile: string, narrowing?: Narrowing): Promise<RoleSession> {
    const slot = this.#askedFor(profile, narrowing);
    return atOnce(slot) ?? this.#awaited(slot, profile);
  }

  /** A new session now, whatever is held; and new ones for those who have the profile narrowed. */
  async renew(profile: string): Promise<RoleSession> {
    for (const { narrowing, slot } of this.#askedOf(profile)) if (narrowing) slot.renew().catch(() => {});
    const outcome = await this.#askedFor(profile)
      .renew()
      .catch((error: CredentialError) => error);
    return sessionIn(outcome, profile) ?? Promise.reject(stillFetching(profile));
  }

  /** The MFA device whose code the profile needs next, if any. */
  mfaDevice(profile: string): string | undefined {
    const slot = this.#locked(profile);
    return slot && mfaOf(slot.step)?.serial;
  }

  /**
   * Obtains with a person's code what cannot be had without, and what waited for it. After a failure all is as it was.
   * @throws CredentialError
   */
  async unlock(profile: string, code: string): Promise<RoleSession> {
    const slot = this.#locked(profile);
    if (!slot) throw needsNoCode(profile);
    try {
      const source = await slot.source?.usable();
      slot.put(await this.#parts.provide(slot.step, source, code));
    } catch (error) {
      throw addressed(asCredentialError(error), profile);
    }
    for (const other of this.#slots.values()) if (isBehind(other, slot)) other.unblock();
    return slot.session ?? Promise.reject(stillFetching(profile));
  }

  /** The first step that asks for a code: one that holds no session before one that does. */
  #locked(profile: string): SessionSlot | undefined {
    const guarded: SessionSlot[] = [];
    for (let slot: SessionSlot | undefined = this.#slot(profile); slot; slot = slot.source) {
      if (mfaOf(slot.step)) guarded.unshift(slot);
    }
    return guarded.find(({ session }) => !session) ?? guarded[0];
  }

  /** Drops the profile's sessions from memory and store. */
  forget(profile: string): void {
    const forgotten = new Set([this.#slot(profile), ...this.#askedOf(profile).map(({ slot }) => slot)]);
    for (const slot of forgotten) slot.forget();
    // The slots stay: the roles behind them go on sharing them.
    for (const [key, { slot }] of this.#asked) if (forgotten.has(slot)) this.#asked.delete(key);
  }

  /** What the steps of this kind failed for has been put right: all that failed behind them is tried again at once. */
  retry(concerned: (step: Step) => boolean): void {
    const asked = new Set([...this.#asked.values()].map(({ slot }) => slot));
    // All are looked at first: they share steps, and one clears the failure of another.
    const failed = [...this.#slots.values()].filter((slot) => slot.failure && slot.rests(concerned));
    for (const slot of failed) if (!asked.has(slot)) slot.failure = undefined;
    for (const slot of failed) if (asked.has(slot)) slot.retry();
  }

  /** Drops every session that came from such a step, however narrowed, and what is stored for these profiles. */
  forgetBehind(concerned: (step: Step) => boolean, profiles: Iterable<string>): void {
    for (const slot of this.#slots.values()) if (slot.rests(concerned)) slot.forget();
    const keys = new Set([...profiles].flatMap((profile) => this.#keysBehind(concerned, profile)));
    for (const key of keys) if (!this.#slots.has(key)) this.#parts.store.drop(key);
  }

  #keysBehind(concerned: (step: Step) => boolean, profile: string): string[] {
    try {
      const { steps, keys } = this.#parts.chain(profile);
      const first = steps.findIndex(concerned);
      return first < 0 ? [] : keys.slice(first);
    } catch {
      return [];
    }
  }

  /** The profiles' files changed: what is no longer determined by them is forgotten, all else untouched. */
  chainsChanged(): void {
    const asked = [...this.#asked.values()];
    this.#asked.clear();
    const current = new Set<string>();
    for (const { profile, narrowing, slot: before } of asked) {
      try {
        const slot = this.#slot(profile, narrowing);
        slot.lastAskedAt = Math.max(slot.lastAskedAt, before.lastAskedAt);
        for (let held: SessionSlot | undefined = slot; held; held = held.source) current.add(held.key);
      } catch {
        // Gone or broken now; its next caller is told.
      }
    }
    for (const [key, slot] of this.#slots) {
      if (current.has(key)) continue;
      slot.forget();
      this.#slots.delete(key);
    }
  }

  /** Whoever waits for AWS gets what there is now: the daemon is about to stop. */
  answerAll(): void {
    for (const end of this.#waits) end();
  }

  /** How the profiles stand that were asked for since the daemon started. */
  states(): ProfileState[] {
    return [...this.#asked.values()].map(stateOf);
  }

  #askedFor(profile: string, narrowing?: Narrowing): SessionSlot {
    const slot = this.#asked.get(this.#keyOf(profile, narrowing))?.slot ?? this.#slot(profile, narrowing);
    slot.lastAskedAt = this.#parts.clock.now();
    return slot;
  }

  #askedOf(profile: string): Asked[] {
    return [...this.#asked.values()].filter((it) => it.profile === profile);
  }

  /** The same for equal narrowings; no name of a profile holds a NUL and JSON. */
  #keyOf(profile: string, narrowing: Narrowing | undefined): string {
    if (!narrowing) return profile;
    const known = this.#narrowingKeys.get(narrowing) ?? JSON.stringify(narrowing);
    this.#narrowingKeys.set(narrowing, known);
    return `${profile}\0${known}`;
  }

  #slot(profile: string, narrowing?: Narrowing): SessionSlot {
    const chain = this.#parts.chain(profile, narrowing);
    let slot: SessionSlot | undefined;
    for (const [index, step] of chain.steps.entries()) {
      const key = chain.keys[index] as string;
      slot = this.#slots.get(key) ?? new SessionSlot(key, step, slot, this.#slotParts);
      slot.step = step;
      this.#slots.set(key, slot);
    }
    const asked = { profile, narrowing, source: describe(chain.steps), slot: slot as SessionSlot };
    this.#asked.set(this.#keyOf(profile, narrowing), asked);
    return asked.slot;
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
    this.#parts.log.info(
      { profile: step.profile, step: step.kind, expires: iso(session?.expiration), renews: iso(renewsAt) },
      `new session for profile "${step.profile}"`,
    );
  }

  #logFailure({ step, session }: SessionSlot, { error }: Failure): void {
    this.#parts.renewed?.(step.profile, error.code);
    // Of a sign-in that is needed the sign-in tells, once for all the profiles behind it.
    if (error.code === 'SsoLoginRequired') return;
    this.#parts.log.warn(
      { profile: step.profile, step: step.kind, code: error.code, until: iso(session?.expiration) },
      session ? `${error.message} The session held goes on being served.` : error.message,
    );
  }
}

function isBehind(slot: SessionSlot, unlocked: SessionSlot): boolean {
  for (let { source } = slot; source; { source } = source) if (source === unlocked) return true;
  return false;
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

function stateOf({ profile, source, slot }: Asked): ProfileState {
  const { session, failure, isFetching, lastAskedAt, renewsAt } = slot;
  return {
    profile,
    source,
    state: session ? 'ready' : isFetching ? 'pending' : failure ? 'failed' : 'lapsed',
    ...(session ? { expiresAt: session.expiration } : {}),
    ...(renewsAt ? { renewsAt } : {}),
    ...(lastAskedAt > 0 ? { lastAskedAt } : {}),
    ...(failure ? { lastError: lastError(failure, profile) } : {}),
  };
}

function lastError({ error, at }: Failure, profile: string): ProfileState['lastError'] {
  const { code, message } = addressed(error, profile);
  return { code, message, at };
}

function iso(time: number | undefined): string | undefined {
  return time !== undefined && Number.isFinite(time) ? new Date(time).toISOString() : undefined;
}
