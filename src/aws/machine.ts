import { CredentialError } from '../errors.js';
import type { Environment } from '../system/paths.js';
import type { MachineStep } from './chain.js';
import type { Credentials } from './credentials.js';
import { instanceMetadata } from './instance-metadata.js';

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

/** Credentials of the container or the EC2 instance that credd itself runs in. */
export async function machineCredentials(step: MachineStep, env: Environment): Promise<Credentials> {
  try {
    return await (step.kind === 'container' ? container(env) : instanceMetadata(env));
  } catch (error) {
    const [where, source] =
      step.kind === 'container' ? ['container', 'EcsContainer'] : ['EC2 instance', 'Ec2InstanceMetadata'];
    throw new CredentialError(
      'CredentialSourceFailed',
      503,
      `Profile "${step.profile}": no credentials from the ${where} (${reason(error as Error)}). credential_source = ${source} works only where credd runs on one that has a role.`,
      { cause: error },
    );
  }
}

/** Every setting is given, if empty: the SDK's reader would take it from the process's environment. */
async function container(env: Environment): Promise<Credentials> {
  const { fromHttp } = await import('@aws-sdk/credential-provider-http');
  const relativeUri = env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI ?? '';
  const fullUri = env.AWS_CONTAINER_CREDENTIALS_FULL_URI ?? '';
  const tokenFile = env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE ?? '';
  const token = env.AWS_CONTAINER_AUTHORIZATION_TOKEN ?? '';
  const read = fromHttp({
    awsContainerCredentialsRelativeUri: relativeUri,
    awsContainerCredentialsFullUri: relativeUri ? '' : fullUri,
    awsContainerAuthorizationTokenFile: tokenFile,
    awsContainerAuthorizationToken: tokenFile ? '' : token,
    maxRetries: 1,
    logger: SILENT,
  });
  const { accessKeyId, secretAccessKey, sessionToken, expiration, accountId } = await read();
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken ? { sessionToken } : {}),
    ...(expiration ? { expiration: expiration.getTime() } : {}),
    ...(accountId ? { accountId } : {}),
  };
}

/** A parser's message quotes what it read, which may be a secret. */
function reason({ name, message }: Error): string {
  return name === 'SyntaxError' ? 'the answer is not JSON' : message.replace(/\.?\s*\n\s*/g, '. ');
}
