import type { Environment } from '../system/paths.js';
import type { Credentials } from './credentials.js';
import { parseTime } from './time.js';

const ROLE = '/latest/meta-data/iam/security-credentials/';
const TIMEOUT = 1000;

/**
 * The credentials of the EC2 instance's role, by IMDSv2. The SDK's own reader takes its settings from the process's
 * environment and the person's files; here they are in `env`.
 * https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-metadata-security-credentials.html
 */
export async function instanceMetadata(env: Environment): Promise<Credentials> {
  if (env.AWS_EC2_METADATA_DISABLED?.toLowerCase() === 'true') {
    throw new Error('AWS_EC2_METADATA_DISABLED is set');
  }
  const endpoint = endpointOf(env);
  const token = await ask(endpoint, 'PUT', '/latest/api/token', {
    'x-aws-ec2-metadata-token-ttl-seconds': '300',
  });
  const headers = { 'x-aws-ec2-metadata-token': token };
  const [role] = (await ask(endpoint, 'GET', ROLE, headers)).trim().split(/\s/);
  if (!role) throw new Error('the instance has no role');
  return credentials(await ask(endpoint, 'GET', ROLE + role, headers));
}

function endpointOf(env: Environment): string {
  const standard =
    env.AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE?.toLowerCase() === 'ipv6'
      ? 'http://[fd00:ec2::254]'
      : 'http://169.254.169.254';
  return (env.AWS_EC2_METADATA_SERVICE_ENDPOINT || standard).replace(/\/$/, '');
}

async function ask(endpoint: string, method: string, path: string, headers: Record<string, string>) {
  try {
    const answer = await fetch(endpoint + path, { method, headers, signal: AbortSignal.timeout(TIMEOUT) });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`status ${answer.status} for ${path}`);
    return text;
  } catch (error) {
    const { cause, name, message } = error as Error & { cause?: NodeJS.ErrnoException };
    const why = name === 'TimeoutError' ? `nothing within ${TIMEOUT} ms` : (cause?.code ?? message);
    throw new Error(`the metadata service at ${endpoint} gave ${why}`, { cause: error });
  }
}

function credentials(text: string): Credentials {
  const { Code, AccessKeyId, SecretAccessKey, Token, Expiration, AccountId } = parse(text);
  const expiration = parseTime(Expiration);
  if (Code !== 'Success' || !AccessKeyId || !SecretAccessKey || !Token || !expiration) {
    throw new Error(`the metadata service gave no credentials${Code && `, but ${Code}`}`);
  }
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    sessionToken: Token,
    expiration,
    ...(AccountId ? { accountId: AccountId } : {}),
  };
}

/** Without the parser's own message, which quotes what it read. */
function parse(text: string): Record<string, string | undefined> {
  try {
    return Object(JSON.parse(text));
  } catch {
    throw new Error('the metadata service gave something that is not JSON');
  }
}
