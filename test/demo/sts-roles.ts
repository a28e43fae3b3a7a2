import '../support/clean-environment.js';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import t from 'tap';
import {
  account,
  admin,
  chained,
  eve,
  guarded,
  keys,
  mfaSerial,
  partner,
  startSts,
  user,
} from '../support/sts.js';

t.test('assumes a role for a principal that it trusts', async (t) => {
  const { aws, assume, whoAmI } = await startSts(t);
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
  const { assume, whoAmI, client } = await startSts(t);
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
  const { assume } = await startSts(t);
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
  const { assume } = await startSts(t);
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
  const { aws, assume } = await startSts(t);
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
