import { CredentialError } from '../errors.js';
import type { Clock } from './clock.js';
import { FileStore } from './file-store.js';
import { type KeychainFailure, mayPass } from './keychain-failure.js';
import { KeychainStore } from './keychain-store.js';
import { MemoryStore } from './memory-store.js';
import { readPassphrase } from './passphrase.js';
import type { Environment } from './paths.js';
import type { SecretStore, StoreKind } from './secret-store.js';

export interface StoreOptions {
  kind: StoreKind;
  /** Where the encrypted file store lives. */
  folder: string;
  passphraseFile: string | undefined;
  env: Environment;
  clock: Clock;
  /** For the debug log: what the keychain's libraries say, and damaged entries. */
  log(line: string): void;
  /** What items in the keychain are filed under; `credd` unless a test wants its own. */
  service?: string;
}

export interface OpenedStore {
  store: SecretStore;
  /** Which store it is and why, just now: one sentence for a person. */
  readonly reason: string;
  /** What the settings ask for. */
  asked: StoreKind;
  /** Why it cannot be used just now. */
  readonly trouble?: string | undefined;
}

const IN_KEYCHAIN = 'sessions are kept in the keychain';
const IN_MEMORY = 'sessions are kept in memory and are gone when credd stops';
const HOW_TO_KEEP =
  'to keep them in an encrypted file, set CREDD_STORE_PASSPHRASE_FILE to a file that holds a passphrase';

/**
 * The store that was asked for. `auto` is the keychain where it answers within 2 s, else the encrypted file where
 * a passphrase is configured, else memory. A `keychain` that does not answer is returned all the same, and by `auto`
 * one that may yet be opened: it rejects until it does, and its caller works from memory meanwhile.
 * @throws CredentialError for `file` alone: there is no passphrase, others can read it, or it does not fit.
 */
export async function openStore(options: StoreOptions): Promise<OpenedStore> {
  switch (options.kind) {
    case 'memory':
      return { store: new MemoryStore(), reason: IN_MEMORY, asked: 'memory' };
    case 'file':
      return openFile(options);
    case 'keychain':
      return openKeychain(options);
    case 'auto':
      return openBest(options);
  }
}

async function openFile(options: StoreOptions): Promise<OpenedStore> {
  const store = await fileStore(options);
  if (!store)
    throw new CredentialError('NoPassphrase', 400, `the file store needs a passphrase: ${HOW_TO_KEEP}`);
  return { store, reason: inFile(options), asked: 'file' };
}

async function openKeychain(options: StoreOptions): Promise<OpenedStore> {
  const store = new KeychainStore({ service: 'credd', ...options });
  await store.probe().catch(() => {});
  return inKeychain(store, 'keychain');
}

async function openBest(options: StoreOptions): Promise<OpenedStore> {
  const keychain = new KeychainStore({ service: 'credd', ...options });
  const trouble = await keychain.probe().catch((error: CredentialError) => error);
  if (!trouble) return inKeychain(keychain, 'auto');
  const file = await fileStore(options).catch((error: Error) => error);
  if (file instanceof FileStore) {
    await keychain.close();
    return { store: file, reason: `${trouble.message}; ${inFile(options)}`, asked: 'auto' };
  }
  // A service may start before the keychain is opened at login.
  if (!file && mayPass(trouble.cause as KeychainFailure))
    return inKeychain(keychain, 'auto', `; ${HOW_TO_KEEP}`);
  await keychain.close();
  const reason = file
    ? `${trouble.message}; ${file.message}; ${IN_MEMORY}`
    : `${trouble.message}; ${IN_MEMORY}; ${HOW_TO_KEEP}`;
  return { store: new MemoryStore(), reason, asked: 'auto' };
}

function inKeychain(store: KeychainStore, asked: StoreKind, hint = ''): OpenedStore {
  return {
    store,
    asked,
    get trouble() {
      return store.trouble;
    },
    get reason() {
      return store.trouble ? `${store.trouble}; until it can, ${IN_MEMORY}${hint}` : IN_KEYCHAIN;
    },
  };
}

/** Undefined where no passphrase is configured; unlocked otherwise, so that a wrong passphrase shows at start. */
async function fileStore({ folder, passphraseFile, env, log }: StoreOptions): Promise<FileStore | undefined> {
  const passphrase = await readPassphrase(passphraseFile, env);
  if (!passphrase) return undefined;
  const store = new FileStore({ folder, passphrase, log });
  await store.unlock();
  return store;
}

function inFile({ folder }: StoreOptions): string {
  return `sessions are kept, encrypted, in ${folder}`;
}
