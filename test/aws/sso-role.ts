import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startSimulatedAws } from '../../src/demo/aws.js';
import { type IdentityCenter, permissionSetRole } from '../../src/demo/sso.js';
import { readProfiles } from '../support/profiles.js';

const account = '123456789012';
const startUrl = 'https://wellcome.awsapps.com/start/#';
const accessToken = 'a-real-access-token';
const center: IdentityCenter = {
  startUrl,
  region: 'eu-west-1',
  userName: 'ada',
  assignments: [{ accountId: account, roles: ['Dev'] }],
  tokens: [{ accessToken, expiresAt: Date.UTC(2100, 0) }],
};

const legacy = (name: string, url = startUrl, role = 'Dev') =>
  `[${name}]\nsso_start_url = ${url}\nsso_region = eu-west-1\nsso_account_id = ${account}\nsso_role_name = ${role}\n`;
const modern = (name: string, session = 'wellcome') =>
  `[${name}]\nsso_session = ${session}\nsso_account_id = ${account}\nsso_role_name = Dev\n`;
const session = `[sso-session wellcome]\nsso_start_url = ${startUrl}\nsso_region = eu-west-1\n`;

const cacheFile = (name: string) => `${createHash('sha1').update(name).digest('hex')}.json`;
const token = (expiresAt = '2099-12-31T23:59:59Z', more = {}) =>
  JSON.stringify({ startUrl, region: 'eu-west-1', accessToken, expiresAt, ...more });

async function start(t: Test, config: string, ssoCache: Record<string, string>) {
  const role = {
    arn: `arn:aws:iam::${account}:role/developer`,
    trusts: [permissionSetRole(center, account, 'Dev')],
  };
  const aws = await startSimulatedAws({ world: { identityCenters: [center], roles: [role] } });
  t.teardown(aws.close);
  return { aws, ...(await readProfiles(t, { config, ssoCache, env: { AWS_ENDPOINT_URL: aws.url } })) };
}

t.test('the token of a legacy profile is found by its start URL, to the letter', async (t) => {
  const slash = 'https://d-93670bd35a.awsapps.com/start/';
  const { aws, obtain, refusal } = await start(
    t,
    legacy('default') + legacy('profile reply-b.paques', slash) + legacy('profile bare', slash.slice(0, -1)),
    { [cacheFile(startUrl)]: token(), [cacheFile(slash)]: token() },
  );
  const credentials = await obtain('default');
  t.match(credentials, { accessKeyId: /^ASIA/, sessionToken: String, accountId: account });
  t.ok((credentials.expiration ?? 0) > Date.now() + 3_500_000);
  t.match(aws.calls, [
    { operation: 'GetRoleCredentials', params: { role_name: 'Dev', account_id: account } },
  ]);
  await t.resolves(obtain('reply-b.paques'));
  t.equal((await refusal('bare')).code, 'SsoLoginRequired');
});

t.test('the token of an sso-session is found by its name', async (t) => {
  const { obtain } = await start(t, session + modern('profile dev'), { [cacheFile('wellcome')]: token() });
  t.match(await obtain('dev'), { accountId: account });
});

t.test('tokens as each tool writes them', async (t) => {
  const written = {
    'CLI v2': token('2099-12-31T23:59:59Z', {
      clientId: 'c',
      clientSecret: 's',
      registrationExpiresAt: '2099-12-31T23:59:59Z',
      refreshToken: 'r',
    }),
    'CLI v1 of old': token('2099-12-31T23:59:59UTC'),
    JavaScript: JSON.stringify(JSON.parse(token('2099-12-31T23:59:59.123Z')), null, 2),
  };
  for (const [name, text] of Object.entries(written)) {
    const { obtain } = await start(t, session + modern('profile dev'), { [cacheFile('wellcome')]: text });
    t.match(await obtain('dev'), { accountId: account }, name);
  }
});

t.test('without a sign-in that lasts: which command to type, and nobody is called', async (t) => {
  const cases: Record<string, [string | undefined, RegExp]> = {
    missing: [undefined, /nobody is signed in/],
    expired: [token('2020-01-01T00:00:00Z'), /the sign-in has expired/],
    'half-written': [token().slice(0, 60), /cannot be read/],
    garbage: ['\0\0', /cannot be read/],
    'not an object': ['null', /cannot be read/],
    'without a token': [JSON.stringify({ expiresAt: '2099-12-31T23:59:59Z' }), /cannot be read/],
    'without an end': [JSON.stringify({ accessToken }), /cannot be read/],
  };
  for (const [name, [text, why]] of Object.entries(cases)) {
    const { aws, refusal } = await start(
      t,
      session + modern('profile dev'),
      text === undefined ? {} : { [cacheFile('wellcome')]: text },
    );
    const error = await refusal('dev');
    t.match(error, { code: 'SsoLoginRequired', statusCode: 403, retryable: false }, name);
    t.match(error.message, why);
    t.match(error.message, 'Type: credd login dev');
    t.notMatch(error.message, accessToken);
    t.strictSame(aws.calls, []);
  }
});

t.test('the command can be pasted into a shell', async (t) => {
  const { refusal } = await start(t, session + modern('profile "my dev"') + modern("profile it's"), {});
  t.match((await refusal('my dev')).message, /credd login 'my dev'$/);
  t.ok((await refusal("it's")).message.endsWith(`credd login 'it'\\''s'`));
});

t.test('the next request after a sign-in succeeds', async (t) => {
  const { obtain, refusal, ssoCache } = await start(t, session + modern('profile dev'), {});
  t.equal((await refusal('dev')).code, 'SsoLoginRequired');
  const file = join(ssoCache, cacheFile('wellcome'));
  writeFileSync(file, token());
  await t.resolves(obtain('dev'));
  rmSync(file);
  t.equal((await refusal('dev')).code, 'SsoLoginRequired');
});

t.test('a token that Identity Center no longer accepts', async (t) => {
  const { aws, refusal } = await start(t, session + modern('profile dev'), {
    [cacheFile('wellcome')]: token(),
  });
  aws.signIns.end(accessToken);
  const error = await refusal('dev');
  t.match(error, { code: 'SsoLoginRequired', statusCode: 403, retryable: false });
  t.match(error.message, 'no longer accepts the sign-in');
  t.notMatch(error.message, accessToken);
});

t.test('an account or a role without assignment', async (t) => {
  const { refusal } = await start(t, legacy('profile admin', startUrl, 'Admin'), {
    [cacheFile(startUrl)]: token(),
  });
  const error = await refusal('admin');
  t.match(error, { code: 'ForbiddenException', statusCode: 403, retryable: false });
  t.match(error.message, 'No access (ForbiddenException). Check sso_account_id and sso_role_name of "admin"');
});

t.test('a role on top of Identity Center', async (t) => {
  const { aws, obtain, refusal } = await start(
    t,
    `${session}${modern('profile initial')}[profile developer]\nrole_arn = arn:aws:iam::${account}:role/developer\nsource_profile = initial\n`,
    { [cacheFile('wellcome')]: token() },
  );
  t.match(await obtain('developer'), {
    roleArn: `arn:aws:iam::${account}:role/developer`,
    accountId: account,
  });
  t.match(aws.calls[1], { operation: 'AssumeRole', principal: /assumed-role\/AWSReservedSSO_Dev_\w+\/ada$/ });
  aws.signIns.endAll();
  t.match((await refusal('developer')).message, 'credd login initial', 'the profile that signs in');
});

t.test('Identity Center is asked too often, breaks, or answers nonsense', async (t) => {
  const { aws, refusal, obtain } = await start(t, session + modern('profile dev'), {
    [cacheFile('wellcome')]: token(),
  });
  aws.faults.set('*', { kind: 'throttle' });
  t.match(await refusal('dev'), { code: 'TooManyRequestsException', statusCode: 503, retryable: true });
  aws.faults.set('*', { kind: 'error', status: 500 });
  t.match(await refusal('dev'), { statusCode: 503, retryable: true });
  aws.faults.set('*', { kind: 'garbage' });
  t.match(await refusal('dev'), { code: 'NetworkError', statusCode: 503, retryable: true });
  aws.faults.set('*', { kind: 'drop', times: 1 });
  await t.resolves(obtain('dev'), 'one lost connection is made up for');
});
