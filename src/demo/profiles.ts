import { createHash, randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { SimulatedAws, SimulatedAwsOptions } from './aws.js';
import { type IdentityCenter, permissionSetRole } from './sso.js';

const ACCOUNT = '123456789012';
const PRODUCTION = '210987654321';
const HOUR = 3600_000;
const KEY = { accountId: ACCOUNT, name: 'ada', accessKeyId: `AKIA${word(16)}`, secretAccessKey: word(40) };
const DEPLOY = `arn:aws:iam::${ACCOUNT}:role/deploy`;
const AUDIT = `arn:aws:iam::${PRODUCTION}:role/audit`;
const ADMIN = `arn:aws:iam::${PRODUCTION}:role/admin`;

const CENTER: IdentityCenter = {
  startUrl: 'https://example.awsapps.com/start',
  region: 'eu-west-1',
  userName: 'ada',
  assignments: [{ accountId: ACCOUNT, roles: ['developer'] }],
  tokens: [{ accessToken: word(64), expiresAt: Date.now() + 8 * HOUR }],
};

/** The accounts and roles that the sample profiles lead to. */
export const sampleWorld: NonNullable<SimulatedAwsOptions['world']> = {
  users: [KEY],
  roles: [
    { arn: DEPLOY, trusts: [ACCOUNT], externalId: 'demo-7' },
    { arn: AUDIT, trusts: [permissionSetRole(CENTER, ACCOUNT, 'developer')] },
    { arn: ADMIN, trusts: [] },
  ],
  identityCenters: [CENTER],
};

/** Writes `.aws` below `home`: a profile of each kind, and one that AWS refuses. */
export async function writeSampleProfiles(home: string, aws: SimulatedAws): Promise<void> {
  const cache = join(home, '.aws', 'sso', 'cache');
  await mkdir(cache, { recursive: true, mode: 0o700 });
  await writeFile(join(home, '.aws', 'config'), config(aws.url), { mode: 0o600 });
  await writeFile(join(home, '.aws', 'credentials'), credentials(), { mode: 0o600 });
  await writeFile(join(cache, `${createHash('sha1').update('example').digest('hex')}.json`), signIn(), {
    mode: 0o600,
  });
}

function config(url: string): string {
  return `[profile user]
region = eu-west-1
endpoint_url = ${url}

[profile deploy]
role_arn = ${DEPLOY}
source_profile = user
external_id = demo-7
region = eu-west-1
endpoint_url = ${url}

[sso-session example]
sso_start_url = ${CENTER.startUrl}
sso_region = ${CENTER.region}

[profile dev]
sso_session = example
sso_account_id = ${ACCOUNT}
sso_role_name = developer
region = eu-west-1
endpoint_url = ${url}

[profile audit]
role_arn = ${AUDIT}
source_profile = dev
region = eu-central-1
endpoint_url = ${url}

[profile forbidden]
role_arn = ${ADMIN}
source_profile = user
endpoint_url = ${url}
`;
}

function credentials(): string {
  return `[user]
aws_access_key_id = ${KEY.accessKeyId}
aws_secret_access_key = ${KEY.secretAccessKey}
`;
}

function signIn(): string {
  const token = CENTER.tokens?.[0];
  return JSON.stringify({
    startUrl: CENTER.startUrl,
    region: CENTER.region,
    accessToken: token?.accessToken,
    expiresAt: new Date(token?.expiresAt ?? 0).toISOString(),
  });
}

/** Letters and digits as AWS's keys have them; new at each start, so that nothing that looks like a key is written down. */
function word(length: number): string {
  return randomBytes(length).toString('hex').toUpperCase().slice(0, length);
}
