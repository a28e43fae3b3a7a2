import { lookAgain } from '../aws/look-again.js';
import { signOut } from '../aws/sso-accounts.js';
import { type OidcParts, renewedToken } from '../aws/sso-oidc.js';
import type { SsoSignIn } from '../aws/sso-sign-in.js';
import { isRenewable, type Lack, type SsoToken } from '../aws/sso-token.js';
import { CredentialError } from '../errors.js';
import { wallTime } from '../system/clock.js';
import { CachedToken } from './cached-token.js';
import type { Refresher } from './refresher.js';
import { asCredentialError, isSignedOut } from './session-error.js';
import { SingleFlight } from './single-flight.js';
import { failureMemory, type Random, renewalDue, retryDelay } from './timing.js';

export interface HeldTokenParts extends OidcParts {
  refresher: Refresher;
  random: Random;
  /** A token that will end, and cannot be renewed any more. */
  ending(signIn: SsoSignIn, expiresAt: number): void;
  /** What was renewed cannot be written to the CLI's cache, or, without an error, can be again. */
  unwritten(signIn: SsoSignIn, error?: CredentialError): void;
}

/** The token of one sign-in, and its silent renewal. */
export class HeldToken {
  readonly #about: SsoSignIn;
  readonly #parts: HeldTokenParts;
  /** A token is there, perhaps again. */
  readonly #arrived: (token: SsoToken) => void;
  readonly #cached: CachedToken;
  readonly #renewal = new SingleFlight<SsoToken>();
  /** A refresh token, or access token, that Identity Center has refused for good. */
  readonly #refused = new Set<string>();
  #seen: { accessToken: string; at: number } | undefined;
  /** In `elapsed` time. */
  #dueAt: number | undefined;
  #failure: { error: CredentialError; at: number; attempts: number } | undefined;

  constructor(about: SsoSignIn, parts: HeldTokenParts, arrived: (token: SsoToken) => void) {
    this.#about = about;
    this.#parts = parts;
    this.#arrived = arrived;
    this.#cached = new CachedToken(about.key, parts, (error) => parts.unwritten(about, error));
  }

  get lastFailure(): { error: CredentialError; at: number } | undefined {
    return this.#failure ?? this.#cached.trouble;
  }

  /** When it is renewed though nobody asks. */
  get renewsAt(): number | undefined {
    const { clock } = this.#parts;
    const due = this.#dueAt;
    return due !== undefined && due > clock.elapsed() ? wallTime(clock, due) : undefined;
  }

  isGood(token: SsoToken): boolean {
    return token.expiresAt > this.#now() && !this.#refused.has(token.accessToken);
  }

  canRenew(token: SsoToken): boolean {
    return isRenewable(token, this.#now()) && !this.#refused.has(token.refreshToken ?? '');
  }

  /** Identity Center does not take this access token any more. */
  refuse({ accessToken }: SsoToken): void {
    this.#refused.add(accessToken);
  }

  /** What the cache holds now: what was read while a renewal replaced it is old already, and is read again. */
  async read(): Promise<SsoToken | Lack> {
    for (;;) {
      const seen = this.#seen;
      const token = await this.#cached.read();
      if (this.#seen === seen) return token;
    }
  }

  /** What a new sign-in is to replace. @throws CredentialError where its token could not be written */
  replaceable(): Promise<SsoToken | Lack> {
    return this.#cached.replaceable();
  }

  /** As `read`; a file that somebody is writing is read when it is whole. */
  readWhole(): Promise<SsoToken | Lack> {
    const { clock } = this.#parts;
    return lookAgain(
      () => this.read(),
      (token) => token !== 'the cached sign-in cannot be read',
      clock,
    );
  }

  /** Remembers when the token was first seen, and plans its renewal. */
  plan(token: SsoToken): SsoToken {
    const isNew = this.#seen?.accessToken !== token.accessToken;
    if (isNew) this.#seen = { accessToken: token.accessToken, at: this.#now() };
    this.#arrived(token);
    if (!isNew) return token;
    this.#cancelRenewal();
    if (this.canRenew(token))
      this.#renewIn(renewalDue(this.#lifeOf(token), this.#parts.random) - this.#now());
    return token;
  }

  /** A person has signed in: what went wrong with the tokens before counts no more. */
  async replace(given: SsoToken, replaced: SsoToken | Lack): Promise<SsoToken> {
    const token = await this.#cached.write(given, replaced);
    this.#refused.clear();
    this.#failure = undefined;
    this.#seen = undefined;
    return token;
  }

  /** Takes it out of the cache; nothing renews it any more, and no renewal under way brings it back. */
  async remove(): Promise<SsoToken | undefined> {
    this.#renewal.abandon();
    this.close();
    this.#seen = undefined;
    const token = await this.#cached.remove();
    this.#failure = undefined;
    return token;
  }

  /** One renewal however many ask, and whichever process does it: the file is read first. */
  renew(): Promise<SsoToken> {
    const failure = this.#standingFailure;
    if (failure) return Promise.reject(failure);
    return this.#renewal.join(async (isCurrent) => {
      try {
        return await this.#renewed(isCurrent);
      } catch (thrown) {
        const error = asCredentialError(thrown);
        if (isCurrent())
          this.#failure = { error, at: this.#now(), attempts: (this.#failure?.attempts ?? 0) + 1 };
        throw error;
      }
    });
  }

  /** Nothing is done by itself any more. */
  close(): void {
    this.#cancelRenewal();
    this.#cached.close();
  }

  /** A passing failure stands in place of a new attempt for some seconds. */
  get #standingFailure(): CredentialError | undefined {
    const failure = this.#failure;
    const age = this.#now() - (failure?.at ?? 0);
    return failure?.error.retryable && age >= 0 && age < failureMemory(undefined) ? failure.error : undefined;
  }

  async #renewed(isCurrent: () => boolean): Promise<SsoToken> {
    let held = await this.readWhole();
    for (;;) {
      if (!isCurrent()) throw this.#over();
      if (typeof held === 'string')
        throw new CredentialError('SsoLoginRequired', 403, `Sign-in to ${this.#about.key}: ${held}.`);
      // Another process was quicker.
      if (this.#isFresh(held)) return this.plan(held);
      if (!this.canRenew(held)) throw this.#over();
      const { refreshToken = '' } = held;
      let given: SsoToken;
      try {
        given = await renewedToken(this.#about, held, this.#parts);
      } catch (error) {
        if (!(error instanceof CredentialError) || error.retryable) throw error;
        this.#refused.add(refreshToken);
        const theirs = await this.#cached.successor(refreshToken);
        if (!theirs) throw error;
        held = theirs;
        continue;
      }
      if (!isCurrent()) throw this.#discarded(given);
      this.#failure = undefined;
      return this.plan(await this.#cached.keep(given, held));
    }
  }

  /** The person has signed out meanwhile: a token given after that is ended too. */
  #discarded({ accessToken }: SsoToken): CredentialError {
    // Where Identity Center cannot be told, it ends by itself in time.
    signOut(this.#about, accessToken, this.#parts.clients).catch(() => {});
    return this.#over();
  }

  #over(): CredentialError {
    return new CredentialError(
      'SignInEnded',
      403,
      `Sign-in to ${this.#about.key}: it cannot be renewed any more.`,
    );
  }

  #cancelRenewal(): void {
    this.#parts.refresher.cancel(this.#timerKey);
    this.#dueAt = undefined;
  }

  /** However the wall clock is set meanwhile. */
  #renewIn(ms: number): void {
    const dueAt = this.#parts.clock.elapsed() + ms;
    this.#dueAt = dueAt;
    this.#parts.refresher.schedule({ key: this.#timerKey, dueAt, renew: () => void this.#renewBehind() });
  }

  /** By the timer: nobody waits for it. */
  async #renewBehind(): Promise<void> {
    const planned = this.#seen;
    try {
      await this.renew();
    } catch (thrown) {
      if (this.#seen !== planned) return;
      const error = asCredentialError(thrown);
      const token = await this.#cached.read();
      // One that was away may be back, or come back later: its renewal is planned anew.
      if (typeof token === 'string' || isSignedOut(error)) {
        this.#seen = undefined;
        if (typeof token === 'object') this.plan(token);
        return;
      }
      const now = this.#now();
      const life = this.#lifeOf(token);
      if (error.retryable && token.expiresAt > now) {
        this.#renewIn(retryDelay(life, this.#failure?.attempts ?? 1, now, this.#parts.random));
      } else if (token.expiresAt > now) {
        this.#parts.ending(this.#about, token.expiresAt);
      }
    }
  }

  #lifeOf({ expiresAt }: SsoToken) {
    return { expiration: expiresAt, obtainedAt: this.#seen?.at ?? this.#now() };
  }

  /** So new that it need not be renewed. */
  #isFresh(token: SsoToken): boolean {
    return this.isGood(token) && token.accessToken !== this.#seen?.accessToken;
  }

  get #timerKey(): string {
    return `sign-in ${this.#about.key}`;
  }

  #now(): number {
    return this.#parts.clock.now();
  }
}
