import type { AssumeRoleStep } from './chain.js';
import type { AwsClients } from './clients.js';
import type { Credentials } from './credentials.js';
import { assumedRole } from './from-sts.js';
import { type MfaProof, stsError } from './mfa.js';
import type { OwnAddress } from './narrowing.js';
import { partitionOfArn } from './partition.js';
import { sessionPolicy } from './session-policy.js';

/** AWS ends a session that was itself obtained with a role session after an hour (role chaining). */
const CHAINED_LIMIT = 3600;

export async function assumeRole(
  step: AssumeRoleStep,
  source: Credentials,
  clients: AwsClients,
  ownAddress: OwnAddress,
  proof: MfaProof,
): Promise<Credentials> {
  const { AssumeRoleCommand } = await import('@aws-sdk/client-sts');
  const { narrowing = {}, profile } = step;
  const partition = partitionOfArn(step.roleArn);
  const chained = source.sessionToken !== undefined;
  const command = new AssumeRoleCommand({
    RoleArn: step.roleArn,
    RoleSessionName: step.sessionName,
    DurationSeconds: chained ? Math.min(step.durationSeconds, CHAINED_LIMIT) : step.durationSeconds,
    ExternalId: step.externalId,
    SourceIdentity: narrowing.sourceIdentity,
    TransitiveTagKeys: narrowing.transitiveTags?.slice(),
    ...(await sessionPolicy(narrowing, { profile, partition, ownAddress })),
    ...proof,
  });
  try {
    const client = await clients.sts(step.sts, source);
    return assumedRole(await client.send(command), step.roleArn);
  } catch (error) {
    throw stsError(error, step, `AssumeRole of ${step.roleArn}`);
  }
}
