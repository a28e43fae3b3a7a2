import '../support/clean-environment.js';
import { AssumeRoleCommand } from '@aws-sdk/client-sts';
import t from 'tap';
import { drivenClock } from '../support/driven-clock.js';
import { account, admin, keys, startSts, user } from '../support/sts.js';

t.test('says who signed a request', async (t) => {
  const { whoAmI } = await startSts(t);
  const answer = await whoAmI(user);
  t.match(answer, {
    Account: account,
    Arn: `arn:aws:iam::${account}:user/ada`,
    UserId: /^AIDA[A-Z2-7]{17}$/,
  });
  t.match(answer.$metadata, { requestId: /^[0-9a-f-]{36}$/, httpStatusCode: 200 });
});

t.test('ends sessions when their time is over', async (t) => {
  const clock = drivenClock();
  const { aws, assume, whoAmI } = await startSts(t, { clock });
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
  const { aws, assume, whoAmI } = await startSts(t);
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
  const { aws, client } = await startSts(t);
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
  const { aws } = await startSts(t);
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
