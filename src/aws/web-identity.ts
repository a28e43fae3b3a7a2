import { readFile } from 'node:fs/promises';
import { CredentialError } from '../errors.js';
import { awsError } from './aws-error.js';
import type { WebIdentityStep } from './chain.js';
import type { AwsClients } from './clients.js';
import type { Credentials } from './credentials.js';
import { assumedRole } from './from-sts.js';
import type { OwnAddress } from './narrowing.js';
import { partitionOfArn } from './partition.js';
import { sessionPolicy } from './session-policy.js';

export async function webIdentity(
  step: WebIdentityStep,
  clients: AwsClients,
  ownAddress: OwnAddress,
): Promise<Credentials> {
  const token = await readToken(step);
  const { narrowing = {}, profile } = step;
  const partition = partitionOfArn(step.roleArn);
  const { AssumeRoleWithWebIdentityCommand } = await import('@aws-sdk/client-sts');
  const command = new AssumeRoleWithWebIdentityCommand({
    RoleArn: step.roleArn,
    RoleSessionName: step.sessionName,
    DurationSeconds: step.durationSeconds,
    WebIdentityToken: token,
    ...(await sessionPolicy(narrowing, { profile, partition, ownAddress })),
  });
  try {
    const client = await clients.sts(step.sts);
    return assumedRole(await client.send(command), step.roleArn);
  } catch (error) {
    throw awsError(error, step.profile, `AssumeRoleWithWebIdentity of ${step.roleArn}`);
  }
}

/** Read afresh each time: whoever issues the token replaces it before it expires. */
async function readToken(step: WebIdentityStep): Promise<string> {
  try {
    const token = (await readFile(step.tokenFile, 'utf8')).trim();
    if (!token) throw new Error('it is empty');
    return token;
  } catch (error) {
    throw new CredentialError(
      'WebIdentityTokenUnreadable',
      403,
      `Profile "${step.profile}": the web_identity_token_file ${step.tokenFile} cannot be used (${reason(error)}). Have the token written there, or correct the path.`,
      { retryable: true },
    );
  }
}

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' ? 'it does not exist' : (code ?? message);
}
