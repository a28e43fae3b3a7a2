/**
 * Where role sessions outlive the process. Keys are opaque (`[A-Za-z0-9._-]`); values are text of a few KB.
 * Every method rejects when the store is not available just now; the caller treats that as a miss.
 */
export interface SecretStore {
  readonly kind: 'keychain' | 'file' | 'memory';
  get(key: string): Promise<string | undefined>;
  set(key: string, value: string): Promise<void>;
  delete(key: string): Promise<void>;
  keys(): Promise<string[]>;
  /** Lets go of child processes and handles; the store is not used afterwards. */
  close(): Promise<void>;
}

/** What a person may ask for; `auto` takes the best that is there. */
export type StoreKind = 'auto' | SecretStore['kind'];
