import '../support/clean-environment.js';
import {
  AssumeRoleWithWebIdentityCommand,
  GetFederationTokenCommand,
  GetSessionTokenCommand,
} from '@aws-sdk/client-sts';
import t from 'tap';
import {
  account,
  admin,
  ci,
  eve,
  guarded,
  issuer,
  type Keys,
  keys,
  mfaSerial,
  startSts,
  user,
} from '../support/sts.js';

t.test('asks for a second factor where the role does', async (t) => {
  const { assume, client } = await startSts(t);
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
  const { client, whoAmI, assume } = await startSts(t);
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
  const { client, whoAmI } = await startSts(t);
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
  const { aws, client, whoAmI } = await startSts(t);
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
