import { CredentialError } from '../errors.js';
import { KeychainChild, type KeychainChildOptions, KeychainTimeout } from './keychain-child.js';
import { inWords, type KeychainFailure } from './keychain-failure.js';
import type { KeychainRequest, KeychainValue } from './keychain-process.js';
import type { SecretStore } from './secret-store.js';

export interface KeychainStoreOptions extends KeychainChildOptions {
  /** What the items are filed under. */
  service: string;
}

type Verb = KeychainRequest['verb'];

/** How long a keychain that failed is left alone. Milliseconds. */
const PAUSE = 30_000;

/**
 * The operating system's keychain, behind a process of its own that is started when it is first needed. A failure
 * turns the store off: calls reject at once, until after 30 s one of them tries the keychain and finds it well.
 * What it rejects with is a CredentialError `StoreUnavailable` (503) that says what is wrong with the keychain; its
 * cause is the KeychainFailure.
 */
export class KeychainStore implements SecretStore {
  readonly kind = 'keychain';
  readonly #options: KeychainStoreOptions;
  #child: KeychainChild | undefined;
  #off: { error: CredentialError; rested: boolean } | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: KeychainStoreOptions) {
    this.#options = options;
  }

  /** Why it cannot be used just now. */
  get trouble(): string | undefined {
    return this.#off?.error.message;
  }

  async get(key: string): Promise<string | undefined> {
    return (await this.#use('get', key)) as string | undefined;
  }

  async set(key: string, value: string): Promise<void> {
    await this.#use('set', key, value);
  }

  async delete(key: string): Promise<void> {
    await this.#use('delete', key);
  }

  async keys(): Promise<string[]> {
    return (await this.#use('keys')) as string[];
  }

  /** Sees whether the keychain can be read and written just now, and turns the store on or off accordingly. */
  async probe(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#attempt('probe');
      this.#off = undefined;
    });
  }

  /** Lets what is under way come to its end. */
  async close(): Promise<void> {
    await this.#inTurn(async () => {
      this.#off = { error: unavailable('the store is closed'), rested: false };
      await this.#dropChild();
    });
  }

  async #use(verb: Verb, key = '', value = ''): Promise<KeychainValue> {
    if (this.#off?.rested) {
      this.#off.rested = false; // one caller goes ahead, the others are still turned away
      await this.probe();
    }
    if (this.#off) throw this.#off.error;
    return this.#inTurn(async () => {
      if (this.#off) throw this.#off.error;
      return this.#attempt(verb, key, value);
    });
  }

  async #inTurn<T>(act: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(act);
    this.#turn = turn.catch(() => {});
    return turn;
  }

  async #attempt(verb: Verb, key = '', value = ''): Promise<KeychainValue> {
    const used = this.#child;
    try {
      return await this.#ask({ verb, service: this.#options.service, key, value });
    } catch (error) {
      await this.#dropChild();
      // A process that has served well may have lost no more than its D-Bus connection.
      if (used?.proven && !(error instanceof KeychainTimeout)) return this.#attempt(verb, key, value);
      throw this.#turnOff(error as KeychainFailure);
    }
  }

  async #ask(request: KeychainRequest): Promise<KeychainValue> {
    if (!this.#child?.connected) this.#child = new KeychainChild(this.#options);
    const reply = await this.#child.ask(request);
    if (reply.error) throw reply.error;
    this.#child.proven = true;
    return reply.value;
  }

  #turnOff(failure: KeychainFailure): CredentialError {
    const off = { error: unavailable(inWords(failure), failure), rested: false };
    this.#off = off;
    this.#options.clock.after(PAUSE, () => {
      off.rested = true;
    });
    return off.error;
  }

  async #dropChild(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    await child?.kill();
  }
}

function unavailable(why: string, cause?: KeychainFailure): CredentialError {
  return new CredentialError('StoreUnavailable', 503, `the keychain cannot be used: ${why}`, { cause });
}
