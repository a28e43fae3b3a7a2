import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Narrowing } from '../aws/narrowing.js';
import { CredentialError } from '../errors.js';
import type { Clock } from '../system/clock.js';
import { ensurePrivateFolder, writePrivateFile } from '../system/private-files.js';
import { isRunning } from '../system/process.js';
import { sharedReading } from '../system/shared-reading.js';
import type { Grant, Lease, LeaseTerms } from './lease.js';
import { readLeases, writeLeases } from './lease-file.js';

export interface LeasesOptions {
  /** For the token files. */
  folder: string;
  clock: Clock;
  /** Where they are kept for the next daemon, by the hashes of their tokens; without it they end with this one. */
  file?: string;
  log?: { warn(message: string): void };
  /** Told of each that has ended, for whatever reason. */
  ended?(lease: Lease): void;
}

const DEFAULT_TTL = 12 * 3600_000;
const SWEEP_EVERY = 15_000;

/** What has been handed out. A lease ends when it is revoked, when its time is over, or with its process. */
export class Leases {
  readonly #options: LeasesOptions;
  /** All of them. */
  readonly #byHash = new Map<string, Lease>();
  /** Those whose token is known: it was handed out, or shown, since this daemon started. A hash for each request costs too much. */
  readonly #byToken = new Map<string, Lease>();
  readonly #save: () => Promise<void>;
  #cancelSweep: (() => void) | undefined;
  /** The file does not say how things stand: a lease that was taken back may still be in it. */
  #unwritten = false;
  #problem: string | undefined;
  #sweeping: Promise<void> | undefined;

  constructor(options: LeasesOptions) {
    this.#options = options;
    // Of many changes at once, one writing carries all.
    this.#save = sharedReading(async () => {
      if (options.file) await this.#write(options.file);
    });
  }

  /** Why those that are handed out now end with this daemon. */
  get problem(): string | undefined {
    return this.#problem && `${this.#problem}. New leases will end when the daemon stops.`;
  }

  /**
   * Takes up what an earlier daemon has handed out and what has not ended since.
   * @throws CredentialError `NotPrivate` where others could have changed it
   */
  async restore(): Promise<void> {
    const { file, log } = this.#options;
    const kept = file ? await readLeases(file) : new Map<string, Lease>();
    if (!kept) return log?.warn(`${file} is damaged: the leases in it are lost, so programs need new ones`);
    for (const [hash, lease] of kept) this.#byHash.set(hash, lease);
    await this.#sweep();
  }

  async grant({ profile, narrowing, ttl, holder, container }: LeaseTerms): Promise<Grant> {
    const id = randomBytes(6).toString('hex');
    const token = newToken();
    const now = this.#options.clock.now();
    const lease: Lease = {
      id,
      profile,
      ...(narrowing ? { narrowing } : {}),
      grantedAt: now,
      ...(holder && ttl === undefined ? {} : { expiresAt: now + (ttl ?? DEFAULT_TTL) }),
      ...(holder ? { holder } : {}),
      ...(container ? { container } : { tokenFile: await this.#tokenFile(id, token) }),
    };
    this.#byHash.set(hashOf(token), lease);
    this.#byToken.set(token, lease);
    this.#sweepLater();
    await this.#save().catch(() => this.#options.log?.warn(String(this.problem)));
    return { lease, token };
  }

  /** The lease of a token, while it lasts. */
  find(token: string): Lease | undefined {
    const lease = this.#byToken.get(token) ?? this.#recognise(token);
    return lease && !this.#isOver(lease) ? lease : undefined;
  }

  list(): Lease[] {
    return [...this.#byHash.values()].filter((lease) => !this.#isOver(lease));
  }

  /** Whether somebody has the profile narrowed exactly so. */
  isHeld(profile: string, narrowing: Narrowing): boolean {
    const same = JSON.stringify(narrowing);
    return this.list().some((lease) => lease.profile === profile && JSON.stringify(lease.narrowing) === same);
  }

  /**
   * False where there is no such lease.
   * @throws CredentialError `CannotWrite`: the lease has ended, but until that can be written the next daemon would not know
   */
  async end(id: string): Promise<boolean> {
    const ended = await this.#drop(id);
    if (ended) await this.#save().catch((error: Error) => Promise.reject(notWritten(id, error)));
    return ended;
  }

  /** Those that outlive the daemon keep their token files. */
  async close(): Promise<void> {
    // One that went on would write over the next daemon's leases.
    await this.#sweeping;
    this.#cancelSweep?.();
    const { file } = this.#options;
    const all = [...this.#byHash.values()];
    const ending = file ? all.filter((lease) => this.#isOver(lease)) : all;
    await Promise.all(ending.map(({ id }) => this.#drop(id)));
    if (file && (all.length > 0 || this.#unwritten)) {
      await this.#save().catch((error: Error) => this.#options.log?.warn(error.message));
    }
    this.#cancelSweep?.();
  }

  async #tokenFile(id: string, token: string): Promise<string> {
    const { folder } = this.#options;
    const path = join(folder, `lease-${id}`);
    await ensurePrivateFolder(folder);
    await writePrivateFile(path, token);
    return path;
  }

  async #write(file: string): Promise<void> {
    this.#unwritten = true;
    try {
      await writeLeases(file, this.#byHash);
      this.#unwritten = false;
      this.#problem = undefined;
    } catch (error) {
      this.#problem = (error as Error).message;
      throw error;
    } finally {
      if (this.#unwritten) this.#sweepLater();
    }
  }

  #recognise(token: string): Lease | undefined {
    if (this.#byToken.size === this.#byHash.size) return undefined;
    const lease = this.#byHash.get(hashOf(token));
    if (lease) this.#byToken.set(token, lease);
    return lease;
  }

  #isOver({ expiresAt }: Lease): boolean {
    return expiresAt !== undefined && expiresAt <= this.#options.clock.now();
  }

  async #drop(id: string): Promise<boolean> {
    const lease = take(this.#byHash, id);
    take(this.#byToken, id);
    // A file that stays holds a token that is good for nothing any more.
    if (lease) this.#options.ended?.(lease);
    if (lease?.tokenFile) await rm(lease.tokenFile, { force: true }).catch(() => {});
    return lease !== undefined;
  }

  async #sweep(): Promise<void> {
    this.#cancelSweep = undefined;
    let dropped = false;
    for (const lease of [...this.#byHash.values()]) {
      const over = this.#isOver(lease) || (lease.holder && !(await isRunning(lease.holder)));
      if (over) dropped = (await this.#drop(lease.id)) || dropped;
    }
    if (this.#byHash.size > 0) this.#sweepLater();
    // What cannot be written now is tried again with the next sweep.
    if (dropped || this.#unwritten) await this.#save().catch(() => {});
  }

  #sweepLater(): void {
    this.#cancelSweep ??= this.#options.clock.after(SWEEP_EVERY, () => {
      this.#sweeping = this.#sweep();
    });
  }
}

function notWritten(id: string, { message }: Error): CredentialError {
  return new CredentialError(
    'CannotWrite',
    503,
    `Lease ${id} has ended, but that cannot be noted (${message}). Until it can, a restart of credd brings the lease back.`,
  );
}

function take(leases: Map<string, Lease>, id: string): Lease | undefined {
  for (const [key, lease] of leases) {
    if (lease.id !== id) continue;
    leases.delete(key);
    return lease;
  }
  return undefined;
}

/** 32 random bytes in base64url: ASCII without spaces, as every SDK takes it. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

/** Enough for what is random itself: nobody can try all tokens. */
function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}

/** Compares in constant time. */
export function isToken(given: string, expected: Buffer): boolean {
  const bytes = Buffer.from(given);
  return bytes.length === expected.length && timingSafeEqual(bytes, expected);
}
