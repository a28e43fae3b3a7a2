import t, { type Test } from 'tap';
import { startSimulatedAws } from '../../src/demo/aws.js';
import { readProfiles } from '../support/profiles.js';

const account = '123456789012';
const arn = (name: string) => `arn:aws:iam::${account}:role/${name}`;
const KEYS = { AWS_ACCESS_KEY_ID: 'AKIAADA', AWS_SECRET_ACCESS_KEY: 'ada-secret' };

async function start(t: Test, config: string, env: Record<string, string> = {}) {
  const aws = await startSimulatedAws({
    world: {
      users: [{ accountId: account, name: 'ada', accessKeyId: 'AKIAADA', secretAccessKey: 'ada-secret' }],
      roles: [
        { arn: arn('MyApp/MyS3Access'), trusts: [account], externalId: 'wut/1' },
        { arn: arn('Long'), trusts: ['*'], maxSessionDuration: 43_200 },
        { arn: arn('Short'), trusts: [account] },
        { arn: arn('Closed'), trusts: ['210987654321'] },
        ...['A', 'B', 'C', 'D'].map((name) => ({
          arn: arn(name),
          trusts: [account],
          maxSessionDuration: 43_200,
        })),
      ],
    },
  });
  t.teardown(aws.close);
  const profiles = await readProfiles(t, {
    config,
    credentials: '[base]\naws_access_key_id = AKIAADA\naws_secret_access_key = ada-secret\n',
    env: { AWS_ENDPOINT_URL: aws.url, ...env },
  });
  return { aws, ...profiles };
}

const profile = (name: string, role: string, more = '', source = 'source_profile = base') =>
  `[profile ${name}]\nrole_arn = ${role.startsWith('arn:') ? role : arn(role)}\n${source}\n${more}\n`;

t.test('long-term keys sign AssumeRole themselves', async (t) => {
  const { aws, obtain } = await start(
    t,
    profile('app', 'MyApp/MyS3Access', 'external_id = wut/1\nrole_session_name = ada@laptop'),
  );
  t.match(await obtain('app'), {
    accessKeyId: /^ASIA/,
    sessionToken: String,
    expiration: Number,
    accountId: account,
    roleArn: arn('MyApp/MyS3Access'),
    assumedRoleUser: {
      arn: `arn:aws:sts::${account}:assumed-role/MyS3Access/ada@laptop`,
      assumedRoleId: /^AROA.*:ada@laptop$/,
    },
  });
  t.match(aws.calls, [{ operation: 'AssumeRole', principal: `arn:aws:iam::${account}:user/ada` }]);
});

t.test('a denied role: the wrong external id, or no trust', async (t) => {
  const { refusal } = await start(
    t,
    profile('wrong', 'MyApp/MyS3Access', 'external_id = wut/2') +
      profile('none', 'MyApp/MyS3Access') +
      profile('closed', 'Closed'),
  );
  for (const name of ['wrong', 'none', 'closed']) {
    const error = await refusal(name);
    t.match(error, { code: 'AccessDenied', statusCode: 403, retryable: false }, name);
    t.match(error.message, 'is not authorized to perform: sts:AssumeRole on resource', 'AWS speaks first');
    t.match(error.message, `Check role_arn and external_id of "${name}"`);
  }
});

t.test('duration_seconds', async (t) => {
  const { aws, obtain, refusal } = await start(
    t,
    profile('unset', 'Long') +
      profile('half', 'Long', 'duration_seconds = 43200') +
      profile('much', 'Short', 'duration_seconds = 7200') +
      profile('little', 'Short', 'duration_seconds = 60') +
      profile('chained', 'Long', 'duration_seconds = 43200', 'source_profile = half'),
  );
  const asked = () => aws.calls.at(-1)?.params.DurationSeconds;
  await obtain('unset');
  t.equal(asked(), '3600');
  await obtain('half');
  t.equal(asked(), '43200');
  await obtain('chained');
  t.equal(asked(), '3600', 'AWS allows a role session no more');

  const much = await refusal('much');
  t.match(much, { code: 'ValidationError', statusCode: 400, retryable: false });
  t.match(
    much.message,
    'exceeds the MaxSessionDuration set for this role (ValidationError). Lower duration_seconds of "much"',
  );
  t.match(await refusal('little'), { code: 'ValidationError', statusCode: 400, message: /Lower|Correct/ });
});

t.test('a chain of four roles, each signed by the one before', async (t) => {
  const { aws, obtain } = await start(
    t,
    profile('d', 'D', '', 'source_profile = c') +
      profile('c', 'C', '', 'source_profile = b') +
      profile('b', 'B', '', 'source_profile = a') +
      profile('a', 'A', 'role_session_name = first'),
  );
  t.match(await obtain('d'), { roleArn: arn('D') });
  const session = (name: string, by: string) => `arn:aws:sts::${account}:assumed-role/${name}/${by}`;
  t.strictSame(
    aws.calls.map(({ principal }) => principal),
    [
      `arn:aws:iam::${account}:user/ada`,
      session('A', 'first'),
      session('B', 'credd-ada'),
      session('C', 'credd-ada'),
    ],
  );
});

t.test("a session name that AWS does not take is the person's to correct", async (t) => {
  const { refusal } = await start(t, profile('odd', 'Short', 'role_session_name = a b'));
  t.match(await refusal('odd'), { code: 'ValidationError', statusCode: 400, message: /roleSessionName/i });
});

t.test('a role on the keys in the environment of the daemon', async (t) => {
  const { aws, obtain } = await start(
    t,
    profile('env', 'Short', '', 'credential_source = Environment'),
    KEYS,
  );
  t.match(await obtain('env'), { roleArn: arn('Short') });
  t.equal(aws.calls[0]?.principal, `arn:aws:iam::${account}:user/ada`);
});

t.test('a session of the source that is over is told from one that is not known', async (t) => {
  const { aws, refusal, obtain } = await start(
    t,
    `${profile('role', 'Short', '', 'source_profile = pasted')}[profile pasted]\naws_access_key_id = ASIAX\naws_secret_access_key = x\naws_session_token = t\n`,
  );
  t.match(await refusal('role'), { code: 'InvalidClientTokenId', statusCode: 403 });
  t.equal(aws.count('AssumeRole'), 1, 'such an answer is not asked for twice');
  await t.rejects(obtain('pasted'));
});
