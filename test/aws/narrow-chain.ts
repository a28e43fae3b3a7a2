import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Narrowing } from '../../src/access/narrowing.js';
import { startSimulatedAws } from '../../src/demo/aws.js';
import { readProfiles } from '../support/profiles.js';

const ACCOUNT = '123456789012';
const ROLE = `arn:aws:iam::${ACCOUNT}:role/deploy`;
const POLICY =
  '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}';
const denial = (block: string) => ({
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

async function start(t: Test) {
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

t.test('a role carries exactly what narrows it', async (t) => {
  const { details } = await start(t);
  const plain = {
    policy: undefined,
    policyArns: [],
    tags: {},
    transitiveTagKeys: [],
    sourceIdentity: undefined,
  };
  t.match(await details('deploy'), { ...plain, minutes: 60 });
  t.match(await details('deploy', {}, { allowed: { readOnly: true } }), {
    ...plain,
    policyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess'],
  });
  t.match(await details('deploy', { addresses: ['auto'] }, { allowed: { policy: POLICY } }), {
    ...plain,
    policy: { Version: '2012-10-17', Statement: [JSON.parse(POLICY).Statement, denial('203.0.113.7/32')] },
  });
  t.match(
    await details(
      'deploy',
      { durationSeconds: 7200, sessionName: 'ci', tags: { team: 'a' } },
      { sourceIdentity: 'ada', tags: { app: 'x y' }, transitiveTags: ['team'] },
    ),
    {
      ...plain,
      tags: { team: 'a', app: 'x y' },
      transitiveTagKeys: ['team'],
      sourceIdentity: 'ada',
      minutes: 120,
      arn: `arn:aws:sts::${ACCOUNT}:assumed-role/deploy/ci`,
    },
  );
});

t.test("aws-vault's names in the AWS profile, in each step of a chain", async (t) => {
  const { aws, details, refusal } = await start(t);
  const marks = {
    sourceIdentity: 'ada',
    tags: { team: 'a', 'cost center': '7' },
    transitiveTagKeys: ['team'],
  };
  t.match(await details('marked'), marks);
  t.match(await details('marked', { tags: { team: 'b' } }, { allowed: { readOnly: true } }), {
    ...marks,
    tags: { team: 'b', 'cost center': '7' },
    policyArns: [String],
  });
  t.match(await refusal('marked', {}, { tags: { team: 'b' } }), { code: 'NarrowingClash' });
  await details('on-marked', { allowed: { readOnly: true } });
  const [first, second] = aws.world.sessions().slice(-2);
  t.match(first?.details, { ...marks, policyArns: [] }, 'only the last step is narrowed');
  t.match(second?.details, { tags: {}, policyArns: [String] });
  t.match(await refusal('badly-marked'), {
    code: 'InvalidProfile',
    message: /"team" has no value: write it as key=value \(~\/\.aws\/config:\d+\)/,
  });
  t.match(await refusal('marked-web'), { code: 'InvalidProfile', message: /session_tags.*does not take/ });
});

t.test('a web identity takes policies, but neither tags nor a source identity', async (t) => {
  const { details, refusal } = await start(t);
  t.match(
    await details(
      'web',
      { addresses: ['10.0.0.0/8'] },
      { allowed: { readOnly: true }, durationSeconds: 900 },
    ),
    {
      policyArns: [String],
      policy: { Statement: [denial('10.0.0.0/8')] },
      minutes: 15,
    },
  );
  for (const lease of [
    { tags: { a: '1' } },
    { sourceIdentity: 'ada' },
    { transitiveTags: ['a'] },
  ] as Narrowing[]) {
    t.match(await refusal('web', {}, lease), {
      code: 'CannotBeNarrowed',
      statusCode: 400,
      message:
        /^Profile "web" cannot be given .*web identity token.* role_arn = ARN and source_profile = web/,
    });
  }
});

t.test('long-term keys are narrowed by GetFederationToken', async (t) => {
  const { aws, details, refusal } = await start(t);
  const federated = `arn:aws:sts::${ACCOUNT}:federated-user/credd`;
  t.match(await details('keys', { allowed: { readOnly: true } }), {
    arn: federated,
    policyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess'],
    policy: undefined,
    minutes: 720,
  });
  t.match(
    await details('keys', {}, { tags: { a: '1' }, sessionName: 'ada', durationSeconds: 900 }),
    {
      arn: federated.replace('credd', 'ada'),
      tags: { a: '1' },
      policy: { Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] },
      minutes: 15,
    },
    'without a policy it could do nothing',
  );
  t.match(await details('keys', { addresses: ['auto'] }), {
    policy: { Statement: [{ Effect: 'Allow' }, denial('203.0.113.7/32')] },
  });
  t.match(await details('keys', { durationSeconds: 1800 }), {
    arn: `arn:aws:iam::${ACCOUNT}:user/ada`,
    minutes: 30,
  });
  t.equal(aws.calls.at(-1)?.operation, 'GetSessionToken');
  for (const lease of [
    { sourceIdentity: 'ada' },
    { transitiveTags: ['a'] },
    { sessionName: 'it' },
  ] as Narrowing[]) {
    t.match(await refusal('keys', {}, lease), {
      code: 'CannotBeNarrowed',
      message: /a session of access keys/,
    });
  }
  t.match(await refusal('keys', { allowed: { readOnly: true }, sessionName: 'x'.repeat(33) }), {
    code: 'InvalidNarrowing',
  });
});

t.test('what AWS cannot narrow is refused with the way out, never given whole', async (t) => {
  const { aws, refusal } = await start(t);
  const everything: Narrowing[] = [
    { allowed: { readOnly: true } },
    { addresses: ['auto'] },
    { durationSeconds: 900 },
    { sessionName: 'it' },
    { sourceIdentity: 'it' },
    { tags: { a: '1' } },
    { transitiveTags: ['a'] },
  ];
  for (const [profile, why] of [
    ['sso', 'developer comes from Identity Center'],
    ['pasted', 'a session already'],
    ['tool', 'come from a program'],
  ] as const) {
    for (const narrowing of everything) {
      for (const [own, lease] of [
        [narrowing, {}],
        [{}, narrowing],
      ] as const) {
        const { code, message } = await refusal(profile, own, lease);
        t.equal(code, 'CannotBeNarrowed');
        t.match(message, new RegExp(why));
        t.match(message, `role_arn = ARN and source_profile = ${profile}, and narrow that.`);
      }
    }
  }
  t.equal(aws.calls.length, 0);
});

t.test('limits, in words', async (t) => {
  const { answers, refusal } = await start(t);
  t.match(await refusal('deploy', { durationSeconds: 43_201 }), {
    message: /lasts 43200 seconds \(12h\) at most/,
  });
  const wide = (count: number) =>
    JSON.stringify({
      Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: `arn:aws:s3:::${'x'.repeat(count)}` }],
    });
  t.match(await refusal('deploy', { allowed: { policy: wide(2048) } }), {
    code: 'PolicyTooLong',
    message: /^Profile "deploy": its session policy has 21\d\d characters .* AWS takes 2048/,
  });
  t.match(await refusal('deploy', { allowed: { policy: wide(1900) }, tags: { a: 'y'.repeat(200) } }), {
    code: 'PackedPolicyTooLargeException',
    statusCode: 400,
    message: /^Profile "deploy": .*shorten the policy, or name fewer policies and tags\.$/,
  });
  for (const [status, body] of [
    [200, '<html>sign in to this network</html>'],
    [200, 'x'.repeat(5000)],
    [302, ''],
    [500, '203.0.113.7'],
  ] as const) {
    Object.assign(answers, { status, body });
    t.match(await refusal('deploy', { addresses: ['auto'] }), {
      code: 'AddressUnknown',
      statusCode: 503,
      message: /^Profile "deploy": http:\/\/127\.0\.0\.1:\d+\/ did not say which address/,
    });
  }
});
