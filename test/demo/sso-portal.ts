import '../support/clean-environment.js';
import {
  GetRoleCredentialsCommand,
  ListAccountRolesCommand,
  ListAccountsCommand,
  LogoutCommand,
  SSOClient,
} from '@aws-sdk/client-sso';
import { AssumeRoleCommand, GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import t, { type Test } from 'tap';
import { startSimulatedAws } from '../../src/demo/aws.js';
import { type IdentityCenter, permissionSetRole } from '../../src/demo/sso.js';
import { drivenClock } from '../support/driven-clock.js';

const accountId = '111122223333';
const accessToken = 'token-of-ada';
const hour = 3_600_000;

async function start(t: Test) {
  const clock = drivenClock();
  const center: IdentityCenter = {
    startUrl: 'https://d-93670bd35a.awsapps.com/start/',
    region: 'eu-west-1',
    userName: 'ada',
    assignments: [
      {
        accountId,
        accountName: 'Workloads',
        emailAddress: 'aws@example.com',
        roles: ['Developer', 'ReadOnly'],
      },
      { accountId: '444455556666', roles: ['Billing'] },
    ],
    tokens: [{ accessToken, expiresAt: clock.now() + 8 * hour }],
  };
  const developer = permissionSetRole(center, accountId, 'Developer');
  const specific = `arn:aws:iam::${accountId}:role/Specific`;
  const aws = await startSimulatedAws({
    world: { identityCenters: [center], roles: [{ arn: specific, trusts: [developer] }] },
    clock,
  });
  t.teardown(aws.close);
  const portal = new SSOClient({ endpoint: aws.url, region: 'eu-west-1', maxAttempts: 1 });
  t.teardown(() => portal.destroy());
  const roleCredentials = async (roleName = 'Developer', token = accessToken) => {
    const command = new GetRoleCredentialsCommand({ accountId, roleName, accessToken: token });
    const {
      accessKeyId = '',
      secretAccessKey = '',
      ...rest
    } = (await portal.send(command)).roleCredentials ?? {};
    return { accessKeyId, secretAccessKey, ...rest, expiration: rest.expiration ?? 0 };
  };
  const sts = (credentials: { accessKeyId: string; secretAccessKey: string; sessionToken?: string }) => {
    const { accessKeyId, secretAccessKey, sessionToken } = credentials;
    const client = new STSClient({
      endpoint: aws.url,
      region: 'eu-west-1',
      credentials: { accessKeyId, secretAccessKey, sessionToken },
      maxAttempts: 1,
    });
    t.teardown(() => client.destroy());
    return client;
  };
  return { aws, clock, portal, developer, specific, roleCredentials, sts };
}

t.test('gives the credentials of an assigned role', async (t) => {
  const { aws, clock, developer, roleCredentials, sts, specific } = await start(t);
  t.match(
    developer,
    /:role\/aws-reserved\/sso\.amazonaws\.com\/eu-west-1\/AWSReservedSSO_Developer_[0-9a-f]{16}$/,
  );
  const credentials = await roleCredentials();
  const left = credentials.expiration - clock.now();
  t.ok(left > hour - 1000 && left <= hour, 'for an hour, in milliseconds');
  const me = await sts(credentials).send(new GetCallerIdentityCommand({}));
  t.equal(me.Arn, `arn:aws:sts::${accountId}:assumed-role/${developer.split('/').at(-1)}/ada`);
  const chained = new AssumeRoleCommand({ RoleArn: specific, RoleSessionName: 'work' });
  await t.resolves(sts(credentials).send(chained), 'and a role on top of it');
  t.equal(aws.count('GetRoleCredentials', 'ok'), 1);
  t.match(aws.calls[0], { principal: 'ada', params: { account_id: accountId, role_name: 'Developer' } });
  t.notMatch(JSON.stringify(aws.calls), accessToken, 'the token is not in the record');
});

t.test('refuses as the portal does', async (t) => {
  const { aws, clock, roleCredentials, portal } = await start(t);
  const unauthorized = {
    name: 'UnauthorizedException',
    message: 'Session token not found or invalid',
    $metadata: { httpStatusCode: 401 },
  };
  await t.rejects(roleCredentials('Nobody'), {
    name: 'ForbiddenException',
    message: 'No access',
    $metadata: { httpStatusCode: 403 },
  });
  await t.rejects(roleCredentials('Developer', 'other'), unauthorized);
  clock.advance(8 * hour);
  await t.rejects(roleCredentials(), unauthorized, 'an expired token');
  await t.rejects(portal.send(new ListAccountsCommand({ accessToken })), unauthorized);
  aws.faults.set('GetRoleCredentials', { kind: 'error', status: 404, code: 'ResourceNotFoundException' });
  await t.rejects(roleCredentials(), {
    name: 'ResourceNotFoundException',
    $metadata: { httpStatusCode: 404 },
  });
});

t.test('lists accounts and roles, in pages', async (t) => {
  const { portal } = await start(t);
  const first = await portal.send(new ListAccountsCommand({ accessToken, maxResults: 1 }));
  t.strictSame(first.accountList, [{ accountId, accountName: 'Workloads', emailAddress: 'aws@example.com' }]);
  const rest = await portal.send(new ListAccountsCommand({ accessToken, nextToken: first.nextToken }));
  t.match(rest.accountList, [{ accountId: '444455556666' }]);
  t.equal(rest.nextToken, undefined);
  const { roleList } = await portal.send(new ListAccountRolesCommand({ accessToken, accountId }));
  t.strictSame(roleList, [
    { roleName: 'Developer', accountId },
    { roleName: 'ReadOnly', accountId },
  ]);
});

t.test('signs out', async (t) => {
  const { portal, roleCredentials } = await start(t);
  await portal.send(new LogoutCommand({ accessToken }));
  await t.rejects(roleCredentials(), { name: 'UnauthorizedException' });
});
