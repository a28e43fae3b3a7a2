import { CredentialError } from '../errors.js';
import { shellWord } from '../system/shell-word.js';
import { awsError } from './aws-error.js';
import type { LoginStep } from './chain.js';
import type { AwsClients } from './clients.js';
import { dpopProof } from './dpop.js';
import { httpCall } from './http-call.js';
import type { LoginToken } from './login-cache.js';
import { objectIn } from './object-in.js';
import { signinHost } from './partition.js';
import { cacheTime } from './time.js';

const DEFAULT_LIFETIME = 900;

/**
 * The successor of an `aws login` token, from the sign-in service's token endpoint; this one is spent then.
 * @throws CredentialError `LoginRequired` (403) where only a person helps
 */
export async function renewLogin(
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

export function loginRequired({ profile }: LoginStep, why: string): CredentialError {
  return new CredentialError(
    'LoginRequired',
    403,
    `Profile "${profile}": ${why}. Type: aws login --profile ${shellWord(profile)}`,
    // When the person has signed in, the cache has it, and nobody tells us.
    { retryable: true },
  );
}
