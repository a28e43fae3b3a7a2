import { type Chain, describe } from '../aws/chain.js';
import { CredentialError } from '../errors.js';
import type { RoleSession } from './role-session.js';
import { type Failure, SessionSlot, type SlotParts } from './session-slot.js';
import { FIRST_SESSION_WAIT, isEnding, LAST_MOMENT_WAIT } from './timing.js';

export interface VendorParts extends Omit<SlotParts, 'failed' | 'renewed'> {
  /** @throws CredentialError where the profile is unknown or broken */
  chain(profile: string): Chain;
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

/** Hands out the role session of a profile: from memory, else the store, else AWS, and keeps it fresh. */
export class Vendor {
  readonly #parts: VendorParts;
  readonly #slotParts: SlotParts;
  /** By the hash of everything that determines a step: fifty roles behind one source share it. */
  readonly #slots = new Map<string, SessionSlot>();
  readonly #byProfile = new Map<string, SessionSlot>();

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
  get(profile: string): Buffer | Promise<Buffer> {
    const slot = this.#asked(profile);
    const { session } = slot;
    if (session && !isEnding(session, slot.lastAskedAt)) {
      slot.renewIfDue();
      return slot.body;
    }
    return this.#settle(slot).then(() => slot.body);
  }

  /** The same, as a value. */
  async session(profile: string): Promise<RoleSession> {
    const slot = this.#asked(profile);
    const { session } = slot;
    if (session && !isEnding(session, slot.lastAskedAt)) {
      slot.renewIfDue();
      return session;
    }
    return this.#settle(slot);
  }

  /** A new session now, whatever is held. */
  async renew(profile: string): Promise<RoleSession> {
    const slot = this.#asked(profile);
    await slot.renew();
    return heldBy(slot, profile);
  }

  /** Drops the profile's session from memory and store. */
  forget(profile: string): void {
    const slot = this.#slot(profile);
    slot.forget();
    this.#slots.delete(slot.key);
    for (const [name, held] of this.#byProfile) if (held === slot) this.#byProfile.delete(name);
  }

  /** The profiles' files changed: what is no longer determined by them is forgotten, all else untouched. */
  chainsChanged(): void {
    const profiles = [...this.#byProfile.entries()];
    this.#byProfile.clear();
    const current = new Set<string>();
    for (const [profile, before] of profiles) {
      try {
        const slot = this.#slot(profile);
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

  /** How the profiles stand that were asked for since the daemon started. */
  states(): ProfileState[] {
    return [...this.#byProfile].map(([profile, slot]) => stateOf(profile, slot, this.#parts.chain(profile)));
  }

  #asked(profile: string): SessionSlot {
    const slot = this.#byProfile.get(profile) ?? this.#slot(profile);
    slot.lastAskedAt = this.#parts.clock.now();
    return slot;
  }

  #slot(profile: string): SessionSlot {
    const chain = this.#parts.chain(profile);
    let slot: SessionSlot | undefined;
    for (const [index, step] of chain.steps.entries()) {
      const key = chain.keys[index] as string;
      slot = this.#slots.get(key) ?? new SessionSlot(key, step, slot, this.#slotParts);
      this.#slots.set(key, slot);
    }
    this.#byProfile.set(profile, slot as SessionSlot);
    return slot as SessionSlot;
  }

  /** Waits for the flight as long as an SDK would, then makes do with what there is. */
  async #settle(slot: SessionSlot): Promise<RoleSession> {
    const { profile } = slot.step;
    const failure = slot.rememberedFailure;
    if (!failure) {
      const wait = slot.session ? LAST_MOMENT_WAIT : FIRST_SESSION_WAIT;
      const flight = slot.obtain();
      const outcome = await this.#within(wait, flight).catch((error: CredentialError) => error);
      if (outcome instanceof CredentialError && !slot.session) throw outcome;
    } else if (!slot.session) {
      throw failure.error;
    }
    return heldBy(slot, profile);
  }

  #within(wait: number, flight: Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const cancel = this.#parts.clock.after(wait, () => resolve(undefined));
      flight.then(resolve, reject).finally(cancel);
    });
  }

  #logRenewal({ step, session, dueAt }: SessionSlot): void {
    this.#parts.log.info(
      { profile: step.profile, step: step.kind, expires: iso(session?.expiration), renews: iso(dueAt) },
      `new session for profile "${step.profile}"`,
    );
  }

  #logFailure({ step, session }: SessionSlot, { error }: Failure): void {
    this.#parts.log.warn(
      { profile: step.profile, step: step.kind, code: error.code, until: iso(session?.expiration) },
      session ? `${error.message} The session held goes on being served.` : error.message,
    );
  }
}

function heldBy(slot: SessionSlot, profile: string): RoleSession {
  if (slot.session) return slot.session;
  throw new CredentialError(
    'StillFetching',
    503,
    `Profile "${profile}": AWS has not answered yet; credd goes on asking. Try again in a few seconds.`,
  );
}

function stateOf(profile: string, slot: SessionSlot, chain: Chain): ProfileState {
  const { session, failure } = slot;
  return {
    profile,
    source: describe(chain.steps),
    state: session ? 'ready' : failure ? 'failed' : slot.lastAskedAt > 0 ? 'pending' : 'lapsed',
    ...(session ? { expiresAt: session.expiration } : {}),
    ...(session && Number.isFinite(slot.dueAt) ? { renewsAt: slot.dueAt } : {}),
    ...(slot.lastAskedAt > 0 ? { lastAskedAt: slot.lastAskedAt } : {}),
    ...(failure
      ? { lastError: { code: failure.error.code, message: failure.error.message, at: failure.at } }
      : {}),
  };
}

function iso(time: number | undefined): string | undefined {
  return time !== undefined && Number.isFinite(time) ? new Date(time).toISOString() : undefined;
}
