import { CredentialError } from '../errors.js';
import { shellWord } from '../system/shell-word.js';
import { createToken, deviceGrant, type OidcParts, refusalOf, registered, startDevice } from './sso-oidc.js';
import type { SsoSignIn } from './sso-sign-in.js';
import type { SsoToken } from './sso-token.js';

/** A sign-in that waits for a person at `url`. */
export interface Attempt {
  url: string;
  userCode?: string;
  /** Milliseconds since the epoch; later it cannot succeed. */
  expiresAt: number;
  token: Promise<SsoToken>;
  /** Ends it without a token: `token` rejects with `SignInAbandoned`. */
  abandon(): void;
}

/** RFC 8628, section 3.5: how much more slowly to ask when told to. */
const SLOWER = 5;

/** Signs in with a code that the person types, or confirms, in a browser anywhere. */
export async function signInByDevice(signIn: SsoSignIn, parts: OidcParts): Promise<Attempt> {
  const { clock } = parts;
  let client = await registered(signIn, 'device', parts);
  const device = await startDevice(signIn, client, parts).catch(async (error) => {
    if (refusalOf(error) !== 'invalid_client') throw error;
    client = await registered(signIn, 'device', parts, true);
    return startDevice(signIn, client, parts);
  });
  const expiresAt = clock.now() + device.expiresIn * 1000;
  let wake = () => {};
  let abandoned = false;

  const pause = (seconds: number) =>
    new Promise<void>((resolve) => {
      const cancel = clock.after(seconds * 1000, resolve);
      wake = () => {
        cancel();
        resolve();
      };
    });

  async function poll(): Promise<SsoToken> {
    let interval = device.interval;
    for (;;) {
      await pause(interval);
      if (abandoned) throw abandonedError(signIn);
      try {
        return await createToken(signIn, client, deviceGrant(device.deviceCode), parts);
      } catch (error) {
        const word = refusalOf(error);
        if (word === 'slow_down') interval += SLOWER;
        else if (word !== 'authorization_pending' && !isPassing(error)) throw error;
        if (clock.now() >= expiresAt) throw expired(signIn);
      }
    }
  }

  const token = poll();
  token.catch(() => {});
  return {
    url: device.url,
    userCode: device.userCode,
    expiresAt,
    token,
    abandon() {
      abandoned = true;
      wake();
    },
  };
}

/** A lost connection does not end the wait for the person. */
function isPassing(error: unknown): boolean {
  return error instanceof CredentialError && error.retryable;
}

export function abandonedError({ key }: SsoSignIn): CredentialError {
  return new CredentialError(
    'SignInAbandoned',
    403,
    `Sign-in to ${key}: it was given up. To sign in after all, type: credd login ${shellWord(key)}`,
  );
}

export function expired({ key }: SsoSignIn): CredentialError {
  return new CredentialError(
    'SignInExpired',
    403,
    `Sign-in to ${key}: nobody confirmed it in time. Type: credd login ${shellWord(key)}`,
  );
}
