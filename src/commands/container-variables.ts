import type { Grant } from '../access/lease.js';
import { isRegion } from '../aws/site.js';
import { segmentOf } from '../http/segment.js';
import type { Environment } from '../system/paths.js';
import { type CommandContext, text, UsageError } from './command.js';

/** What stands before the container endpoint in nearly every SDK; even an empty one does. */
export const SHADOWING: readonly string[] = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_SECURITY_TOKEN',
  'AWS_CREDENTIAL_EXPIRATION',
  'AWS_PROFILE',
  'AWS_DEFAULT_PROFILE',
  'AWS_ROLE_ARN',
  'AWS_ROLE_SESSION_NAME',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
];

/** With these SDKs fetch the profile's credentials from the daemon; some know only the token, some only its file. */
export function containerVariables(url: string, { lease, token }: Grant): Environment {
  return {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/creds/${segmentOf(lease.profile)}`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: token,
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: lease.tokenFile,
  };
}

/** Some SDKs read the one, some the other. */
export function regionVariables(region: string | undefined): Environment {
  return region ? { AWS_REGION: region, AWS_DEFAULT_REGION: region } : {};
}

/** The region that --region names, if any. */
export function regionGiven(values: CommandContext['values']): string | undefined {
  const region = text(values.region);
  if (region === undefined || isRegion(region)) return region;
  throw new UsageError(`--region: "${region}" is not a region: write it as eu-west-1`);
}
