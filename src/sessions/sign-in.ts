import type { SsoRoleStep } from '../aws/chain.js';
import type { Attempt } from '../aws/sso-device.js';
import { signInByDevice } from '../aws/sso-device.js';
import { createToken, type OidcParts } from '../aws/sso-oidc.js';
import { signInByCode } from '../aws/sso-pkce.js';
import type { Flow } from '../aws/sso-registration.js';
import type { SsoSignIn } from '../aws/sso-sign-in.js';
import { isRenewable, type Lack, type SsoToken, SsoTokenCache, ssoLoginRequired } from '../aws/sso-token.js';
import { CredentialError } from '../errors.js';
import type { Refresher } from './refresher.js';
import { asCredentialError, isSignedOut } from './session-error.js';
import { SingleFlight } from './single-flight.js';
import { failureMemory, type Random, renewalDue, retryDelay } from './timing.js';

/** How often the CLI's cache is looked at, while a sign-in is needed, for what another tool has left there. */
const LOOK_EVERY = 1000;

export interface SignInParts extends OidcParts {
  refresher: Refresher;
  random: Random;
  /** A person is needed: told once, until somebody has signed in. */
  needed(signIn: SsoSignIn, profile: string | undefined): void;
  /** Somebody has signed in, here or elsewhere, where that was needed or asked for. */
  done(key: string): void;
  /** A token that will end, and cannot be renewed any more. */
  ending(signIn: SsoSignIn, expiresAt: number): void;
}

export interface SignInState {
  /** The sso-session's name, or the start URL for the legacy form. */
  name: string;
  startUrl: string;
  /** `none`: nobody is signed in, and no profile has asked for it. */
  state: 'done' | 'needed' | 'pending' | 'none';
  expiresAt?: number;
  renewable?: boolean;
  renewsAt?: number;
  lastError?: { code: string; message: string; at: number };
}

/** One sign-in: its token in the CLI's cache, its silent renewal, and whether a person is needed. */
export class SignIn {
  readonly about: SsoSignIn;
  readonly #parts: SignInParts;
  readonly #cache: SsoTokenCache;
  readonly #renewal = new SingleFlight<SsoToken>();
  readonly #starting = new Map<Flow, Promise<Attempt>>();
  /** What waits for a person: at most one for each flow. */
  readonly #attempts = new Map<Flow, Attempt>();
  /** A refresh token, or access token, that Identity Center has refused for good. */
  readonly #refused = new Set<string>();
  #isNeeded = false;
  #stopLooking = () => {};
  #seen: { accessToken: string; at: number } | undefined;
  #renewsAt: number | undefined;
  #failure: { error: CredentialError; at: number; attempts: number } | undefined;

  constructor(about: SsoSignIn, parts: SignInParts) {
    this.about = about;
    this.#parts = parts;
    this.#cache = new SsoTokenCache(parts.cacheDir);
  }

  /**
   * Uses the access token; one that has expired or is refused is renewed first, where that needs no person.
   * @throws CredentialError `SsoLoginRequired` (403) at once where it does
   */
  async withToken<T>(step: SsoRoleStep, use: (accessToken: string) => Promise<T>): Promise<T> {
    try {
      return await this.#using(await this.#lasting(step), use);
    } catch (error) {
      if (!isSignedOut(error)) throw error;
    }
    try {
      return await this.#using(await this.#lasting(step), use);
    } catch (error) {
      if (isSignedOut(error)) this.#need(step.profile);
      throw error;
    }
  }

  async #using<T>(token: SsoToken, use: (accessToken: string) => Promise<T>): Promise<T> {
    try {
      return await use(token.accessToken);
    } catch (error) {
      if (isSignedOut(error)) this.#refused.add(token.accessToken);
      throw error;
    }
  }

  /** Begins a sign-in, or joins the one that waits for the person already. */
  begin(flow: Flow): Promise<Attempt> {
    const waiting = this.#attempts.get(flow);
    if (waiting && waiting.expiresAt > this.#now()) return Promise.resolve(waiting);
    const starting = this.#starting.get(flow) ?? this.#start(flow);
    this.#starting.set(flow, starting);
    return starting.finally(() => this.#starting.delete(flow));
  }

  /** Looks at the token, and sees to it that it is renewed in time. */
  async follow(): Promise<void> {
    const token = await this.#read();
    if (typeof token === 'object') this.#plan(token);
  }

  /** The token that is held, taken out of the cache; nothing renews it any more. */
  async end(): Promise<SsoToken | undefined> {
    const token = await this.#cache.read(this.about.key);
    await this.#cache.remove(this.about.key);
    this.close();
    this.#isNeeded = false;
    this.#seen = undefined;
    this.#failure = undefined;
    return typeof token === 'object' ? token : undefined;
  }

  async state(): Promise<SignInState> {
    const { key, startUrl } = this.about;
    const token = await this.#cache.read(key);
    const now = this.#now();
    const held = typeof token === 'object' ? token : undefined;
    const lasts = held !== undefined && this.#isGood(held);
    const waits = this.#attempts.size > 0;
    const failure = this.#failure;
    return {
      name: key,
      startUrl,
      state: waits
        ? 'pending'
        : lasts || (held && this.#canRenew(held))
          ? 'done'
          : this.#isNeeded
            ? 'needed'
            : 'none',
      ...(held ? { expiresAt: held.expiresAt, renewable: this.#canRenew(held) } : {}),
      ...(lasts && this.#renewsAt !== undefined && this.#renewsAt > now ? { renewsAt: this.#renewsAt } : {}),
      ...(failure
        ? { lastError: { code: failure.error.code, message: failure.error.message, at: failure.at } }
        : {}),
    };
  }

  close(): void {
    this.#stopLooking();
    this.#abandonAttempts();
    this.#parts.refresher.cancel(this.#timerKey);
    this.#renewsAt = undefined;
  }

  async #lasting(step: SsoRoleStep): Promise<SsoToken> {
    const token = await this.#read();
    if (typeof token === 'object' && this.#isGood(token)) {
      this.#plan(token);
      return token;
    }
    if (typeof token === 'object' && this.#canRenew(token)) {
      const renewed = await this.#renew().catch((error: CredentialError) => {
        if (error.retryable) throw error;
      });
      if (renewed) return renewed;
    }
    this.#need(step.profile);
    throw ssoLoginRequired(step, this.#why(token));
  }

  /** What the cache holds now: what was read while a renewal replaced it is old already, and is read again. */
  async #read(): Promise<SsoToken | Lack> {
    for (;;) {
      const seen = this.#seen;
      const token = await this.#cache.read(this.about.key);
      if (this.#seen === seen) return token;
    }
  }

  #why(token: SsoToken | Lack): string {
    if (typeof token === 'string') return token;
    return token.expiresAt > this.#now()
      ? 'Identity Center no longer accepts the sign-in'
      : 'the sign-in has expired';
  }

  /** One renewal however many ask, and whichever process does it: the file is read first. */
  #renew(): Promise<SsoToken> {
    const failure = this.#standingFailure;
    if (failure) return Promise.reject(failure);
    return this.#renewal.join(async () => {
      try {
        return await this.#renewed();
      } catch (thrown) {
        const error = asCredentialError(thrown);
        this.#failure = { error, at: this.#now(), attempts: (this.#failure?.attempts ?? 0) + 1 };
        throw error;
      }
    });
  }

  /** A passing failure stands in place of a new attempt for some seconds. */
  get #standingFailure(): CredentialError | undefined {
    const failure = this.#failure;
    const age = this.#now() - (failure?.at ?? 0);
    return failure?.error.retryable && age >= 0 && age < failureMemory(undefined) ? failure.error : undefined;
  }

  async #renewed(): Promise<SsoToken> {
    let held = await this.#cache.read(this.about.key);
    for (;;) {
      if (typeof held === 'string')
        throw new CredentialError('SsoLoginRequired', 403, `Sign-in to ${this.about.key}: ${held}.`);
      // Another process was quicker.
      if (this.#isFresh(held)) return this.#plan(held);
      const { refreshToken, clientId, clientSecret, registrationExpiresAt } = held;
      if (!this.#canRenew(held) || !refreshToken || !clientId || !clientSecret) throw this.#over();
      try {
        const client = { clientId, clientSecret, expiresAt: registrationExpiresAt };
        const given = await createToken(
          this.about,
          client,
          { grantType: 'refresh_token', refreshToken },
          this.#parts,
        );
        // Identity Center need not give a new one.
        const token = { ...given, refreshToken: given.refreshToken ?? refreshToken };
        this.#failure = undefined;
        return this.#plan(await this.#cache.write(this.about.key, token, held));
      } catch (error) {
        if (!(error instanceof CredentialError) || error.retryable) throw error;
        this.#refused.add(refreshToken);
        const before: SsoToken = held;
        held = await this.#cache.read(this.about.key);
        if (typeof held === 'object' && held.refreshToken !== before.refreshToken) continue;
        throw error;
      }
    }
  }

  #over(): CredentialError {
    return new CredentialError(
      'SignInEnded',
      403,
      `Sign-in to ${this.about.key}: it cannot be renewed any more.`,
    );
  }

  /** Remembers when the token was first seen, and plans its renewal. */
  #plan(token: SsoToken): SsoToken {
    const now = this.#now();
    if (this.#seen?.accessToken === token.accessToken) return token;
    this.#seen = { accessToken: token.accessToken, at: now };
    if (this.#isNeeded && this.#isGood(token)) this.#satisfied();
    this.#renewsAt = undefined;
    this.#parts.refresher.cancel(this.#timerKey);
    if (this.#canRenew(token)) this.#renewAt(renewalDue(this.#lifeOf(token), this.#parts.random));
    return token;
  }

  #renewAt(dueAt: number): void {
    this.#renewsAt = dueAt;
    this.#parts.refresher.schedule({ key: this.#timerKey, dueAt, renew: () => void this.#renewBehind() });
  }

  /** By the timer: nobody waits for it. */
  async #renewBehind(): Promise<void> {
    try {
      await this.#renew();
    } catch (thrown) {
      const error = asCredentialError(thrown);
      const token = await this.#cache.read(this.about.key);
      if (typeof token === 'string') return;
      const now = this.#now();
      const life = this.#lifeOf(token);
      if (error.retryable && token.expiresAt > now) {
        this.#renewAt(now + retryDelay(life, this.#failure?.attempts ?? 1, now, this.#parts.random));
      } else if (token.expiresAt > now) {
        this.#parts.ending(this.about, token.expiresAt);
      }
    }
  }

  #lifeOf({ expiresAt }: SsoToken) {
    return { expiration: expiresAt, obtainedAt: this.#seen?.at ?? this.#now() };
  }

  async #start(flow: Flow): Promise<Attempt> {
    const replaced = await this.#cache.read(this.about.key);
    const begun = await (flow === 'code' ? signInByCode : signInByDevice)(this.about, this.#parts);
    const token = begun.token
      .then((given) => this.#cache.write(this.about.key, given, replaced))
      .then((kept) => this.#signedIn(kept))
      .catch((error: CredentialError) => this.#signedInElsewhere(error));
    const attempt = { ...begun, token };
    const gone = () => {
      if (this.#attempts.get(flow) === attempt) this.#attempts.delete(flow);
    };
    this.#attempts.set(flow, attempt);
    token.then(gone, gone);
    return attempt;
  }

  #signedIn(token: SsoToken): SsoToken {
    this.#refused.clear();
    this.#failure = undefined;
    this.#seen = undefined;
    this.#isNeeded = true;
    return this.#plan(token);
  }

  /** What was given up because another sign-in was quicker has its token all the same. */
  async #signedInElsewhere(error: CredentialError): Promise<SsoToken> {
    const token = await this.#cache.read(this.about.key);
    if (error.code === 'SignInAbandoned' && typeof token === 'object' && this.#isGood(token)) return token;
    throw error;
  }

  #need(profile: string | undefined): void {
    if (this.#isNeeded) return;
    this.#isNeeded = true;
    this.#look();
    this.#parts.needed(this.about, profile);
  }

  /** Somebody may sign in with another tool: only while that is needed, and only by looking at one small file. */
  #look(): void {
    this.#stopLooking = this.#parts.clock.after(LOOK_EVERY, async () => {
      const token = await this.#read();
      if (!this.#isNeeded) return;
      if (typeof token === 'object' && this.#isGood(token)) this.#plan(token);
      if (this.#isNeeded) this.#look();
    });
  }

  #satisfied(): void {
    this.#isNeeded = false;
    this.#stopLooking();
    this.#abandonAttempts();
    this.#parts.done(this.about.key);
  }

  #abandonAttempts(): void {
    for (const attempt of this.#attempts.values()) attempt.abandon();
    this.#attempts.clear();
  }

  #isGood(token: SsoToken): boolean {
    return token.expiresAt > this.#now() && !this.#refused.has(token.accessToken);
  }

  /** So new that it need not be renewed. */
  #isFresh(token: SsoToken): boolean {
    return this.#isGood(token) && token.accessToken !== this.#seen?.accessToken;
  }

  #canRenew(token: SsoToken): boolean {
    return isRenewable(token, this.#now()) && !this.#refused.has(token.refreshToken ?? '');
  }

  get #timerKey(): string {
    return `sign-in ${this.about.key}`;
  }

  #now(): number {
    return this.#parts.clock.now();
  }
}
