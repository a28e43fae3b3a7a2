import { CredentialError } from '../errors.js';
import { shellWord } from '../system/shell-word.js';
import { awsError } from './aws-error.js';
import { type Chain, isLongTerm } from './chain.js';
import type { AwsClients } from './clients.js';
import type { Credentials } from './credentials.js';
import { httpCall } from './http-call.js';
import { consoleHome, federationEndpoint, partitionOfRegion } from './partition.js';

/**
 * A URL that signs a browser in to the console as that role session; whoever has it may use it, for 15 minutes.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_enable-console-custom-url.html
 * @throws CredentialError
 */
export async function consoleUrl(request: {
  chain: Chain;
  credentials: Credentials;
  /** As in the console's paths: `s3`, `ec2`. */
  service?: string | undefined;
  /** Instead of the partition's own. */
  federationUrl?: string | undefined;
  clients: AwsClients;
}): Promise<string> {
  const { chain, credentials, service, federationUrl, clients } = request;
  const { profile, sts } = chain;
  mustBeARole(chain);
  const endpoint = federationUrl ?? federationEndpoint(sts.region);
  if (endpoint === undefined) throw unknownEndpoint(profile, sts.region);
  const { accessKeyId: sessionId, secretAccessKey: sessionKey, sessionToken } = credentials;
  const asked = new URL(endpoint);
  asked.searchParams.set('Action', 'getSigninToken');
  asked.searchParams.set('Session', JSON.stringify({ sessionId, sessionKey, sessionToken }));
  const SigninToken = await signinToken(clients, chain, asked);
  const destination = new URL(service ? `${service}/home` : 'console/home', consoleHome(sts.region));
  destination.searchParams.set('region', sts.region);
  const url = new URL(endpoint);
  const Destination = String(destination);
  const login = { Action: 'login', Issuer: 'credd', Destination, SigninToken };
  for (const [name, value] of Object.entries(login)) url.searchParams.set(name, value);
  if (!SigninToken) throw refused(profile, 'what answered is not the federation endpoint');
  return String(url);
}

async function signinToken(clients: AwsClients, { profile, sts }: Chain, url: URL): Promise<string> {
  try {
    const site = { region: sts.region, ...(sts.caBundle ? { caBundle: sts.caBundle } : {}) };
    const { status, text } = await httpCall(clients, site, {
      method: 'GET',
      url: String(url),
      headers: { host: url.host },
    });
    if (status >= 500) throw refused(profile, `it answered with status ${status}`, 503);
    if (status !== 200) throw refused(profile, `it answered with status ${status}`);
    return tokenIn(text);
  } catch (error) {
    throw awsError(error, profile, 'the sign-in to the console');
  }
}

function tokenIn(text: string): string {
  try {
    const { SigninToken } = Object(JSON.parse(text));
    return typeof SigninToken === 'string' ? SigninToken : '';
  } catch {
    return '';
  }
}

/** AWS signs role sessions in; of the sessions of a user's own keys it says nothing but 400. */
function mustBeARole({ profile, steps }: Chain): void {
  const last = steps.at(-1);
  if (last?.kind !== 'session-token' || !isLongTerm(last.of)) return;
  throw new CredentialError(
    'NotARole',
    400,
    `Profile "${profile}" is a user with access keys, and AWS signs only roles in to the console. Use a profile with a role_arn or an sso_session.`,
  );
}

/** A session of one partition is nothing for another's host. */
function unknownEndpoint(profile: string, region: string): CredentialError {
  return new CredentialError(
    'NoFederationEndpoint',
    400,
    `Profile "${profile}": AWS names no federation endpoint for ${region}, which is in the partition ${partitionOfRegion(region)}. Set federation_url in credd's config.ini to that of your partition.`,
  );
}

function refused(profile: string, why: string, statusCode = 403): CredentialError {
  return new CredentialError(
    'FederationFailed',
    statusCode,
    `Profile "${profile}": the federation endpoint gave no sign-in: ${why}. Look at federation_url and the region, and try: credd refresh ${shellWord(profile)}`,
  );
}
