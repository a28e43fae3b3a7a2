import type { SsoRoleStep } from '../aws/chain.js';
import type { Attempt } from '../aws/sso-device.js';
import { signInByDevice } from '../aws/sso-device.js';
import { signInByCode } from '../aws/sso-pkce.js';
import type { Flow } from '../aws/sso-registration.js';
import type { SsoSignIn } from '../aws/sso-sign-in.js';
import { type Lack, type SsoToken, ssoLoginRequired } from '../aws/sso-token.js';
import type { CredentialError } from '../errors.js';
import { HeldToken, type HeldTokenParts } from './held-token.js';
import { isSignedOut } from './session-error.js';
import { SignInAttempts } from './sign-in-attempts.js';

/** How often the CLI's cache is looked at, while a sign-in is needed, for what another tool has left there. */
const LOOK_EVERY = 1000;

export interface SignInParts extends HeldTokenParts {
  /** A person is needed: told once, until somebody has signed in. */
  needed(signIn: SsoSignIn, profile: string | undefined): void;
  /** Somebody has signed in, here or elsewhere, where that was needed or asked for. */
  done(key: string): void;
}

export interface SignInState {
  /** The sso-session's name, or the start URL for the legacy form. */
  name: string;
  startUrl: string;
  /** Where no profile has asked for it since: `ended` for a sign-in that is over, `none` where there is none. */
  state: 'done' | 'needed' | 'pending' | 'ended' | 'none';
  expiresAt?: number;
  renewable?: boolean;
  renewsAt?: number;
  lastError?: { code: string; message: string; at: number };
}

interface Trouble {
  error: CredentialError;
  at: number;
}

/** One sign-in: its token, the attempts to get one, and whether a person is needed. */
export class SignIn {
  readonly about: SsoSignIn;
  readonly #parts: SignInParts;
  readonly #token: HeldToken;
  readonly #attempts: SignInAttempts;
  #isNeeded = false;
  /** Why a sign-in came to nothing that nobody waits for. */
  #unseen: Trouble | undefined;
  /** How often somebody has signed out. */
  #ends = 0;
  #stopLooking = () => {};

  constructor(about: SsoSignIn, parts: SignInParts) {
    this.about = about;
    this.#parts = parts;
    this.#token = new HeldToken(about, parts, (token) => this.#arrived(token));
    this.#attempts = new SignInAttempts((flow) => this.#start(flow), parts.clock);
  }

  /**
   * Uses the access token; one that has expired or is refused is renewed first, where that needs no person.
   * @throws CredentialError `SsoLoginRequired` (403) at once where it does
   */
  async withToken<T>(step: SsoRoleStep, use: (accessToken: string) => Promise<T>): Promise<T> {
    const ends = this.#ends;
    try {
      const token = await this.#lasting(step);
      try {
        return await this.#using(token, use);
      } catch (error) {
        if (!isSignedOut(error)) throw error;
      }
      return await this.#using(await this.#lasting(step), use);
    } catch (error) {
      // Who has signed out meanwhile is not asked to sign in.
      if (isSignedOut(error) && this.#ends === ends) this.#need(step.profile);
      throw error;
    }
  }

  async #using<T>(token: SsoToken, use: (accessToken: string) => Promise<T>): Promise<T> {
    try {
      return await use(token.accessToken);
    } catch (error) {
      if (isSignedOut(error)) this.#token.refuse(token);
      throw error;
    }
  }

  /** Begins a sign-in, or joins the one that waits for the person already. */
  begin(flow: Flow): Promise<Attempt> {
    return this.#attempts.join(flow);
  }

  /** A sign-in that began by itself came to nothing: for whoever asks how it stands. */
  failed(error: CredentialError): void {
    this.#unseen = { error, at: this.#parts.clock.now() };
  }

  /** Looks at the token, and sees to it that it is renewed in time. */
  async follow(): Promise<void> {
    const token = await this.#token.read();
    if (typeof token === 'object') this.#token.plan(token);
  }

  /** The token that is held, taken out of the cache; nothing renews it any more. */
  async end(): Promise<SsoToken | undefined> {
    this.#ends++;
    this.close();
    this.#isNeeded = false;
    this.#unseen = undefined;
    try {
      return await this.#token.remove();
    } catch (error) {
      await this.follow();
      throw error;
    }
  }

  async state(): Promise<SignInState> {
    const { key, startUrl } = this.about;
    const token = await this.#token.read();
    const held = typeof token === 'object' ? token : undefined;
    const lasts = held !== undefined && this.#token.isGood(held);
    const renewable = held !== undefined && this.#token.canRenew(held);
    const { renewsAt } = this.#token;
    const trouble = later(this.#unseen, this.#token.lastFailure);
    return {
      name: key,
      startUrl,
      state: this.#attempts.arePending
        ? 'pending'
        : lasts || renewable
          ? 'done'
          : this.#isNeeded
            ? 'needed'
            : held
              ? 'ended'
              : 'none',
      ...(held ? { expiresAt: held.expiresAt, renewable } : {}),
      ...(lasts && renewsAt !== undefined ? { renewsAt } : {}),
      ...(trouble
        ? { lastError: { code: trouble.error.code, message: trouble.error.message, at: trouble.at } }
        : {}),
    };
  }

  close(): void {
    this.#stopLooking();
    this.#attempts.abandon();
    this.#token.close();
  }

  async #lasting(step: SsoRoleStep): Promise<SsoToken> {
    // Once a person was asked, the file is looked at anyway.
    const token = await (this.#isNeeded ? this.#token.read() : this.#token.readWhole());
    if (typeof token === 'object' && this.#token.isGood(token)) return this.#token.plan(token);
    if (typeof token === 'object' && this.#token.canRenew(token)) {
      const renewed = await this.#token.renew().catch((error: CredentialError) => {
        if (error.retryable) throw error;
      });
      if (renewed) return renewed;
    }
    throw ssoLoginRequired(step, this.#why(token));
  }

  #why(token: SsoToken | Lack): string {
    if (typeof token === 'string') return token;
    return token.expiresAt > this.#parts.clock.now()
      ? 'Identity Center no longer accepts the sign-in'
      : 'the sign-in has expired';
  }

  async #start(flow: Flow): Promise<Attempt> {
    const replaced = await this.#token.replaceable();
    const begun = await (flow === 'code' ? signInByCode : signInByDevice)(this.about, this.#parts);
    const token = begun.token
      .then((given) => this.#token.replace(given, replaced))
      .then((kept) => this.#signedIn(kept))
      .catch((error: CredentialError) => this.#signedInElsewhere(error));
    return { ...begun, token };
  }

  #signedIn(token: SsoToken): SsoToken {
    this.#isNeeded = true;
    return this.#token.plan(token);
  }

  /** What was given up because another sign-in was quicker has its token all the same. */
  async #signedInElsewhere(error: CredentialError): Promise<SsoToken> {
    const token = await this.#token.read();
    if (error.code === 'SignInAbandoned' && typeof token === 'object' && this.#token.isGood(token))
      return token;
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
      const token = await this.#token.read();
      if (!this.#isNeeded) return;
      if (typeof token === 'object' && this.#token.isGood(token)) this.#token.plan(token);
      if (this.#isNeeded) this.#look();
    });
  }

  #arrived(token: SsoToken): void {
    if (!this.#isNeeded || !this.#token.isGood(token)) return;
    this.#isNeeded = false;
    this.#unseen = undefined;
    this.#stopLooking();
    this.#attempts.abandon();
    this.#parts.done(this.about.key);
  }
}

function later(one: Trouble | undefined, other: Trouble | undefined): Trouble | undefined {
  return one && other ? (one.at > other.at ? one : other) : (one ?? other);
}
