import { awsError } from './aws-error.js';
import type { FederationTokenStep } from './chain.js';
import type { AwsClients } from './clients.js';
import type { Credentials } from './credentials.js';
import { fromSts } from './from-sts.js';
import type { OwnAddress } from './narrowing.js';
import { partitionOfRegion } from './partition.js';
import { sessionPolicy, withEverything } from './session-policy.js';

/**
 * The one way to narrow long-term keys. Such a session can call neither IAM nor, but for GetCallerIdentity, STS.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html
 */
export async function federationToken(
  step: FederationTokenStep,
  keys: Credentials,
  clients: AwsClients,
  ownAddress: OwnAddress,
): Promise<Credentials> {
  const { GetFederationTokenCommand } = await import('@aws-sdk/client-sts');
  const partition = partitionOfRegion(step.sts.region);
  const policy = await sessionPolicy(step.narrowing, { profile: step.profile, partition, ownAddress });
  const command = new GetFederationTokenCommand({
    Name: step.name,
    DurationSeconds: step.durationSeconds,
    ...withEverything(policy),
  });
  try {
    const client = await clients.sts(step.sts, keys);
    return fromSts(await client.send(command));
  } catch (error) {
    throw awsError(error, step.profile, 'GetFederationToken');
  }
}
