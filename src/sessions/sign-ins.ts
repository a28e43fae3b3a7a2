import type { SsoRoleStep } from '../aws/chain.js';
import type { SsoSignIn } from '../aws/sso-sign-in.js';
import { SignIn, type SignInParts } from './sign-in.js';

/** Every sign-in that was used or asked about since the daemon started. */
export class SignIns {
  readonly #parts: SignInParts & { find(profile: string): SsoSignIn };
  readonly #byKey = new Map<string, SignIn>();

  constructor(parts: SignInParts & { find(profile: string): SsoSignIn }) {
    this.#parts = parts;
  }

  /** Uses the access token of the step's sign-in. */
  async use<T>(step: SsoRoleStep, use: (accessToken: string) => Promise<T>): Promise<T> {
    return this.of(this.#parts.find(step.profile)).withToken(step, use);
  }

  /** The sign-in as the config file has it now. */
  of(about: SsoSignIn): SignIn {
    const known = this.#byKey.get(about.key);
    if (known && JSON.stringify(known.about) === JSON.stringify(about)) return known;
    known?.close();
    const signIn = new SignIn(about, this.#parts);
    this.#byKey.set(about.key, signIn);
    return signIn;
  }

  close(): void {
    for (const signIn of this.#byKey.values()) signIn.close();
  }
}
