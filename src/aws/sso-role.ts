import { awsError } from './aws-error.js';
import type { SsoRoleStep } from './chain.js';
import type { AwsClients } from './clients.js';
import type { Credentials } from './credentials.js';
import { ssoLoginRequired } from './sso-token.js';

/** The session of a permission set, from Identity Center's portal. */
export async function ssoRole(
  step: SsoRoleStep,
  accessToken: string,
  clients: AwsClients,
): Promise<Credentials> {
  const { GetRoleCredentialsCommand } = await import('@aws-sdk/client-sso');
  const command = new GetRoleCredentialsCommand({
    accessToken,
    accountId: step.accountId,
    roleName: step.roleName,
  });
  try {
    const client = await clients.sso(step.sso);
    const { roleCredentials: role } = await client.send(command);
    if (!role?.accessKeyId || !role.secretAccessKey || !role.sessionToken || !role.expiration) {
      throw new Error('the answer holds no credentials');
    }
    return {
      accessKeyId: role.accessKeyId,
      secretAccessKey: role.secretAccessKey,
      sessionToken: role.sessionToken,
      expiration: role.expiration,
      accountId: step.accountId,
    };
  } catch (error) {
    if ((error as Error).name === 'UnauthorizedException') {
      throw ssoLoginRequired(step, 'Identity Center no longer accepts the sign-in');
    }
    throw awsError(error, step.profile, `GetRoleCredentials of ${step.roleName} in ${step.accountId}`);
  }
}
