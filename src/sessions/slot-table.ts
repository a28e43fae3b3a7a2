import { type Chain, describe, type Step } from '../aws/chain.js';
import { MfaRequired } from '../aws/mfa.js';
import type { Narrowing } from '../aws/narrowing.js';
import { SessionSlot, type SlotParts } from './session-slot.js';
import { KEPT_WARM } from './timing.js';

/** @throws CredentialError where the profile is unknown or broken, or cannot be narrowed so */
export type ResolveChain = (profile: string, narrowing?: Narrowing) => Chain;

/** What is asked for: a profile's session, as it is or narrowed further. */
export interface Asked {
  profile: string;
  narrowing: Narrowing | undefined;
  /** How it gets its credentials, in words. */
  source: string;
  slot: SessionSlot;
}

/** The slots of all steps that were resolved, and which of them somebody has asked for. */
export class SlotTable {
  readonly #chain: ResolveChain;
  readonly #slotParts: SlotParts;
  /** By the hash of everything that determines a step: fifty roles behind one source share it. */
  readonly #slots = new Map<string, SessionSlot>();
  readonly #asked = new Map<string, Asked>();
  readonly #narrowingKeys = new WeakMap<Narrowing, string>();

  constructor(chain: ResolveChain, slotParts: SlotParts) {
    this.#chain = chain;
    this.#slotParts = slotParts;
  }

  get asked(): Asked[] {
    return [...this.#asked.values()];
  }

  askedOf(profile: string): Asked[] {
    return this.asked.filter((it) => it.profile === profile);
  }

  /** The last slot of the profile's chain, for somebody who asks for its session now. */
  askedFor(profile: string, narrowing?: Narrowing): SessionSlot {
    const slot = this.#asked.get(this.#keyOf(profile, narrowing))?.slot ?? this.of(profile, narrowing);
    slot.lastAskedAt = this.#slotParts.clock.elapsed();
    return slot;
  }

  /** The same, from the chain as the files have it now. */
  of(profile: string, narrowing?: Narrowing): SessionSlot {
    if (narrowing && !this.#asked.has(this.#keyOf(profile, narrowing))) this.#dropLapsed();
    const chain = this.#chain(profile, narrowing);
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

  isHeld(key: string): boolean {
    const slot = this.#slots.get(key);
    return slot !== undefined && (slot.session !== undefined || slot.isFetching);
  }

  /** Every slot that such a step leads to, or is. */
  behind(concerned: (step: Step) => boolean): SessionSlot[] {
    return [...this.#slots.values()].filter((slot) => slot.rests(concerned));
  }

  /** Drops the profile's sessions. The slots stay: the roles behind them go on sharing them. */
  forget(profile: string): void {
    const forgotten = new Set([this.of(profile), ...this.askedOf(profile).map(({ slot }) => slot)]);
    for (const slot of forgotten) slot.forget();
    for (const [key, { slot }] of this.#asked) if (forgotten.has(slot)) this.#asked.delete(key);
  }

  /**
   * Nobody has the profile so narrowed any more: its session is left to lapse. It is not forgotten, as whoever narrows it
   * so next, in a loop perhaps, would need another, and for some a person's code.
   */
  release(profile: string, narrowing: Narrowing): void {
    const slot = this.#asked.get(this.#keyOf(profile, narrowing))?.slot;
    if (slot && this.asked.filter((other) => other.slot === slot).length === 1)
      slot.lastAskedAt = Number.NEGATIVE_INFINITY;
  }

  /** There may be many narrowings, one for each job say, that nobody asks for again. */
  #dropLapsed(): void {
    const since = this.#slotParts.clock.elapsed() - KEPT_WARM;
    const lapsed: SessionSlot[] = [];
    const used = new Set<SessionSlot>();
    for (const [key, { narrowing, slot }] of this.#asked) {
      if (narrowing && slot.lastAskedAt <= since && !slot.session && !slot.isFetching) {
        this.#asked.delete(key);
        lapsed.push(slot);
      } else for (const step of slot.andSources()) used.add(step);
    }
    for (const slot of lapsed) {
      if (used.has(slot)) continue;
      slot.forget();
      this.#slots.delete(slot.key);
    }
  }

  /** The profiles' files changed: what is no longer determined by them is forgotten, all else untouched. */
  chainsChanged(): void {
    const { asked } = this;
    this.#asked.clear();
    const current = new Set<string>();
    for (const { profile, narrowing, slot: before } of asked) {
      try {
        const slot = this.of(profile, narrowing);
        slot.lastAskedAt = Math.max(slot.lastAskedAt, before.lastAskedAt);
        for (let held: SessionSlot | undefined = slot; held; held = held.source) current.add(held.key);
      } catch {
        // Gone or broken now; its next caller is told.
      }
    }
    for (const [key, slot] of this.#slots) {
      // What prints a code may have been named, and is not part of the key.
      if (slot.failure?.error instanceof MfaRequired) slot.failure = undefined;
      if (current.has(key)) continue;
      slot.forget();
      this.#slots.delete(key);
    }
  }

  /** The same for equal narrowings; no name of a profile holds a NUL and JSON. */
  #keyOf(profile: string, narrowing: Narrowing | undefined): string {
    if (!narrowing) return profile;
    const known = this.#narrowingKeys.get(narrowing) ?? JSON.stringify(narrowing);
    this.#narrowingKeys.set(narrowing, known);
    return `${profile}\0${known}`;
  }
}
