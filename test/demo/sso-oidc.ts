import '../support/clean-environment.js';
import { createHash, randomBytes } from 'node:crypto';
import { GetRoleCredentialsCommand, SSOClient } from '@aws-sdk/client-sso';
import {
  CreateTokenCommand,
  RegisterClientCommand,
  SSOOIDCClient,
  StartDeviceAuthorizationCommand,
} from '@aws-sdk/client-sso-oidc';
import t, { type Test } from 'tap';
import { startSimulatedAws } from '../../src/demo/aws.js';
import { drivenClock } from '../support/driven-clock.js';

const startUrl = 'https://wellcome.awsapps.com/start/#';
const accountId = '111122223333';
const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';

async function start(t: Test, { autoApprove = false, scopes = ['sso:account:access'] } = {}) {
  const clock = drivenClock();
  const aws = await startSimulatedAws({
    world: {
      identityCenters: [
        {
          startUrl,
          region: 'eu-west-1',
          userName: 'ada',
          assignments: [{ accountId, roles: ['Developer'] }],
          tokenLifetime: 3600,
          autoApprove,
        },
      ],
    },
    clock,
  });
  t.teardown(aws.close);
  const oidc = new SSOOIDCClient({ endpoint: aws.url, region: 'eu-west-1', maxAttempts: 1 });
  const portal = new SSOClient({ endpoint: aws.url, region: 'eu-west-1', maxAttempts: 1 });
  t.teardown(() => {
    oidc.destroy();
    portal.destroy();
  });
  const { clientId, clientSecret } = await oidc.send(
    new RegisterClientCommand({
      clientName: 'credd',
      clientType: 'public',
      scopes,
      grantTypes: ['authorization_code', 'refresh_token', deviceGrant],
      redirectUris: ['http://127.0.0.1/oauth/callback'],
      issuerUrl: startUrl,
    }),
  );
  const client = { clientId, clientSecret };
  const startDevice = (url = startUrl) =>
    oidc.send(new StartDeviceAuthorizationCommand({ ...client, startUrl: url }));
  const token = (grantType: string, more: object) =>
    oidc.send(new CreateTokenCommand({ ...client, grantType, ...more }));
  const works = (accessToken: string | undefined) =>
    portal.send(new GetRoleCredentialsCommand({ accessToken, accountId, roleName: 'Developer' }));
  return { aws, clock, oidc, client, startDevice, token, works };
}

t.test('signs a device in when the person approves', async (t) => {
  const { aws, clock, startDevice, token, works } = await start(t);
  const device = await startDevice();
  t.match(device, { userCode: /^[A-Z]{4}-[A-Z]{4}$/, expiresIn: 600, interval: 1 });
  t.equal(device.verificationUriComplete, `${aws.url}/device?user_code=${device.userCode}`);
  const ask = () => token(deviceGrant, { deviceCode: device.deviceCode });
  await t.rejects(ask(), { name: 'AuthorizationPendingException', error: 'authorization_pending' });
  await t.rejects(ask(), { name: 'SlowDownException', error: 'slow_down' });
  clock.advance(1000);
  await t.rejects(ask(), { name: 'AuthorizationPendingException', $metadata: { httpStatusCode: 400 } });
  t.throws(() => aws.approve('NONE-SUCH'));
  aws.approve(device.userCode ?? '');
  const { accessToken, refreshToken, tokenType, expiresIn } = await ask();
  t.match({ tokenType, expiresIn }, { tokenType: 'Bearer', expiresIn: 3600 });
  t.ok(refreshToken);
  await t.resolves(works(accessToken));
  await t.rejects(ask(), { name: 'InvalidGrantException' }, 'a device code is good for one token');
  const record = JSON.stringify(aws.calls);
  for (const secret of [accessToken, refreshToken, device.deviceCode]) t.notMatch(record, String(secret));
});

t.test('refuses a device that is denied, late or unknown', async (t) => {
  const { aws, clock, oidc, client, startDevice, token } = await start(t);
  const denied = await startDevice();
  aws.deny(denied.userCode ?? '');
  await t.rejects(token(deviceGrant, { deviceCode: denied.deviceCode }), { name: 'AccessDeniedException' });
  const late = await startDevice();
  clock.advance(600_000);
  await t.rejects(token(deviceGrant, { deviceCode: late.deviceCode }), {
    name: 'ExpiredTokenException',
    error: 'expired_token',
  });
  await t.rejects(token(deviceGrant, { deviceCode: 'x' }), { name: 'InvalidGrantException' });
  await t.rejects(startDevice('https://other.awsapps.com/start'), { name: 'InvalidRequestException' });
  await t.rejects(token('password', {}), { name: 'UnsupportedGrantTypeException' });
  const impostor = new StartDeviceAuthorizationCommand({ ...client, clientSecret: 'wrong', startUrl });
  await t.rejects(oidc.send(impostor), {
    name: 'InvalidClientException',
    $metadata: { httpStatusCode: 401 },
  });
});

t.test('lets the person decide on a page', async (t) => {
  const { startDevice, token } = await start(t);
  const { verificationUriComplete = '', verificationUri = '', deviceCode } = await startDevice();
  t.match(await (await fetch(verificationUri)).text(), /name="user_code"/);
  const page = await (await fetch(verificationUriComplete)).text();
  const allow = /href="([^"]*)">Allow/.exec(page)?.[1]?.replaceAll('&#38;', '&') ?? '';
  t.match(await (await fetch(new URL(allow, verificationUri))).text(), /Signed in/);
  await t.resolves(token(deviceGrant, { deviceCode }));
});

t.test('renews a sign-in with its refresh token, once', async (t) => {
  const { aws, clock, startDevice, token, works } = await start(t, { autoApprove: true });
  const { deviceCode } = await startDevice();
  const first = await token(deviceGrant, { deviceCode });
  clock.advance(3_600_000);
  await t.rejects(works(first.accessToken), { name: 'UnauthorizedException' });
  const second = await token('refresh_token', { refreshToken: first.refreshToken });
  await t.resolves(works(second.accessToken));
  const again = { refreshToken: first.refreshToken };
  await t.rejects(token('refresh_token', again), { name: 'InvalidGrantException', error: 'invalid_grant' });
  aws.signIns.expire(second.accessToken ?? '');
  await t.rejects(works(second.accessToken), { name: 'UnauthorizedException' });
  const third = await token('refresh_token', { refreshToken: second.refreshToken });
  aws.signIns.end(third.accessToken ?? '');
  await t.rejects(token('refresh_token', { refreshToken: third.refreshToken }), {
    name: 'InvalidGrantException',
  });
});

t.test('gives no refresh token without the scope for it', async (t) => {
  const { startDevice, token } = await start(t, { autoApprove: true, scopes: [] });
  const { deviceCode } = await startDevice();
  t.equal((await token(deviceGrant, { deviceCode })).refreshToken, undefined);
});

t.test('forgets a client after 90 days', async (t) => {
  const { clock, startDevice } = await start(t);
  clock.advance(90 * 86_400_000);
  await t.rejects(startDevice(), { name: 'InvalidClientException' });
});

t.test('signs in through the browser, with a proof of the code', async (t) => {
  const { aws, client, token, works } = await start(t, { autoApprove: true });
  const redirectUri = 'http://127.0.0.1:49152/oauth/callback';
  const codeVerifier = randomBytes(32).toString('base64url');
  const authorize = (more = {}) => {
    const query = new URLSearchParams({
      response_type: 'code',
      client_id: client.clientId ?? '',
      redirect_uri: redirectUri,
      state: 'a state',
      code_challenge_method: 'S256',
      code_challenge: createHash('sha256').update(codeVerifier).digest('base64url'),
      scopes: 'sso:account:access',
      ...more,
    });
    return fetch(`${aws.url}/authorize?${query}`, { redirect: 'manual' });
  };
  const codeFrom = (response: Response) =>
    new URL(response.headers.get('location') ?? '').searchParams.get('code');

  const response = await authorize();
  t.equal(response.status, 302);
  const back = new URL(response.headers.get('location') ?? '');
  t.equal(back.origin + back.pathname, redirectUri);
  t.equal(back.searchParams.get('state'), 'a state');
  const code = codeFrom(response);
  const { accessToken, refreshToken } = await token('authorization_code', {
    code,
    redirectUri,
    codeVerifier,
  });
  await t.resolves(works(accessToken));
  t.ok(refreshToken);

  const invalid = { name: 'InvalidGrantException' };
  await t.rejects(token('authorization_code', { code, redirectUri, codeVerifier }), invalid, 'a used code');
  const wrong = { code: codeFrom(await authorize()), redirectUri, codeVerifier: 'other' };
  await t.rejects(token('authorization_code', wrong), invalid, 'a wrong verifier');
  t.equal((await authorize({ redirect_uri: 'http://127.0.0.1:1/elsewhere' })).status, 400);
  t.equal((await authorize({ code_challenge_method: 'plain' })).status, 400);
  t.equal((await authorize({ client_id: 'x' })).status, 401);
});

t.test('asks before it signs in through the browser', async (t) => {
  const { aws, client } = await start(t);
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: client.clientId ?? '',
    redirect_uri: 'http://127.0.0.1:49152/oauth/callback',
    state: '"><script>',
    code_challenge_method: 'S256',
    code_challenge: 'x',
  });
  const page = await fetch(`${aws.url}/authorize?${query}`);
  const text = await page.text();
  t.match(page.headers.get('content-type'), 'text/html');
  t.notMatch(text, '<script>');
  const follow = async (word: string) => {
    const href = new RegExp(`href="([^"]*)">${word}`).exec(text)?.[1]?.replaceAll('&#38;', '&') ?? '';
    const response = await fetch(new URL(href, aws.url), { redirect: 'manual' });
    return new URL(response.headers.get('location') ?? '').searchParams;
  };
  t.ok((await follow('Allow')).get('code'));
  const denied = await follow('Deny');
  t.strictSame(
    [denied.get('error'), denied.get('code'), denied.get('state')],
    ['access_denied', null, '"><script>'],
  );
});
