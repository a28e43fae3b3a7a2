import '../support/clean-environment.js';
import {
  AssumeRoleCommand,
  AssumeRoleWithWebIdentityCommand,
  type Credentials,
  GetCallerIdentityCommand,
  GetFederationTokenCommand,
  GetSessionTokenCommand,
  STSClient,
} from '@aws-sdk/client-sts';
import t, { type Test } from 'tap';
import { startSimulatedAws } from '../../src/demo/aws.js';
import type { WorldOptions } from '../../src/demo/world.js';
import { drivenClock } from '../support/driven-clock.js';

const account = '123456789012';
const user = { accountId: account, name: 'ada', accessKeyId: 'AKIAADA', secretAccessKey: 'ada-secret' };
const mfaSerial = `arn:aws:iam::${account}:mfa/eve`;
const eve = {
  accountId: account,
  name: 'eve',
  accessKeyId: 'AKIAEVE',
  secretAccessKey: 'eve-secret',
  mfaSerial,
};
const admin = `arn:aws:iam::${account}:role/team/Admin`;
const partner = `arn:aws:iam::210987654321:role/Partner`;
const chained = `arn:aws:iam::${account}:role/Chained`;
const guarded = `arn:aws:iam::${account}:role/Guarded`;
const ci = `arn:aws:iam::${account}:role/Ci`;
const issuer = 'token.actions.example.com';

const world: WorldOptions = {
  users: [user, eve],
  roles: [
    { arn: admin, trusts: [`arn:aws:iam::${account}:root`], maxSessionDuration: 43_200 },
    { arn: partner, trusts: [`arn:aws:iam::${account}:user/ada`], externalId: 'a/b=c' },
    { arn: chained, trusts: [admin], maxSessionDuration: 43_200 },
    { arn: guarded, trusts: [account], requiresMfa: true },
    { arn: ci, trusts: [issuer] },
  ],
  roleFor: (arn) => (/:role\/bulk-\d+$/.test(arn) ? { arn, trusts: [account] } : undefined),
  webIdentities: [
    { token: 'good-token', issuer, subject: 'repo:a/b', audience: 'sts.amazonaws.com' },
    { token: 'old-token', issuer, subject: 'repo:a/b', audience: 'sts.amazonaws.com', expiresAt: 1 },
  ],
};

interface Keys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

async function start(t: Test, options: Parameters<typeof startSimulatedAws>[0] = {}) {
  const aws = await startSimulatedAws({ world, ...options });
  t.teardown(aws.close);
  const client = (credentials: Keys, region = 'eu-west-1') => {
    const sts = new STSClient({ endpoint: aws.url, region, credentials, maxAttempts: 1 });
    t.teardown(() => sts.destroy());
    return sts;
  };
  const assume = (credentials: Keys, RoleArn: string, more = {}) =>
    client(credentials).send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'work', ...more }));
  const whoAmI = (credentials: Keys) => client(credentials).send(new GetCallerIdentityCommand({}));
  return { aws, client, assume, whoAmI };
}

const keys = (credentials: Credentials | undefined): Keys => ({
  accessKeyId: credentials?.AccessKeyId ?? '',
  secretAccessKey: credentials?.SecretAccessKey ?? '',
  sessionToken: credentials?.SessionToken,
});

t.test('says who signed a request', async (t) => {
  const { whoAmI } = await start(t);
  const answer = await whoAmI(user);
  t.match(answer, {
    Account: account,
    Arn: `arn:aws:iam::${account}:user/ada`,
    UserId: /^AIDA[A-Z2-7]{17}$/,
  });
  t.match(answer.$metadata, { requestId: /^[0-9a-f-]{36}$/, httpStatusCode: 200 });
});

t.test('assumes a role for a principal that it trusts', async (t) => {
  const { aws, assume, whoAmI } = await start(t);
  const before = Date.now();
  const { Credentials, AssumedRoleUser, PackedPolicySize } = await assume(user, admin, {
    DurationSeconds: 900,
  });
  t.match(AssumedRoleUser, {
    Arn: `arn:aws:sts::${account}:assumed-role/Admin/work`,
    AssumedRoleId: /^AROA[A-Z2-7]{17}:work$/,
  });
  t.equal(PackedPolicySize, undefined);
  t.match(Credentials?.AccessKeyId, /^ASIA[A-Z2-7]{16}$/);
  t.match(Credentials?.SessionToken, /^[A-Za-z0-9/+=]{300,}$/);
  const lifetime = (Credentials?.Expiration?.getTime() ?? 0) - before;
  t.ok(lifetime > 890_000 && lifetime <= 901_000, `lives 900 s, not ${lifetime} ms`);
  const me = await whoAmI(keys(Credentials));
  t.match(me, { Arn: AssumedRoleUser?.Arn, UserId: AssumedRoleUser?.AssumedRoleId, Account: account });
  t.match(aws.calls[0], {
    operation: 'AssumeRole',
    principal: `arn:aws:iam::${account}:user/ada`,
    params: { RoleArn: admin, RoleSessionName: 'work', DurationSeconds: '900' },
    outcome: 'ok',
  });
  t.equal(aws.count('AssumeRole'), 1);
  t.equal(aws.count('GetCallerIdentity', 'ok'), 1);
  t.equal(aws.count('GetCallerIdentity', 'ExpiredToken'), 0);
});

t.test('refuses as STS does', async (t) => {
  const { assume, whoAmI, client } = await start(t);
  const denied = (arn: string) => ({
    name: 'AccessDenied',
    message: `User: arn:aws:iam::${account}:user/ada is not authorized to perform: sts:AssumeRole on resource: ${arn}`,
    $metadata: { httpStatusCode: 403 },
    $fault: 'client',
  });
  const missing = `arn:aws:iam::${account}:role/Missing`;
  await t.rejects(assume(user, missing), denied(missing), 'an unknown role');
  await t.rejects(assume(user, chained), denied(chained), 'a role that does not trust the caller');
  await t.rejects(assume(user, partner), denied(partner), 'no external id');
  await t.rejects(assume(user, partner, { ExternalId: 'other' }), denied(partner), 'another external id');
  await t.resolves(assume(user, partner, { ExternalId: 'a/b=c' }));
  await t.rejects(whoAmI({ ...user, secretAccessKey: 'wrong' }), { name: 'SignatureDoesNotMatch' });
  await t.rejects(whoAmI({ ...user, accessKeyId: 'AKIANOBODY' }), { name: 'InvalidClientTokenId' });
  await t.rejects(whoAmI({ ...user, sessionToken: 'x' }), { name: 'InvalidClientTokenId' });
  const session = keys((await assume(user, admin)).Credentials);
  await t.rejects(whoAmI({ ...session, sessionToken: undefined }), { name: 'InvalidClientTokenId' });
  await t.rejects(whoAmI({ ...session, sessionToken: `${session.sessionToken}x` }), {
    name: 'InvalidClientTokenId',
  });
  const elsewhere = await client(user, 'ap-southeast-2').send(new GetCallerIdentityCommand({}));
  t.equal(elsewhere.Account, account, 'any region will do');
});

t.test('checks what a role session is asked for', async (t) => {
  const { assume } = await start(t);
  const invalid = (message: string | RegExp) => ({ name: 'ValidationError', message });
  await t.rejects(
    assume(user, admin, { DurationSeconds: 899 }),
    invalid(/'899' at 'durationSeconds'.*equal to 900$/),
  );
  await t.rejects(assume(user, admin, { DurationSeconds: 43_201 }), invalid(/less than or equal to 43200$/));
  await t.rejects(
    assume(user, partner, { ExternalId: 'a/b=c', DurationSeconds: 3601 }),
    invalid('The requested DurationSeconds exceeds the MaxSessionDuration set for this role.'),
  );
  await t.rejects(
    assume(user, admin, { RoleSessionName: 'a b' }),
    invalid(/'a b' at 'roleSessionName'.*pattern/),
  );
  await t.rejects(assume(user, admin, { RoleSessionName: 'a' }), invalid(/greater than or equal to 2$/));
  await t.rejects(
    assume(user, admin, { RoleSessionName: 'a'.repeat(65) }),
    invalid(/less than or equal to 64$/),
  );
  await t.rejects(assume(user, 'arn:aws:s3:::bucket-of-somebody'), invalid('Request ARN is invalid'));
  await t.rejects(assume(user, admin, { Policy: '{' }), { name: 'MalformedPolicyDocument' });
  await t.rejects(assume(user, admin, { Policy: `{"Statement":"${'x'.repeat(2048)}"}` }), {
    name: 'PackedPolicyTooLarge',
  });
});

t.test('caps role chaining at one hour', async (t) => {
  const { assume } = await start(t);
  const first = keys((await assume(user, admin, { DurationSeconds: 43_200 })).Credentials);
  await t.rejects(assume(first, chained, { DurationSeconds: 3601 }), {
    name: 'ValidationError',
    message:
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
  });
  const second = await assume(first, chained, { DurationSeconds: 3600 });
  t.equal(second.AssumedRoleUser?.Arn, `arn:aws:sts::${account}:assumed-role/Chained/work`);
});

t.test('records what narrows and describes a session', async (t) => {
  const { aws, assume } = await start(t);
  const policy = JSON.stringify({ Version: '2012-10-17', Statement: [] });
  const { Credentials, PackedPolicySize, SourceIdentity } = await assume(eve, guarded, {
    Policy: policy,
    PolicyArns: [{ arn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' }],
    Tags: [
      { Key: 'team', Value: 'blue & <green>' },
      { Key: 'cost', Value: '7' },
    ],
    TransitiveTagKeys: ['team'],
    SourceIdentity: 'eve@example.com',
    SerialNumber: mfaSerial,
    TokenCode: '778899',
  });
  t.equal(SourceIdentity, 'eve@example.com');
  t.ok(PackedPolicySize && PackedPolicySize > 0 && PackedPolicySize < 100);
  t.strictSame(aws.world.session(Credentials?.AccessKeyId ?? '')?.details, {
    policy,
    policyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess'],
    tags: { team: 'blue & <green>', cost: '7' },
    transitiveTagKeys: ['team'],
    sourceIdentity: 'eve@example.com',
    serialNumber: mfaSerial,
  });
  t.notMatch(JSON.stringify(aws.calls), '778899', 'the code is not in the record');
});

t.test('asks for a second factor where the role does', async (t) => {
  const { assume, client } = await start(t);
  const code = { SerialNumber: mfaSerial, TokenCode: '123456' };
  await t.rejects(assume(eve, guarded), { name: 'AccessDenied', message: /not authorized/ });
  await t.rejects(assume(eve, guarded, { ...code, TokenCode: '000000' }), { message: /one time pass code/ });
  await t.rejects(assume(eve, guarded, { ...code, SerialNumber: `${mfaSerial}x` }), {
    message: /serial number/,
  });
  await t.resolves(assume(eve, guarded, code));
  const plain = await client(eve).send(new GetSessionTokenCommand({}));
  await t.rejects(assume(keys(plain.Credentials), guarded), { name: 'AccessDenied' });
  await t.rejects(
    client(eve).send(new GetSessionTokenCommand(code)),
    { message: /one time pass code/ },
    'a code serves once',
  );
  const next = { ...code, TokenCode: '123457' };
  const proven = await client(eve).send(new GetSessionTokenCommand(next));
  await t.resolves(assume(keys(proven.Credentials), guarded), 'a session with a second factor carries it on');
});

t.test('gives session tokens for long-term keys alone', async (t) => {
  const { client, whoAmI, assume } = await start(t);
  const ask = (who: Keys, DurationSeconds?: number) =>
    client(who).send(new GetSessionTokenCommand({ DurationSeconds }));
  const { Credentials } = await ask(user);
  const hours = ((Credentials?.Expiration?.getTime() ?? 0) - Date.now()) / 3_600_000;
  t.ok(hours > 11.9 && hours <= 12.01, 'for 12 hours');
  t.equal((await whoAmI(keys(Credentials))).Arn, `arn:aws:iam::${account}:user/ada`);
  await t.resolves(assume(keys(Credentials), admin, { DurationSeconds: 3600 }));
  await t.rejects(
    assume(keys(Credentials), admin, { DurationSeconds: 3601 }),
    { name: 'ValidationError', message: /1 hour session limit/ },
    'to AWS this is role chaining too',
  );
  await t.rejects(ask(keys(Credentials)), {
    name: 'AccessDenied',
    message: 'Cannot call GetSessionToken with session credentials',
    $metadata: { httpStatusCode: 403 },
  });
  await t.rejects(ask(user, 129_601), { name: 'ValidationError' });
  await t.resolves(ask(user, 129_600));
});

t.test('gives federation tokens', async (t) => {
  const { client, whoAmI } = await start(t);
  const { Credentials, FederatedUser } = await client(user).send(
    new GetFederationTokenCommand({ Name: 'guest' }),
  );
  t.strictSame(FederatedUser, {
    FederatedUserId: `${account}:guest`,
    Arn: `arn:aws:sts::${account}:federated-user/guest`,
  });
  t.match(await whoAmI(keys(Credentials)), { UserId: `${account}:guest`, Arn: FederatedUser?.Arn });
});

t.test('takes web identity tokens that the world knows', async (t) => {
  const { aws, client, whoAmI } = await start(t);
  const ask = (WebIdentityToken: string, RoleArn = ci) =>
    client(user).send(
      new AssumeRoleWithWebIdentityCommand({ RoleArn, RoleSessionName: 'build', WebIdentityToken }),
    );
  const answer = await ask('good-token');
  t.match(answer, {
    SubjectFromWebIdentityToken: 'repo:a/b',
    Audience: 'sts.amazonaws.com',
    Provider: issuer,
  });
  t.equal((await whoAmI(keys(answer.Credentials))).Arn, `arn:aws:sts::${account}:assumed-role/Ci/build`);
  await t.rejects(ask('unknown'), {
    name: 'InvalidIdentityTokenException',
    $metadata: { httpStatusCode: 400 },
  });
  await t.rejects(ask('old-token'), { name: 'ExpiredTokenException' });
  await t.rejects(ask('good-token', admin), {
    name: 'AccessDenied',
    message: 'Not authorized to perform sts:AssumeRoleWithWebIdentity',
  });
  t.notMatch(JSON.stringify(aws.calls), /good-token/, 'the token is not in the record');
});

t.test('ends sessions when their time is over', async (t) => {
  const clock = drivenClock();
  const { aws, assume, whoAmI } = await start(t, { clock });
  const session = keys((await assume(user, admin, { DurationSeconds: 900 })).Credentials);
  clock.advance(890_000);
  await t.resolves(whoAmI(session));
  clock.advance(11_000);
  await t.rejects(whoAmI(session), {
    name: 'ExpiredToken',
    message: 'The security token included in the request is expired',
    $metadata: { httpStatusCode: 403 },
  });
  await t.resolves(whoAmI(user), 'long-term keys live on');

  aws.world.sessionLifetime = 20;
  const short = await assume(user, admin, { DurationSeconds: 43_200 });
  const left = (short.Credentials?.Expiration?.getTime() ?? 0) - clock.now();
  t.ok(left > 15_000 && left <= 20_000, 'as short as the world says');
});

t.test('changes while it runs', async (t) => {
  const { aws, assume, whoAmI } = await start(t);
  const added = `arn:aws:iam::${account}:role/Added`;
  aws.world.addRole({ arn: added, trusts: ['*'] });
  const one = keys((await assume(user, added)).Credentials);
  const two = keys((await assume(user, added)).Credentials);
  aws.world.revoke(one.accessKeyId);
  await t.rejects(whoAmI(one), { name: 'InvalidClientTokenId' });
  aws.world.expire(two.accessKeyId);
  await t.rejects(whoAmI(two), { name: 'ExpiredToken' });
  aws.world.removeRole(added);
  await t.rejects(assume(user, added), { name: 'AccessDenied' });
});

t.test('has roles by pattern, and answers many at once', async (t) => {
  const { aws, client } = await start(t);
  const sts = client(user);
  const ask = (index: number) =>
    sts.send(
      new AssumeRoleCommand({
        RoleArn: `arn:aws:iam::${account}:role/bulk-${index}`,
        RoleSessionName: 'work',
      }),
    );
  const answers = await Promise.all(Array.from({ length: 300 }, (_, index) => ask(index)));
  t.equal(new Set(answers.map((answer) => answer.Credentials?.AccessKeyId)).size, 300);
  t.equal(aws.count('AssumeRole', 'ok'), 300);
});

t.test('knows no other actions', async (t) => {
  const { aws } = await start(t);
  const post = async (body: string) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' };
    const response = await fetch(aws.url, { method: 'POST', body, headers });
    return { status: response.status, text: await response.text() };
  };
  t.match(await post('Action=ListBuckets&Version=2011-06-15'), {
    status: 400,
    text: '<Code>InvalidAction</Code>',
  });
  t.match(await post('Action=AssumeRole&Version=2010-01-01'), {
    status: 400,
    text: '<Code>InvalidAction</Code>',
  });
  t.match(await post('Action=GetCallerIdentity&Version=2011-06-15'), {
    status: 403,
    text: '<Code>MissingAuthenticationToken</Code>',
  });
  t.match(await post(''), { status: 400, text: '<Code>MissingAction</Code>' });
  t.equal((await fetch(`${aws.url}/nothing`)).status, 404);
});
