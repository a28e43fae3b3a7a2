import { readFile } from 'node:fs/promises';
import { CredentialError } from '../errors.js';
import { awsError } from './aws-error.js';
import type { WebIdentityStep } from './chain.js';
import type { AwsClients } from './clients.js';
import type { Credentials } from './credentials.js';
import { assumedRole } from './from-sts.js';

export async function webIdentity(step: WebIdentityStep, clients: AwsClients): Promise<Credentials> {
  const token = await readToken(step);
  const { AssumeRoleWithWebIdentityCommand } = await import('@aws-sdk/client-sts');
  const command = new AssumeRoleWithWebIdentityCommand({
    RoleArn: step.roleArn,
    RoleSessionName: step.sessionName,
    DurationSeconds: step.durationSeconds,
    WebIdentityToken: token,
  });
  try {
    const client = await clients.sts(step.sts);
    return assumedRole(await client.send(command), step.roleArn);
  } catch (error) {
    throw awsError(error, step.profile, `AssumeRoleWithWebIdentity of ${step.roleArn}`);
  }
}

async function readToken(step: WebIdentityStep): Promise<string> {
  try {
    return (await readFile(step.tokenFile, 'utf8')).trim();
  } catch (error) {
    throw new CredentialError(
      'WebIdentityTokenUnreadable',
      403,
      `Profile "${step.profile}": web_identity_token_file cannot be read (${(error as Error).message}). Write the token there, or correct the path.`,
    );
  }
}
