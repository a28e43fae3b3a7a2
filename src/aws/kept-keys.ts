import { CredentialError } from '../errors.js';
import type { Clock } from '../system/clock.js';
import type { OpenedStore } from '../system/open-store.js';
import { readPrivateFile, writePrivateFile } from '../system/private-files.js';
import type { SecretStore } from '../system/secret-store.js';
import { shellWord } from '../system/shell-word.js';
import type { LongTermKeys } from './long-term-keys.js';

/** What is known of kept keys without opening the keychain; no secret. */
export interface KeptKey {
  accessKeyId: string;
  /** When credd first had this key: milliseconds since the epoch. */
  since: number;
  /** The key that a rotation has deactivated, and that the next one deletes. */
  previous?: string;
  /** The file that they were taken out of, where they are still those. */
  from?: string;
}

/**
 * Long-term access keys in the secret store, under names of their own beside the sessions. Which profiles have any
 * stands in a file, so that no profile waits for the keychain to be resolved.
 */
export class KeptKeys {
  readonly #store: Promise<OpenedStore>;
  readonly #index: string;
  readonly #clock: Clock;
  readonly #keys: Map<string, KeptKey>;

  private constructor(store: Promise<OpenedStore>, index: string, clock: Clock, keys: Map<string, KeptKey>) {
    this.#store = store;
    this.#index = index;
    this.#clock = clock;
    this.#keys = keys;
  }

  static async open(store: Promise<OpenedStore>, index: string, clock: Clock): Promise<KeptKeys> {
    return new KeptKeys(store, index, clock, parseIndex((await readPrivateFile(index))?.toString()));
  }

  /** Profile -> its kept keys. */
  get all(): ReadonlyMap<string, KeptKey> {
    return this.#keys;
  }

  /** @throws CredentialError `KeysUnavailable` (403) */
  async get(profile: string): Promise<LongTermKeys> {
    const { accessKeyId, secretAccessKey } = await this.#read(profile);
    return { accessKeyId, secretAccessKey };
  }

  /** How to give the keys back to where they were taken from; undefined where they were typed. */
  async undo(profile: string): Promise<unknown> {
    return (await this.#read(profile)).undo;
  }

  /** @throws CredentialError `NoKeychain` (403) where nothing would keep them */
  async put(
    profile: string,
    keys: LongTermKeys,
    { previous, since, undo }: { previous?: string | undefined; since?: number; undo?: unknown } = {},
  ): Promise<void> {
    const store = await this.lasting();
    await store.set(itemName(profile), JSON.stringify({ ...keys, undo }));
    const { accessKeyId } = keys;
    const known = this.#keys.get(profile);
    const isKnown = known?.accessKeyId === accessKeyId;
    const from = (undo as { path?: string } | undefined)?.path;
    this.#keys.set(profile, {
      accessKeyId,
      since: since ?? (isKnown ? known.since : this.#clock.now()),
      ...(previous ? { previous } : {}),
      ...(from ? { from } : {}),
    });
    await this.#save();
  }

  async remove(profile: string): Promise<void> {
    if (!this.#keys.has(profile)) throw noKeys(profile);
    const store = await this.lasting();
    await store.delete(itemName(profile));
    this.#keys.delete(profile);
    await this.#save();
  }

  /** @throws CredentialError `NoKeychain` (403) where what is stored goes with the process */
  async lasting(): Promise<SecretStore> {
    const { store, reason, asked } = await this.#store;
    if (store.kind !== 'memory') return store;
    // Otherwise the reason says it.
    const wayOut =
      asked === 'memory'
        ? ' With store = auto that is the keychain, or an encrypted file where CREDD_STORE_PASSPHRASE_FILE names a file with a passphrase.'
        : '';
    throw new CredentialError(
      'NoKeychain',
      403,
      `Long-term keys need a place that keeps them: ${reason}.${wayOut}`,
    );
  }

  async #read(profile: string): Promise<LongTermKeys & { undo?: unknown }> {
    if (!this.#keys.has(profile)) throw noKeys(profile);
    const { store, reason } = await this.#store;
    const text = await store.get(itemName(profile)).catch((error: Error) => {
      throw unavailable(profile, error.message, 503);
    });
    if (text === undefined) throw unavailable(profile, `they are not there any more (${reason})`, 403);
    return JSON.parse(text);
  }

  async #save(): Promise<void> {
    await writePrivateFile(this.#index, `${JSON.stringify(Object.fromEntries(this.#keys), null, 2)}\n`);
  }
}

function itemName(profile: string): string {
  return `keys.${Buffer.from(profile).toString('base64url')}`;
}

/** What cannot be read counts as nothing: the person adds his keys again. */
function parseIndex(text = '{}'): Map<string, KeptKey> {
  try {
    const entries = Object.entries<KeptKey>(Object(JSON.parse(text)));
    return new Map(entries.filter(([, { accessKeyId }]) => typeof accessKeyId === 'string'));
  } catch {
    return new Map();
  }
}

function noKeys(profile: string): CredentialError {
  return new CredentialError(
    'NoKeptKeys',
    400,
    `The keychain holds no keys of "${profile}". Type: credd keys add ${shellWord(profile)}`,
  );
}

function unavailable(profile: string, why: string, statusCode: number): CredentialError {
  return new CredentialError(
    'KeysUnavailable',
    statusCode,
    `Profile "${profile}": its long-term keys cannot be read from the keychain: ${why}. Open the keychain, or type: credd keys add ${shellWord(profile)}`,
    { retryable: true },
  );
}
