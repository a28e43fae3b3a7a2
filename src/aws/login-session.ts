import { CredentialError } from '../errors.js';
import type { Clock } from '../system/clock.js';
import { shellWord } from '../system/shell-word.js';
import { awsError } from './aws-error.js';
import type { LoginStep } from './chain.js';
import type { AwsClients } from './clients.js';
import type { Credentials } from './credentials.js';
import { dpopProof } from './dpop.js';
import { httpCall } from './http-call.js';
import {
  credentialsIn,
  type LoginToken,
  loginTokenPath,
  readLoginToken,
  writeLoginToken,
} from './login-cache.js';
import { objectIn } from './object-in.js';
import { signinHost } from './partition.js';
import { cacheTime } from './time.js';

/** The tokens last 15 minutes. The CLI renews with 5 left; who renews in the background goes before it. */
const RENEWED_WITH = 8 * 60_000;
const DEFAULT_LIFETIME = 900;

/**
 * Credentials of an `aws login`, from the CLI's cache, renewed there for everybody. The SDK's own provider writes the
 * cache in place and readable for others, overwrites a sign-in made meanwhile, and goes by the process's own
 * environment and files; so this is not it.
 * @throws CredentialError `LoginRequired` (403)
 */
export function createLoginSessions(parts: { clients: AwsClients; clock: Clock; folder: string }) {
  /** Refused once, they are not sent again: only a person changes that, by signing in. */
  const refused = new Map<string, CredentialError>();

  return async (step: LoginStep): Promise<Credentials> => {
    const { clients, clock, folder } = parts;
    const path = loginTokenPath(step.session, folder);
    const token = await signedIn(step, path);
    const held = credentialsIn(token);
    if (held.expiration - clock.now() > RENEWED_WITH) return held;
    const refusal = refused.get(token.refreshToken + token.dpopKey);
    if (refusal) throw refusal;
    let renewed: LoginToken;
    try {
      renewed = await renew(step, token, clients, clock.now());
    } catch (error) {
      // Another process may have renewed it at the same moment, and spent the refresh token.
      const now = await readLoginToken(path);
      if (now && now !== 'broken' && now.refreshToken !== token.refreshToken) return credentialsIn(now);
      if (error instanceof CredentialError && error.code === 'LoginRequired') {
        refused.set(token.refreshToken + token.dpopKey, error);
      }
      throw error;
    }
    const now = await readLoginToken(path);
    // Whoever signed in or renewed it meanwhile knows better.
    const overtaken = now === undefined || (now !== 'broken' && now.refreshToken !== token.refreshToken);
    if (!overtaken) await writeLoginToken(path, renewed);
    return credentialsIn(renewed);
  };
}

async function signedIn(step: LoginStep, path: string): Promise<LoginToken> {
  const token = await readLoginToken(path);
  if (token === undefined) throw loginRequired(step, 'nobody is signed in');
  if (token === 'broken') throw loginRequired(step, 'the cached sign-in cannot be read');
  return token;
}

async function renew(
  step: LoginStep,
  token: LoginToken,
  clients: AwsClients,
  now: number,
): Promise<LoginToken> {
  const doing = 'the renewal of its sign-in';
  const site = token.signInRegion ? { ...step.signin, region: token.signInRegion } : step.signin;
  const url = `${site.endpoint?.replace(/\/$/, '') ?? `https://${signinHost(site.region)}`}/v1/token`;
  try {
    const headers = {
      host: new URL(url).host,
      'content-type': 'application/json',
      dpop: proof(step, token, url, now),
    };
    const { clientId, refreshToken } = token;
    const body = JSON.stringify({ clientId, refreshToken, grantType: 'refresh_token' });
    const { status, text } = await httpCall(clients, site, { method: 'POST', url, headers, body });
    if (status !== 200) throw refusal(step, status, text);
    return merged(token, text, now);
  } catch (error) {
    throw awsError(error, step.profile, doing);
  }
}

function proof(step: LoginStep, { dpopKey }: LoginToken, url: string, now: number): string {
  try {
    return dpopProof(dpopKey, { method: 'POST', url, now });
  } catch {
    throw loginRequired(step, 'the key of the cached sign-in cannot be used');
  }
}

function merged(token: LoginToken, text: string, now: number): LoginToken {
  const { accessToken, refreshToken, expiresIn = DEFAULT_LIFETIME } = objectIn(text);
  const { accessKeyId, secretAccessKey, sessionToken } = Object(accessToken);
  if (!accessKeyId || !secretAccessKey || !sessionToken || typeof refreshToken !== 'string') {
    throw new Error('the answer holds no credentials');
  }
  const expiresAt = cacheTime(now + Number(expiresIn) * 1000);
  const renewed = { ...token.accessToken, accessKeyId, secretAccessKey, sessionToken, expiresAt };
  return { ...token, accessToken: renewed, refreshToken };
}

function refusal(step: LoginStep, status: number, text: string): Error {
  const { error, message = '', __type = '' } = objectIn(text) as Record<string, string | undefined>;
  if (error === 'TOKEN_EXPIRED') return loginRequired(step, 'the sign-in has expired');
  if (error === 'USER_CREDENTIALS_CHANGED') return loginRequired(step, 'your password was changed');
  const name =
    error === 'INSUFFICIENT_PERMISSIONS'
      ? 'AccessDenied'
      : __type.split('#').at(-1) || error || 'UnknownError';
  return Object.assign(new Error(message), {
    name,
    $fault: status < 500 ? 'client' : 'server',
    $metadata: { httpStatusCode: status },
  });
}

function loginRequired({ profile }: LoginStep, why: string): CredentialError {
  return new CredentialError(
    'LoginRequired',
    403,
    `Profile "${profile}": ${why}. Type: aws login --profile ${shellWord(profile)}`,
    // When the person has signed in, the cache has it, and nobody tells us.
    { retryable: true },
  );
}
