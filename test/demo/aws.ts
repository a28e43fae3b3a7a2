import { execFile, execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { promisify } from 'node:util';
import t, { type Test } from 'tap';
import { startSimulatedAws } from '../../src/demo/aws.js';
import { permissionSetRole } from '../../src/demo/sso.js';

const run = promisify(execFile);
const python = findPython();
const skip = !python && 'pip install boto3 awscli';

const account = '123456789012';
const user = { accountId: account, name: 'ada', accessKeyId: 'AKIAADA', secretAccessKey: 'ada-secret' };
const partner = 'arn:aws:iam::210987654321:role/MyApp/Partner';
const center = {
  startUrl: 'https://d-93670bd35a.awsapps.com/start/',
  region: 'eu-west-1',
  userName: 'ada',
  assignments: [{ accountId: account, roles: ['Developer'] }],
  tokens: [{ accessToken: 'token-of-ada', expiresAt: Date.now() + 3_600_000 }],
};
const specific = `arn:aws:iam::${account}:role/Specific`;

/** The interpreter that has the real AWS CLI and boto3, by its own path: launchers go by HOME, which the tests change. */
function findPython(): string | undefined {
  try {
    const program = 'import sys, boto3, awscli; print(sys.executable)';
    return execFileSync('python3', ['-c', program], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return undefined;
  }
}

async function start(t: Test) {
  const aws = await startSimulatedAws({
    world: {
      users: [user],
      roles: [
        { arn: partner, trusts: [account], externalId: 'ours/1' },
        { arn: specific, trusts: [permissionSetRole(center, account, 'Developer')] },
      ],
      identityCenters: [center],
    },
  });
  t.teardown(aws.close);
  const signIn = {
    startUrl: center.startUrl,
    region: center.region,
    accessToken: 'token-of-ada',
    expiresAt: new Date(Date.now() + 3_600_000).toISOString().replace(/\.\d+/, ''),
  };
  const cacheName = `${createHash('sha1').update(center.startUrl).digest('hex')}.json`;
  const home = t.testdir({
    '.aws': {
      config: `[default]
region = eu-west-1
[profile partner]
role_arn = ${partner}
source_profile = default
external_id = ours/1
[profile wrong]
role_arn = ${partner}
source_profile = default
[profile developer]
sso_start_url = ${center.startUrl}
sso_region = eu-west-1
sso_account_id = ${account}
sso_role_name = Developer
[profile specific]
role_arn = ${specific}
source_profile = developer
`,
      credentials: `[default]
aws_access_key_id = ${user.accessKeyId}
aws_secret_access_key = ${user.secretAccessKey}
`,
      sso: { cache: { [cacheName]: JSON.stringify(signIn) } },
    },
  });
  const env = {
    HOME: home,
    AWS_ENDPOINT_URL: aws.url,
    AWS_DEFAULT_REGION: 'eu-west-1',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_MAX_ATTEMPTS: '1',
  };
  const runPython = async (...args: string[]) => (await run(python ?? '', args, { env })).stdout;
  const cli = async (...args: string[]) =>
    JSON.parse(await runPython('-m', 'awscli', ...args, '--output', 'json'));
  const boto3 = async (program: string) =>
    JSON.parse(await runPython('-c', `import boto3, json\n${program}`));
  return { aws, cli, boto3 };
}

t.test('serves the AWS CLI', { skip }, async (t) => {
  const { aws, cli } = await start(t);
  t.match(await cli('sts', 'get-caller-identity'), {
    Arn: `arn:aws:iam::${account}:user/ada`,
    Account: account,
  });
  t.match(await cli('sts', 'get-session-token'), {
    Credentials: { AccessKeyId: /^ASIA/, Expiration: /^\d{4}-\d\d-\d\dT/ },
  });
  const assume = ['sts', 'assume-role', '--role-arn', partner, '--role-session-name', 'work'];
  t.match(await cli(...assume, '--external-id', 'ours/1'), {
    AssumedRoleUser: { Arn: 'arn:aws:sts::210987654321:assumed-role/Partner/work' },
  });
  await t.rejects(cli(...assume), {
    message: `An error occurred (AccessDenied) when calling the AssumeRole operation: User: arn:aws:iam::${account}:user/ada is not authorized to perform: sts:AssumeRole on resource: ${partner}`,
  });
  t.equal(aws.count('AssumeRole'), 2);
});

t.test('serves the chains of the AWS CLI', { skip }, async (t) => {
  const { aws, cli } = await start(t);
  const whoAmI = (profile: string) => cli('sts', 'get-caller-identity', '--profile', profile);
  t.match(await whoAmI('partner'), { Arn: /:assumed-role\/Partner\/botocore-session-\d+$/ });
  await t.rejects(whoAmI('wrong'), { message: /AccessDenied/ });
  t.match(await whoAmI('developer'), { Arn: /:assumed-role\/AWSReservedSSO_Developer_[0-9a-f]{16}\/ada$/ });
  t.match(await whoAmI('specific'), { Arn: /:assumed-role\/Specific\/botocore-session-\d+$/ });
  t.equal(aws.count('GetRoleCredentials', 'ok'), 2);
});

t.test('serves boto3', { skip }, async (t) => {
  const { boto3 } = await start(t);
  const answers = await boto3(`
from botocore.exceptions import ClientError
session = boto3.Session(profile_name='specific')
arn = session.client('sts').get_caller_identity()['Arn']
def refusal(call):
    try:
        call()
    except ClientError as error:
        return error.response['Error']['Code']
sts = lambda secret: boto3.client('sts', aws_access_key_id='${user.accessKeyId}', aws_secret_access_key=secret)
print(json.dumps([arn, refusal(sts('wrong').get_caller_identity), refusal(session.client('sts').get_session_token)]))
`);
  t.match(answers, [/:assumed-role\/Specific\//, 'SignatureDoesNotMatch', 'AccessDenied']);
});

t.test('closes with connections open', async (t) => {
  const aws = await startSimulatedAws();
  const socket = connect(aws.port, '127.0.0.1');
  await once(socket, 'connect');
  const closed = once(socket, 'close');
  await aws.close();
  await closed;
  await t.rejects(fetch(aws.url), 'nobody listens any more');
});

t.test('says when its port is taken', async (t) => {
  const aws = await startSimulatedAws();
  t.teardown(aws.close);
  await t.rejects(startSimulatedAws({ port: aws.port }), { code: 'EADDRINUSE' });
});
