import { dirname } from 'node:path';
import type { Clock } from '../system/clock.js';
import type { Ends, Peer } from '../system/peer.js';
import { ensurePrivateFolder } from '../system/private-files.js';
import { RotatedFile } from '../system/rotated-file.js';
import type { Lease } from './lease.js';
import { type Found, ProcessSearch } from './process-search.js';

/** One line of the trail. Times are milliseconds since the epoch. */
export interface AuditEntry {
  time: number;
  /** How often the same was asked for in the second that began then; once where it is left out. */
  count?: number;
  profile?: string;
  /** The id of the lease whose token was shown. */
  lease?: string;
  /** Of whoever asked, by the kernel's word; left out where it does not tell. */
  uid?: number;
  pid?: number;
  program?: string;
  /** What the client says of itself. */
  agent?: string;
  /** `200`, or the code of the error that it got instead. */
  outcome: string;
}

/** In place of lines that there was no room for. */
export interface AuditGap {
  time: number;
  lost: number;
}

/** What is known of a request when it is answered. */
export interface Asked {
  profile: string | undefined;
  lease: Lease | undefined;
  agent: string | undefined;
  outcome: string;
}

export interface Trail {
  /** Begins to find out who it is, as many clients are gone right after their answer; called when a connection is accepted. */
  watch(socket: Ends): void;
  note(socket: Ends, asked: Asked): void;
}

export interface AuditOptions {
  path: string;
  clock: Clock;
  peerOf(socket: Ends): Promise<Peer | undefined>;
  log: { warn(message: string): void };
}

export const VENDED = '200';
const FLUSH_EVERY = 1000;
/** Of this and one older file; about 30,000 lines each. */
const MOST_BYTES = 5 * 2 ** 20;
const LONGEST_NAME = 200;
/** So that a storm fills no memory. */
const MOST_PENDING = 5000;
/** Anybody on the machine can be refused; nobody is to wash the trail away with it. */
const MOST_REFUSALS_A_MINUTE = 120;

interface Pending {
  entry: AuditEntry;
  asked: Asked;
  /** While it is being found out who asked. */
  unknown: boolean;
  written: boolean;
}

/**
 * Who took what: lines that are gathered for a second, so that no answer waits for the disk. What a connection asks for
 * again within that second, or another of the same process, is one line with a count: a client that asks for every
 * request it signs, thousands of times a second, costs a line a second.
 */
export class Audit implements Trail {
  readonly #options: AuditOptions;
  readonly #file: RotatedFile;
  readonly #search: ProcessSearch;
  readonly #latest = new WeakMap<Ends, Pending>();
  readonly #who = new WeakMap<Ends, Promise<Found>>();
  readonly #lastUses = new Map<string, AuditEntry>();
  #pending: Pending[] = [];
  #lost = 0;
  #refusals = { since: Number.NEGATIVE_INFINITY, count: 0 };
  /** Why lines are lost. */
  problem: string | undefined;
  #cancelFlush: (() => void) | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(options: AuditOptions) {
    this.#options = options;
    this.#file = new RotatedFile(options.path, MOST_BYTES);
    this.#search = new ProcessSearch(options.clock);
  }

  watch(socket: Ends): void {
    this.#whoIs(socket);
  }

  note(socket: Ends, asked: Asked): void {
    const latest = this.#latest.get(socket);
    if (latest && !latest.written && isSame(latest.asked, asked)) {
      latest.entry.count = (latest.entry.count ?? 1) + 1;
      return;
    }
    this.#begin(socket, asked);
  }

  /** The last time that somebody got credentials of this profile from this daemon. */
  lastUse(profile: string): AuditEntry | undefined {
    return this.#lastUses.get(profile);
  }

  /** Writes what is known, and what is not known yet with the next flush; at the end, everything. */
  async flush(final = false): Promise<void> {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    if (final) await this.#search.finish();
    const ready = this.#pending.filter(({ unknown }) => final || !unknown);
    this.#pending = this.#pending.filter(({ unknown }) => !final && unknown);
    for (const it of ready) it.written = true;
    if (this.#pending.length > 0) this.#flushLater();
    this.#writing = this.#writing.then(() => this.#write(merged(ready.map(({ entry }) => entry))));
    await this.#writing;
  }

  close(): Promise<void> {
    return this.flush(true);
  }

  #begin(socket: Ends, asked: Asked): void {
    const time = this.#options.clock.now();
    if (asked.lease && asked.outcome === VENDED) asked.lease.lastUsedAt = time;
    if (this.#isTooMuch(asked, time)) {
      this.#lost++;
      return;
    }
    const entry: AuditEntry = {
      time,
      ...(asked.profile ? { profile: short(asked.profile) } : {}),
      ...(asked.lease ? { lease: asked.lease.id } : {}),
      ...(asked.agent ? { agent: short(asked.agent) } : {}),
      outcome: asked.outcome,
    };
    const pending: Pending = { entry, asked, unknown: true, written: false };
    this.#latest.set(socket, pending);
    this.#pending.push(pending);
    if (asked.profile && asked.outcome === VENDED) this.#lastUses.set(asked.profile, entry);
    this.#flushLater();
    this.#whoIs(socket).then((found) => {
      Object.assign(entry, found);
      pending.unknown = false;
    });
  }

  #whoIs(socket: Ends): Promise<Found> {
    const who = this.#who.get(socket) ?? this.#search.find(this.#options.peerOf(socket));
    this.#who.set(socket, who);
    return who;
  }

  #isTooMuch({ outcome }: Asked, now: number): boolean {
    if (outcome === VENDED) return this.#pending.length >= MOST_PENDING;
    if (now - this.#refusals.since >= 60_000) this.#refusals = { since: now, count: 0 };
    return ++this.#refusals.count > MOST_REFUSALS_A_MINUTE;
  }

  async #write(entries: (AuditEntry | AuditGap)[]): Promise<void> {
    const lost = this.#lost;
    if (lost > 0) entries.push({ time: this.#options.clock.now(), lost });
    if (entries.length === 0) return;
    try {
      this.#lost = 0;
      await ensurePrivateFolder(dirname(this.#options.path));
      await this.#file.append(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
      this.problem = undefined;
    } catch (error) {
      this.#lost += lost + entries.length - (lost > 0 ? 1 : 0);
      const problem = `the audit trail cannot be written, so lines of it are lost: ${(error as Error).message}`;
      if (!this.problem) this.#options.log.warn(problem);
      this.problem = problem;
    }
  }

  #flushLater(): void {
    this.#cancelFlush ??= this.#options.clock.after(FLUSH_EVERY, () => void this.flush());
  }
}

function isSame(one: Asked, other: Asked): boolean {
  return (
    one.profile === other.profile &&
    one.lease === other.lease &&
    one.outcome === other.outcome &&
    one.agent === other.agent
  );
}

/** Lines that differ in their time alone become one. */
function merged(entries: readonly AuditEntry[]): (AuditEntry | AuditGap)[] {
  const byWho = new Map<string, AuditEntry>();
  for (const { time, count = 1, profile, lease, uid, pid, program, agent, outcome } of entries) {
    const key = JSON.stringify([profile, lease, uid, pid, program, agent, outcome]);
    const before = byWho.get(key);
    const line = { profile, lease, uid, pid, program, agent, outcome };
    const sum = (before?.count ?? (before ? 1 : 0)) + count;
    byWho.set(key, { time: before?.time ?? time, ...(sum > 1 ? { count: sum } : {}), ...line } as AuditEntry);
  }
  return [...byWho.values()];
}

/** It is shown on terminals, and anybody may have made it up. */
function short(text: string): string {
  return text.slice(0, LONGEST_NAME).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, ' ');
}
