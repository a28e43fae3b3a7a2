import type { SecretStore } from './secret-store.js';

/** Secrets that go with the process. */
export class MemoryStore implements SecretStore {
  readonly kind = 'memory';
  readonly #secrets = new Map<string, string>();

  async get(key: string): Promise<string | undefined> {
    return this.#secrets.get(key);
  }

  async set(key: string, value: string): Promise<void> {
    this.#secrets.set(key, value);
  }

  async delete(key: string): Promise<void> {
    this.#secrets.delete(key);
  }

  async keys(): Promise<string[]> {
    return [...this.#secrets.keys()];
  }

  async close(): Promise<void> {
    this.#secrets.clear();
  }
}
