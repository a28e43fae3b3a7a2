import { awsError } from './aws-error.js';
import type { Site } from './chain.js';
import type { AwsClients } from './clients.js';
import type { Credentials } from './credentials.js';

export interface CallerIdentity {
  Account?: string;
  Arn?: string;
  UserId?: string;
}

/** `GetCallerIdentity`: who AWS takes these credentials to be. Every principal may call it. */
export async function callerIdentity(question: {
  site: Site;
  profile: string;
  credentials: Credentials;
  clients: AwsClients;
}): Promise<CallerIdentity> {
  const { GetCallerIdentityCommand } = await import('@aws-sdk/client-sts');
  try {
    const client = await question.clients.sts(question.site, question.credentials);
    const { Account, Arn, UserId } = await client.send(new GetCallerIdentityCommand({}));
    return { Account, Arn, UserId };
  } catch (error) {
    throw awsError(error, question.profile, 'GetCallerIdentity');
  }
}
