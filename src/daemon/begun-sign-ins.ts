import { randomBytes } from 'node:crypto';
import type { Attempt } from '../aws/sso-device.js';
import type { Flow } from '../aws/sso-registration.js';
import type { SsoSignIn } from '../aws/sso-sign-in.js';
import { CredentialError } from '../errors.js';
import type { SignInApi } from '../http/sign-in-routes.js';
import type { SignIns } from '../sessions/sign-ins.js';
import type { Clock } from '../system/clock.js';

/** How long one question for the outcome of a sign-in is kept waiting, in milliseconds. */
const LONGEST_ANSWER = 10_000;
/** How long an outcome is remembered for who asks for it late. */
const REMEMBERED = 60_000;

/** The sign-ins that somebody has begun through the API, each caller's under an id of its own. */
export function createBegunSignIns(parts: {
  signIns: SignIns;
  clock: Clock;
  named(name: string | undefined): SsoSignIn;
}): Pick<SignInApi, 'begin' | 'outcome' | 'abandon'> {
  const { signIns, clock, named } = parts;
  const attempts = new Map<string, { about: SsoSignIn; attempt: Attempt }>();

  return {
    async begin({ name, flow }: { name?: string; flow: Flow }) {
      const about = named(name);
      const attempt = await signIns.of(about).begin(flow);
      const id = randomBytes(9).toString('base64url');
      attempts.set(id, { about, attempt });
      const gone = () => void clock.after(REMEMBERED, () => attempts.delete(id));
      attempt.token.then(gone, gone);
      const { url, userCode, expiresAt } = attempt;
      return { id, name: about.key, flow, url, expiresAt, ...(userCode ? { userCode } : {}) };
    },
    async outcome(id) {
      const { attempt } = known(id);
      let cancel = () => {};
      const waited = new Promise<undefined>((resolve) => {
        cancel = clock.after(LONGEST_ANSWER, () => resolve(undefined));
      });
      const token = await Promise.race([attempt.token, waited]).finally(cancel);
      if (!token) return { state: 'pending' };
      return { state: 'done', expiresAt: token.expiresAt, renewable: token.refreshToken !== undefined };
    },
    async abandon(id) {
      const { about, attempt } = known(id);
      attempts.delete(id);
      attempt.abandon();
      const { state } = await signIns.of(about).state();
      return { name: about.key, state };
    },
  };

  function known(id: string): { about: SsoSignIn; attempt: Attempt } {
    const found = attempts.get(id);
    if (found) return found;
    throw new CredentialError(
      'NoSuchSignIn',
      404,
      'This sign-in is not known any more. Type the command again.',
    );
  }
}
