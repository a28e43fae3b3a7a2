import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { Narrowing } from '../../src/access/narrowing.js';
import { startSimulatedAws } from '../../src/demo/aws.js';
import { readProfiles } from './profiles.js';

export const ACCOUNT = '123456789012';
const ROLE = `arn:aws:iam::${ACCOUNT}:role/deploy`;
export const POLICY =
  '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}';
export const denial = (block: string) => ({
  Effect: 'Deny',
  Action: '*',
  Resource: '*',
  Condition: { NotIpAddress: { 'aws:SourceIp': block }, Bool: { 'aws:ViaAWSService': 'false' } },
});

const CONFIG = `
[profile keys]
aws_access_key_id = AKIAADA
aws_secret_access_key = ada-secret
region = eu-west-1

[profile pasted]
aws_access_key_id = AKIAADA
aws_secret_access_key = ada-secret
aws_session_token = token

[profile deploy]
role_arn = ${ROLE}
source_profile = keys

[profile marked]
role_arn = ${ROLE}
source_profile = keys
source_identity = ada
session_tags = team=a, cost center=7
transitive_session_tags = team

[profile badly-marked]
role_arn = ${ROLE}
source_profile = keys
session_tags = team

[profile marked-twice]
role_arn = ${ROLE}
source_profile = keys
session_tags = team=a, team=b

[profile on-marked]
role_arn = ${ROLE}2
source_profile = marked

[profile web]
role_arn = arn:aws:iam::${ACCOUNT}:role/web
web_identity_token_file = TOKEN

[profile marked-web]
role_arn = arn:aws:iam::${ACCOUNT}:role/web
web_identity_token_file = TOKEN
session_tags = team=a

[profile sso]
sso_start_url = https://example.awsapps.com/start
sso_region = eu-west-1
sso_account_id = ${ACCOUNT}
sso_role_name = developer

[profile tool]
credential_process = /bin/false
`;

/** What says which address we have; `answers` may be changed. */
async function addressServer(t: Test) {
  const answers = { status: 200, body: '203.0.113.7\n', asked: 0 };
  const server = createServer((_request, response) => {
    answers.asked++;
    response.writeHead(answers.status).end(answers.body);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return { answers, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

/** Profiles of every kind, and what their sessions carry when they are narrowed. */
export async function startNarrowing(t: Test) {
  const aws = await startSimulatedAws({
    world: {
      users: [{ accountId: ACCOUNT, name: 'ada', accessKeyId: 'AKIAADA', secretAccessKey: 'ada-secret' }],
      roles: [
        { arn: ROLE, trusts: [ACCOUNT], maxSessionDuration: 43_200 },
        { arn: `${ROLE}2`, trusts: [ROLE] },
        { arn: `arn:aws:iam::${ACCOUNT}:role/web`, trusts: ['https://issuer.example'] },
      ],
      webIdentities: [
        { token: 'a-token', issuer: 'https://issuer.example', subject: 'job', audience: 'sts.amazonaws.com' },
      ],
    },
  });
  t.teardown(aws.close);
  const { answers, url } = await addressServer(t);
  const profiles = await readProfiles(t, {
    config: CONFIG.replaceAll('TOKEN', join(t.testdirName, 'token')),
    env: { AWS_ENDPOINT_URL: aws.url },
    addressUrl: url,
  });
  writeFileSync(join(t.testdirName, 'token'), 'a-token');
  /** What AWS was given, and for how long. */
  const details = async (profile: string, own?: Narrowing, lease?: Narrowing) => {
    const before = Date.now();
    const { accessKeyId, expiration = 0 } = await profiles.obtain(profile, own, lease);
    const session = aws.world.session(accessKeyId);
    return {
      ...session?.details,
      policy: session?.details.policy && JSON.parse(session.details.policy),
      arn: session?.principal.arn,
      minutes: Math.round((expiration - before) / 60_000),
    };
  };
  return { aws, answers, details, ...profiles };
}
