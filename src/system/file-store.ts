import { type KeyObject, randomBytes } from 'node:crypto';
import { readdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { CredentialError } from '../errors.js';
import {
  createPrivateFile,
  ensurePrivateFolder,
  isErrno,
  readIfPresent,
  writePrivateFile,
} from './private-files.js';
import { deriveKey, seal, unseal } from './sealing.js';
import type { SecretStore } from './secret-store.js';

export interface FileStoreOptions {
  folder: string;
  passphrase: Uint8Array;
  log(line: string): void;
}

const HEADER = 'store.json';
const SUFFIX = '.sealed';

/**
 * One encrypted file a secret, so that several processes can share the folder. `store.json` beside them holds
 * the salt and a check value that tells a wrong passphrase from a damaged entry: the first is an error and
 * touches nothing, the second counts as missing and is replaced by the next `set`.
 */
export class FileStore implements SecretStore {
  readonly kind = 'file';
  readonly #options: FileStoreOptions;
  #unlocked: { header: string; key: Promise<KeyObject> } | undefined;

  constructor(options: FileStoreOptions) {
    this.#options = options;
  }

  /**
   * The key to the store as it is on disk now, which another process may have created anew since.
   * @throws CredentialError `WrongPassphrase` or `StoreDamaged`.
   */
  async unlock(): Promise<KeyObject> {
    const header = (await this.#readHeader()) ?? (await this.#createHeader());
    if (this.#unlocked?.header !== header) this.#unlocked = { header, key: this.#keyFor(header) };
    return this.#unlocked.key;
  }

  async get(key: string): Promise<string | undefined> {
    const path = this.#pathOf(key);
    const secret = await this.unlock();
    const sealed = await readIfPresent(path);
    if (!sealed) return undefined;
    const value = unseal(secret, key, sealed);
    if (value === undefined)
      this.#options.log(`${path} is damaged or of another store; it counts as missing`);
    return value;
  }

  async set(key: string, value: string): Promise<void> {
    const path = this.#pathOf(key);
    await writePrivateFile(path, seal(await this.unlock(), key, value));
  }

  async delete(key: string): Promise<void> {
    const path = this.#pathOf(key);
    await this.unlock();
    await unlink(path).catch(absent);
  }

  async keys(): Promise<string[]> {
    await this.unlock();
    const names = await readdir(this.#options.folder);
    return names.filter((name) => name.endsWith(SUFFIX)).map(keyOf);
  }

  async close(): Promise<void> {
    this.#unlocked = undefined;
  }

  #pathOf(key: string): string {
    if (!/^[\w.-]+$/.test(key))
      throw new TypeError('a key consists of letters, digits, dots, dashes and underscores');
    return join(this.#options.folder, fileNameOf(key));
  }

  get #headerPath(): string {
    return join(this.#options.folder, HEADER);
  }

  async #readHeader(): Promise<string | undefined> {
    return (await readIfPresent(this.#headerPath))?.toString('utf8');
  }

  async #createHeader(): Promise<string> {
    const salt = randomBytes(16);
    const key = await deriveKey(this.#options.passphrase, salt);
    const check = seal(key, HEADER, '');
    await ensurePrivateFolder(this.#options.folder);
    const header = { version: 1, salt: salt.toString('base64'), check: check.toString('base64') };
    await createPrivateFile(this.#headerPath, `${JSON.stringify(header)}\n`);
    return (await this.#readHeader()) ?? this.#createHeader();
  }

  async #keyFor(header: string): Promise<KeyObject> {
    await ensurePrivateFolder(this.#options.folder);
    const { salt, check } = parseHeader(header) ?? this.#refuseHeader();
    const key = await deriveKey(this.#options.passphrase, salt);
    if (unseal(key, HEADER, check) === undefined) this.#refusePassphrase();
    return key;
  }

  #refuseHeader(): never {
    throw new CredentialError(
      'StoreDamaged',
      400,
      `${this.#headerPath} is damaged, and without it the secrets beside it cannot be read: ` +
        'put it back from a backup, or remove that folder and sign in again',
    );
  }

  #refusePassphrase(): never {
    throw new CredentialError(
      'WrongPassphrase',
      400,
      `the passphrase does not fit the secrets in ${this.#options.folder}: ` +
        'bring back the one they were written with, or remove that folder to start anew',
    );
  }
}

/** Capitals are marked, so that keys that differ in nothing else stay apart where the file system ignores case. */
function fileNameOf(key: string): string {
  return key.replace(/[A-Z]/g, (capital) => `=${capital.toLowerCase()}`) + SUFFIX;
}

function keyOf(fileName: string): string {
  return fileName.slice(0, -SUFFIX.length).replace(/=(.)/g, (_, letter: string) => letter.toUpperCase());
}

function parseHeader(text: string): { salt: Buffer; check: Buffer } | undefined {
  try {
    const { version, salt, check } = JSON.parse(text);
    if (version !== 1) return undefined;
    return { salt: Buffer.from(salt, 'base64'), check: Buffer.from(check, 'base64') };
  } catch {
    return undefined;
  }
}

function absent(error: unknown): undefined {
  if (isErrno(error, 'ENOENT')) return undefined;
  throw error;
}
