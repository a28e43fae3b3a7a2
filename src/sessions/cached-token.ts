import { lookAgain } from '../aws/look-again.js';
import { type Lack, type SsoToken, SsoTokenCache } from '../aws/sso-token.js';
import { CredentialError } from '../errors.js';
import type { Clock } from '../system/clock.js';
import { shellWord } from '../system/shell-word.js';
import { asCredentialError } from './session-error.js';

/** How often it is tried to write what could not be written; whoever reads tries it too. */
const TRIED_EVERY = 60_000;

/**
 * The token of one sign-in in the CLI's cache. One that was renewed but cannot be written is held here until it can:
 * what is on disk is spent.
 */
export class CachedToken {
  readonly #key: string;
  readonly #clock: Clock;
  /** The cache cannot be written, or, without an error, can be again. */
  readonly #told: (error?: CredentialError) => void;
  readonly #cache: SsoTokenCache;
  #unwritten: { token: SsoToken; replaced: SsoToken; error: CredentialError; at: number } | undefined;
  /** What is being written or removed. */
  #busy: Promise<unknown> = Promise.resolve();
  #cancel = () => {};

  constructor(
    key: string,
    { clock, cacheDir }: { clock: Clock; cacheDir: string },
    told: (error?: CredentialError) => void,
  ) {
    this.#key = key;
    this.#clock = clock;
    this.#told = told;
    this.#cache = new SsoTokenCache(cacheDir);
  }

  /** Why it could not be written, since when; undefined once it is. */
  get trouble(): { error: CredentialError; at: number } | undefined {
    return this.#unwritten;
  }

  async read(): Promise<SsoToken | Lack> {
    if (!this.#unwritten) return this.#cache.read(this.#key);
    return this.#inTurn(async () => {
      const found = await this.#cache.read(this.#key);
      // Where the file is gone somebody has signed out with another tool.
      if (found === 'nobody is signed in') this.#forget();
      return this.#unwritten ? this.#keep(this.#unwritten.token, this.#unwritten.replaced) : found;
    });
  }

  /** What a new sign-in is to replace. @throws CredentialError `CannotWrite` (503), before anybody signs in for nothing */
  async replaceable(): Promise<SsoToken | Lack> {
    await this.#cache.checkWritable(this.#key).catch((error) => {
      throw this.#explained(error, `Put that right, then type: credd login ${shellWord(this.#key)}`);
    });
    return this.read();
  }

  /** What somebody else was given for the same refresh token, and has written or is about to. */
  async successor(spent: string): Promise<SsoToken | undefined> {
    const isOther = (token: SsoToken | Lack) => typeof token === 'object' && token.refreshToken !== spent;
    const found = await lookAgain(
      () => this.read(),
      (token) => token === 'nobody is signed in' || isOther(token),
      this.#clock,
    );
    return typeof found === 'object' && isOther(found) ? found : undefined;
  }

  /** Writes what a person was given, and gives what stands there then: another's, where that lasts longer. */
  write(token: SsoToken, replaced: SsoToken | Lack): Promise<SsoToken> {
    return this.#inTurn(async () => {
      const written = await this.#cache.write(this.#key, token, replaced);
      this.#settle();
      return written;
    });
  }

  /** The same for a renewed token, which is not lost where it cannot be written. */
  keep(token: SsoToken, replaced: SsoToken): Promise<SsoToken> {
    return this.#inTurn(() => this.#keep(token, replaced));
  }

  /** Takes the token out of the cache. */
  remove(): Promise<SsoToken | undefined> {
    return this.#inTurn(async () => {
      const token = this.#unwritten?.token ?? (await this.#cache.read(this.#key));
      await this.#cache.remove(this.#key).catch((error) => {
        throw this.#explained(error, 'Nothing was changed.');
      });
      this.#forget();
      return typeof token === 'object' ? token : undefined;
    });
  }

  close(): void {
    this.#cancel();
  }

  async #keep(token: SsoToken, renewedFrom: SsoToken): Promise<SsoToken> {
    const replaced = this.#unwritten?.replaced ?? renewedFrom;
    try {
      const written = await this.#cache.write(this.#key, token, replaced);
      this.#settle();
      return written;
    } catch (thrown) {
      const error = this.#unkept(thrown);
      if (!this.#unwritten) this.#told(error);
      this.#unwritten = { token, replaced, error, at: this.#unwritten?.at ?? this.#clock.now() };
      this.#cancel();
      this.#cancel = this.#clock.after(TRIED_EVERY, () => void this.read());
      return token;
    }
  }

  #settle(): void {
    if (this.#unwritten) this.#told();
    this.#forget();
  }

  #forget(): void {
    this.#cancel();
    this.#unwritten = undefined;
  }

  /** One after the other: an older token must not be written over a newer one. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#busy.then(work);
    this.#busy = done.catch(() => {});
    return done;
  }

  #unkept(thrown: unknown): CredentialError {
    return this.#explained(
      asCredentialError(thrown),
      `The sign-in was renewed, but until that succeeds only the running credd has it: after a restart, and for other tools, type: credd login ${shellWord(this.#key)}`,
    );
  }

  #explained(error: CredentialError, advice: string): CredentialError {
    const { code, statusCode, message } = error;
    return new CredentialError(code, statusCode, `Sign-in to ${this.#key}: ${message}. ${advice}`, {
      cause: error,
    });
  }
}
