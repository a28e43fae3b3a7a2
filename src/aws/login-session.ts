import { CredentialError } from '../errors.js';
import type { Clock } from '../system/clock.js';
import { shellWord } from '../system/shell-word.js';
import type { LoginStep } from './chain.js';
import type { AwsClients } from './clients.js';
import type { Credentials } from './credentials.js';
import {
  credentialsIn,
  type LoginToken,
  loginTokenPath,
  readLoginToken,
  writeLoginToken,
} from './login-cache.js';
import { loginRequired, renewLogin } from './login-renewal.js';
import { lookAgain } from './look-again.js';

/** The tokens last 15 minutes. The CLI renews with 5 left; who renews in the background goes before it. */
const RENEWED_WITH = 8 * 60_000;
/** Whoever has longer was given it before the clock was set back, and nobody knows when it ends. */
const LONGEST = 16 * 60_000;

/**
 * Credentials of an `aws login`, from the CLI's cache, renewed there for everybody. The SDK's own provider writes the
 * cache in place and readable for others, overwrites a sign-in made meanwhile, and goes by the process's own
 * environment and files; so this is not it.
 * @throws CredentialError `LoginRequired` (403)
 */
export function createLoginSessions(parts: {
  clients: AwsClients;
  clock: Clock;
  folder: string;
  warn(message: string): void;
}) {
  /** Refused once, they are not sent again: only a person changes that, by signing in. */
  const refused = new Map<string, CredentialError>();
  /** Renewed, but not written, each under the refresh token that is in the file still: that one is spent. */
  const unwritten = new Map<string, LoginToken>();
  const { clients, clock, folder, warn } = parts;

  return async (step: LoginStep): Promise<Credentials> => {
    const path = loginTokenPath(step.session, folder);
    let filed = await signedIn(step, path);
    for (;;) {
      const token = unwritten.get(filed.refreshToken) ?? filed;
      const held = credentialsIn(token);
      if (token !== filed && (await tryWrite(step, path, filed, token))) filed = token;
      const left = held.expiration - clock.now();
      if (left > RENEWED_WITH && left <= LONGEST) return held;
      const refusal = refused.get(token.refreshToken + token.dpopKey);
      if (refusal) throw refusal;
      try {
        const renewed = await renewLogin(step, token, clients, clock.now());
        await tryWrite(step, path, filed, renewed);
        return credentialsIn(renewed);
      } catch (error) {
        const isOver = error instanceof CredentialError && error.code === 'LoginRequired';
        if (isOver) refused.set(token.refreshToken + token.dpopKey, error);
        const theirs = await successor(path, filed.refreshToken, isOver);
        if (!theirs) throw error;
        filed = theirs;
      }
    }
  };

  /** A file that somebody is writing is read when it is whole. */
  async function signedIn(step: LoginStep, path: string): Promise<LoginToken> {
    const token = await lookAgain(
      () => readLoginToken(path),
      (found) => found !== 'broken',
      clock,
    );
    if (token === undefined) throw loginRequired(step, 'nobody is signed in');
    if (token === 'broken') throw loginRequired(step, 'the cached sign-in cannot be read');
    return token;
  }

  /** What another process was given for the same refresh token, and has written or, where it was spent, is about to. */
  async function successor(path: string, spent: string, isAwaited: boolean): Promise<LoginToken | undefined> {
    const isTheirs = (found: Awaited<ReturnType<typeof readLoginToken>>) =>
      typeof found === 'object' && found.refreshToken !== spent;
    const found = await lookAgain(
      () => readLoginToken(path),
      (found) => !isAwaited || found === undefined || isTheirs(found),
      clock,
    );
    return typeof found === 'object' && isTheirs(found) ? found : undefined;
  }

  /** Whether it is in the file then. Not over what somebody has written meanwhile, by signing in or renewing: he knows better. */
  async function tryWrite(
    step: LoginStep,
    path: string,
    filed: LoginToken,
    renewed: LoginToken,
  ): Promise<boolean> {
    const found = await readLoginToken(path);
    if (found === undefined || (found !== 'broken' && found.refreshToken !== filed.refreshToken))
      return false;
    try {
      await writeLoginToken(path, renewed);
      unwritten.delete(filed.refreshToken);
      return true;
    } catch (error) {
      if (!unwritten.has(filed.refreshToken)) warn(unkept(step, error as Error));
      unwritten.set(filed.refreshToken, renewed);
      return false;
    }
  }
}

function unkept({ profile }: LoginStep, { message }: Error): string {
  return `Profile "${profile}": its sign-in was renewed, but credd ${message}. Until that succeeds only the running credd has it: after a restart, and for other tools, type: aws login --profile ${shellWord(profile)}`;
}
