import { randomBytes, timingSafeEqual } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Narrowing } from '../aws/narrowing.js';
import type { Clock } from '../system/clock.js';
import { ensurePrivateFolder, writePrivateFile } from '../system/private-files.js';
import { isRunning, type ProcessIdentity } from '../system/process.js';

/** The right to fetch one profile's credentials with one token. */
export interface Lease {
  id: string;
  profile: string;
  /** What its sessions are limited to beyond the profile's own settings. */
  narrowing?: Narrowing;
  /** Milliseconds since the epoch. */
  expiresAt: number;
  /** The process that the lease ends with. */
  holder?: ProcessIdentity;
  /** Holds the token alone, for SDKs that read it from a file. */
  tokenFile: string;
}

export interface Grant {
  lease: Lease;
  token: string;
}

const DEFAULT_TTL = 12 * 3600_000;
const SWEEP_EVERY = 15_000;

/** What has been handed out. A lease ends when it is revoked, when its time is over, or with its process. */
export class Leases {
  readonly #folder: string;
  readonly #clock: Clock;
  readonly #byToken = new Map<string, Lease>();
  #cancelSweep: (() => void) | undefined;

  constructor(options: { folder: string; clock: Clock }) {
    this.#folder = options.folder;
    this.#clock = options.clock;
  }

  async grant(request: {
    profile: string;
    narrowing?: Narrowing;
    ttl?: number;
    holder?: ProcessIdentity;
  }): Promise<Grant> {
    const id = randomBytes(6).toString('hex');
    const token = newToken();
    const tokenFile = join(this.#folder, `lease-${id}`);
    await ensurePrivateFolder(this.#folder);
    await writePrivateFile(tokenFile, token);
    const lease: Lease = {
      id,
      profile: request.profile,
      expiresAt: this.#clock.now() + (request.ttl ?? DEFAULT_TTL),
      tokenFile,
      ...(request.narrowing ? { narrowing: request.narrowing } : {}),
      ...(request.holder ? { holder: request.holder } : {}),
    };
    this.#byToken.set(token, lease);
    this.#sweepLater();
    return { lease, token };
  }

  /** The lease of a token, while it lasts. */
  find(token: string): Lease | undefined {
    const lease = this.#byToken.get(token);
    return lease && lease.expiresAt > this.#clock.now() ? lease : undefined;
  }

  /** False where there is no such lease. */
  async end(id: string): Promise<boolean> {
    for (const [token, lease] of this.#byToken) {
      if (lease.id !== id) continue;
      this.#byToken.delete(token);
      // A file that stays holds a token that is good for nothing any more.
      await rm(lease.tokenFile, { force: true }).catch(() => {});
      return true;
    }
    return false;
  }

  async close(): Promise<void> {
    this.#cancelSweep?.();
    await Promise.all([...this.#byToken.values()].map((lease) => this.end(lease.id)));
  }

  async #sweep(): Promise<void> {
    for (const lease of [...this.#byToken.values()]) {
      const over = lease.expiresAt <= this.#clock.now() || (lease.holder && !(await isRunning(lease.holder)));
      if (over) await this.end(lease.id);
    }
    this.#cancelSweep = undefined;
    if (this.#byToken.size > 0) this.#sweepLater();
  }

  #sweepLater(): void {
    this.#cancelSweep ??= this.#clock.after(SWEEP_EVERY, () => this.#sweep());
  }
}

/** 32 random bytes in base64url: ASCII without spaces, as every SDK takes it. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

/** Compares in constant time. */
export function isToken(given: string, expected: Buffer): boolean {
  const bytes = Buffer.from(given);
  return bytes.length === expected.length && timingSafeEqual(bytes, expected);
}
