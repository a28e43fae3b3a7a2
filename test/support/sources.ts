import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Test } from 'tap';
import { type SimulatedAws, startSimulatedAws } from '../../src/demo/aws.js';
import { type IdentityCenter, permissionSetRole } from '../../src/demo/sso.js';
import { rolePrincipal, type Session } from '../../src/demo/world.js';
import { type Machine, machine, type Variables } from './cli.js';

const ACCOUNT = '123456789012';
const HOUR = 3600_000;
export const USER = {
  accountId: ACCOUNT,
  name: 'ada',
  accessKeyId: 'AKIAADA',
  secretAccessKey: 'adas-secret',
};
/** In the environment, to be in the way, and for `credential_source = Environment`. */
export const OTHER = {
  accountId: ACCOUNT,
  name: 'bob',
  accessKeyId: 'AKIABOB',
  secretAccessKey: 'bobs-secret',
};

export const role = (name: string) => `arn:aws:iam::${ACCOUNT}:role/${name}`;
export const assumed = (name: string, session = 'it') =>
  `arn:aws:sts::${ACCOUNT}:assumed-role/${name}/${session}`;

const CENTER: IdentityCenter = {
  startUrl: 'https://example.awsapps.com/start',
  region: 'eu-west-1',
  userName: 'ada',
  assignments: [{ accountId: ACCOUNT, roles: ['developer'] }],
  tokens: [{ accessToken: 'a-sign-in-token', expiresAt: Date.now() + 8 * HOUR }],
};
const SSO_ROLE = permissionSetRole(CENTER, ACCOUNT, 'developer');
const SSO_ARN = rolePrincipal(SSO_ROLE, 'ada').arn;

/** Profile -> the ARN that GetCallerIdentity gives for its credentials: one of every kind of source. */
export const ARNS: Readonly<Record<string, string>> = {
  keys: `arn:aws:iam::${ACCOUNT}:user/ada`,
  pasted: assumed('pasted'),
  app: assumed('MyS3Access'),
  'app/prod €': assumed('prod'),
  environment: assumed('from-bob'),
  container: assumed('from-container'),
  instance: assumed('from-instance'),
  'sso-old': SSO_ARN,
  sso: SSO_ARN,
  'sso.role': assumed('on-sso'),
  process: assumed('from-process'),
  web: assumed('from-web'),
};

export interface World {
  aws: SimulatedAws;
  /** What the daemon is started with. */
  daemonEnv: Variables;
  /** Every secret that exists so far. */
  secrets(): string[];
}

/** A machine with all of them, and a daemon if wanted. */
export async function ready(t: Test, { daemon }: { daemon: boolean }) {
  const own = machine(t);
  const world = await everySource(t, own);
  return { ...own, ...world, daemon: daemon ? await own.serve([], { env: world.daemonEnv }) : undefined };
}

/** A simulated AWS, and on the machine a profile for each of {@link ARNS}. */
export async function everySource(t: Test, { home, profiles, path }: Machine): Promise<World> {
  const aws = await startSimulatedAws({
    world: {
      users: [USER, OTHER],
      roles: [
        { arn: role('MyApp/MyS3Access'), trusts: [ACCOUNT], externalId: 'demo=7#1' },
        { arn: role('prod'), trusts: [role('MyApp/MyS3Access')] },
        { arn: role('from-bob'), trusts: [`arn:aws:iam::${ACCOUNT}:user/bob`] },
        { arn: role('from-container'), trusts: [role('machine')] },
        { arn: role('from-instance'), trusts: [role('machine')] },
        { arn: role('on-sso'), trusts: [SSO_ROLE] },
        { arn: role('from-web'), trusts: ['https://issuer.example'] },
      ],
      identityCenters: [CENTER],
      webIdentities: [
        {
          token: 'a-web-identity-token',
          issuer: 'https://issuer.example',
          subject: 'job',
          audience: 'sts.amazonaws.com',
        },
      ],
    },
  });
  t.teardown(() => aws.close());
  const issue = (name: string) => aws.world.issue(rolePrincipal(role(name), 'it'), 3600);
  const pasted = issue('pasted');
  const metadata = await machineCredentials(t, issue('machine'));

  profiles(config(home, aws.url), credentials(pasted));
  writeFileSync(path('process.json'), processOutput(issue('from-process')), { mode: 0o600 });
  writeFileSync(path('web-token'), 'a-web-identity-token', { mode: 0o600 });
  mkdirSync(path('.aws', 'sso', 'cache'), { recursive: true });
  for (const key of ['example', CENTER.startUrl]) {
    const name = `${createHash('sha1').update(key).digest('hex')}.json`;
    writeFileSync(path('.aws', 'sso', 'cache', name), signIn(), { mode: 0o600 });
  }
  return {
    aws,
    daemonEnv: {
      AWS_ACCESS_KEY_ID: OTHER.accessKeyId,
      AWS_SECRET_ACCESS_KEY: OTHER.secretAccessKey,
      AWS_CONTAINER_CREDENTIALS_FULL_URI: `${metadata}/container`,
      AWS_EC2_METADATA_SERVICE_ENDPOINT: metadata,
      AWS_EC2_METADATA_DISABLED: 'false',
    },
    secrets: () => [
      USER.secretAccessKey,
      OTHER.secretAccessKey,
      'a-sign-in-token',
      'a-web-identity-token',
      ...aws.world.sessions().flatMap((it) => [it.secretAccessKey, it.sessionToken]),
    ],
  };
}

function config(home: string, url: string): string {
  const roleProfile = (name: string, arn: string, source: string) => `
[profile ${name}]
role_arn = ${arn}
role_session_name = it
${source}
endpoint_url = ${url}
`;
  return `
[default]
endpoint_url = ${url}
# As version 2 of the AWS CLI prints times.
cli_timestamp_format = iso8601

[profile keys]
endpoint_url = ${url}

[profile pasted]
endpoint_url = ${url}
${roleProfile('app', role('MyApp/MyS3Access'), 'source_profile = keys\nexternal_id = demo=7#1\nregion = eu-west-3')}
${roleProfile('"app/prod €"', role('prod'), 'source_profile = app')}
${roleProfile('environment', role('from-bob'), 'credential_source = Environment')}
${roleProfile('container', role('from-container'), 'credential_source = EcsContainer')}
${roleProfile('instance', role('from-instance'), 'credential_source = Ec2InstanceMetadata')}

[sso-session example]
sso_start_url = ${CENTER.startUrl}
sso_region = ${CENTER.region}

[profile sso-old]
sso_start_url = ${CENTER.startUrl}
sso_region = ${CENTER.region}
sso_account_id = ${ACCOUNT}
sso_role_name = developer
endpoint_url = ${url}

[profile sso]
sso_session = example
sso_account_id = ${ACCOUNT}
sso_role_name = developer
endpoint_url = ${url}
${roleProfile('sso.role', role('on-sso'), 'source_profile = sso')}

[profile process]
credential_process = cat '${home}/process.json'
endpoint_url = ${url}
${roleProfile('web', role('from-web'), `web_identity_token_file = ${home}/web-token`)}
`;
}

function credentials({ accessKeyId, secretAccessKey, sessionToken }: Session): string {
  return `[keys]
aws_access_key_id = ${USER.accessKeyId}
aws_secret_access_key = ${USER.secretAccessKey}

[pasted]
aws_access_key_id = ${accessKeyId}
aws_secret_access_key = ${secretAccessKey}
aws_session_token = ${sessionToken}
`;
}

function signIn(): string {
  const [token] = CENTER.tokens ?? [];
  return JSON.stringify({
    startUrl: CENTER.startUrl,
    region: CENTER.region,
    accessToken: token?.accessToken,
    expiresAt: new Date(token?.expiresAt ?? 0).toISOString(),
  });
}

function processOutput({ accessKeyId, secretAccessKey, sessionToken, expiration }: Session): string {
  return JSON.stringify({
    Version: 1,
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    SessionToken: sessionToken,
    Expiration: new Date(expiration).toISOString(),
  });
}

/** What ECS and EC2 answer, in one: `/container`, and IMDSv2. */
async function machineCredentials(t: Test, session: Session): Promise<string> {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = session;
  const body = JSON.stringify({
    Code: 'Success',
    AccessKeyId: accessKeyId,
    SecretAccessKey: secretAccessKey,
    Token: sessionToken,
    Expiration: new Date(expiration).toISOString(),
  });
  const server = createServer(({ method, url }, response) => {
    if (method === 'PUT') response.end('a-metadata-token');
    else if (url?.endsWith('/security-credentials/')) response.end('machine');
    else response.end(body);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
