import type { Clock } from '../system/clock.js';
import { callerIdentity } from './caller-identity.js';
import type { SessionTokenStep } from './chain.js';
import type { AwsClients } from './clients.js';
import type { Credentials } from './credentials.js';
import { fromSts } from './from-sts.js';
import { type MfaProof, stsError } from './mfa.js';

const SESSION_SECONDS = 12 * 3600;
/** How far ahead a session of unknown end is said to last, each time that AWS has confirmed it. */
const CONFIRMED_FOR = 20 * 60 * 1000;

/** SDKs insist on a token and an expiration; this gives both to keys that lack either. */
export async function sessionToken(
  step: SessionTokenStep,
  keys: Credentials,
  clients: AwsClients,
  clock: Clock,
  proof: MfaProof,
): Promise<Credentials> {
  if (!keys.sessionToken) return getSessionToken(step, keys, clients, proof);
  if (keys.expiration !== undefined) return keys;
  const { Account } = await callerIdentity({
    site: step.sts,
    profile: step.profile,
    credentials: keys,
    clients,
  });
  return { ...keys, ...(Account ? { accountId: Account } : {}), expiration: clock.now() + CONFIRMED_FOR };
}

async function getSessionToken(
  step: SessionTokenStep,
  keys: Credentials,
  clients: AwsClients,
  proof: MfaProof,
) {
  const { GetSessionTokenCommand } = await import('@aws-sdk/client-sts');
  try {
    const client = await clients.sts(step.sts, keys);
    const answer = await client.send(
      new GetSessionTokenCommand({ DurationSeconds: step.durationSeconds ?? SESSION_SECONDS, ...proof }),
    );
    return { ...fromSts(answer), ...(keys.accountId ? { accountId: keys.accountId } : {}) };
  } catch (error) {
    throw stsError(error, step, 'GetSessionToken');
  }
}
