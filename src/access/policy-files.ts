import { readFileSync } from 'node:fs';
import type { Narrowing, OwnNarrowing } from '../aws/narrowing.js';
import { checkPolicy } from '../aws/policy-document.js';
import { CredentialError } from '../errors.js';
import type { Clock } from '../system/clock.js';
import { readFileState } from '../system/watched-files.js';

const LOOK_EVERY = 2000;

/** The policy files that config.ini names: read when they are needed, and looked at from then on. */
export class PolicyFiles {
  readonly #clock: Clock;
  readonly #changed: () => void;
  readonly #texts = new Map<string, string>();
  /** Whose text another reading has met since, so that the next look alone would find nothing new. */
  readonly #overtaken = new Set<string>();
  #cancel: (() => void) | undefined;
  #closed = false;

  /** `changed`: one of them holds something else than when it was read. */
  constructor(clock: Clock, changed: () => void) {
    this.#clock = clock;
    this.#changed = changed;
  }

  /** What config.ini says of a profile, with the policy in it. */
  into(profile: string, { allowed, ...others }: OwnNarrowing = {}): Narrowing {
    if (!allowed) return others;
    if (!('policyFile' in allowed)) return { ...others, allowed };
    return { ...others, allowed: { policy: this.read(profile, allowed.policyFile) } };
  }

  /** @throws CredentialError `PolicyUnreadable` or `MalformedPolicy` (400) */
  read(profile: string, path: string): string {
    const what = `Profile "${profile}": the policy ${path}`;
    try {
      const text = readFileSync(path, 'utf8');
      this.#met(path, text);
      return checkPolicy(text, what);
    } catch (error) {
      if (error instanceof CredentialError) throw error;
      this.#met(path, '');
      const { code, message } = error as NodeJS.ErrnoException;
      throw new CredentialError(
        'PolicyUnreadable',
        400,
        `${what} cannot be read (${code === 'ENOENT' ? 'it does not exist' : (code ?? message)}). Put it there, or correct the path in config.ini.`,
      );
    } finally {
      this.#lookLater();
    }
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
  }

  #met(path: string, text: string): void {
    const known = this.#texts.get(path);
    if (known === undefined) this.#texts.set(path, text);
    else if (known !== text) this.#overtaken.add(path);
  }

  async #look(): Promise<void> {
    const before = [...this.#texts];
    const now = await Promise.all(before.map(([path]) => readFileState(path)));
    const changed = before.filter(
      ([path, text], index) => text !== textOf(now[index]) || this.#overtaken.has(path),
    );
    this.#overtaken.clear();
    for (const [path] of changed) this.#texts.delete(path);
    this.#cancel = undefined;
    if (this.#closed) return;
    if (changed.length > 0) this.#changed();
    this.#lookLater();
  }

  #lookLater(): void {
    if (!this.#closed && this.#texts.size > 0)
      this.#cancel ??= this.#clock.after(LOOK_EVERY, () => this.#look());
  }
}

/** One that cannot be read now counts as empty. */
function textOf(file: Awaited<ReturnType<typeof readFileState>> | undefined): string {
  return file?.state === 'present' ? file.text : '';
}
