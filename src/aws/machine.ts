import { CredentialError } from '../errors.js';
import type { Environment } from '../system/paths.js';
import type { MachineStep } from './chain.js';
import type { Credentials } from './credentials.js';

/** Credentials of the container or the EC2 instance that credd itself runs in, by the SDK's own readers. */
export async function machineCredentials(step: MachineStep, env: Environment): Promise<Credentials> {
  try {
    const read = step.kind === 'container' ? await container(env) : await instance();
    const { accessKeyId, secretAccessKey, sessionToken, expiration, accountId } = await read();
    return {
      accessKeyId,
      secretAccessKey,
      ...(sessionToken ? { sessionToken } : {}),
      ...(expiration ? { expiration: expiration.getTime() } : {}),
      ...(accountId ? { accountId } : {}),
    };
  } catch (error) {
    const where = step.kind === 'container' ? 'container' : 'EC2 instance';
    const source = step.kind === 'container' ? 'EcsContainer' : 'Ec2InstanceMetadata';
    throw new CredentialError(
      'CredentialSourceFailed',
      503,
      `Profile "${step.profile}": no credentials from the ${where} (${(error as Error).message}). credential_source = ${source} works only where credd runs on one that has a role.`,
      { cause: error },
    );
  }
}

async function container(env: Environment) {
  const { fromHttp } = await import('@aws-sdk/credential-provider-http');
  return fromHttp({
    ...named('awsContainerCredentialsRelativeUri', env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI),
    ...named('awsContainerCredentialsFullUri', env.AWS_CONTAINER_CREDENTIALS_FULL_URI),
    ...named('awsContainerAuthorizationToken', env.AWS_CONTAINER_AUTHORIZATION_TOKEN),
    ...named('awsContainerAuthorizationTokenFile', env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE),
    maxRetries: 1,
  });
}

async function instance() {
  const { fromInstanceMetadata } = await import('@smithy/credential-provider-imds');
  return fromInstanceMetadata({ maxRetries: 1, timeout: 1000 });
}

function named(name: string, value: string | undefined) {
  return value ? { [name]: value } : {};
}
