import { CredentialError } from '../errors.js';
import type { Clock } from '../system/clock.js';
import { shellWord } from '../system/shell-word.js';
import { awsError } from './aws-error.js';
import type { AwsClients } from './clients.js';
import { type Flow, grantTypesOf, type Registration, registration, scopesOf } from './sso-registration.js';
import type { SsoSignIn } from './sso-sign-in.js';
import type { SsoToken } from './sso-token.js';

/** Where a browser comes back to; on loopback the port is free (RFC 8252, section 7.3). */
export const REDIRECT_PATH = '/oauth/callback';
const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code';

export type Grant =
  | { grantType: 'authorization_code'; code: string; redirectUri: string; codeVerifier: string }
  | { grantType: typeof DEVICE_GRANT; deviceCode: string }
  | { grantType: 'refresh_token'; refreshToken: string };

export interface OidcParts {
  clients: AwsClients;
  clock: Clock;
  cacheDir: string;
}

/** Ourselves as a client of this sign-in's OIDC service; `fresh` passes over what is cached. */
export function registered(
  signIn: SsoSignIn,
  flow: Flow,
  { clients, clock, cacheDir }: OidcParts,
  fresh = false,
): Promise<Registration> {
  const register = async (): Promise<Registration> => {
    const { RegisterClientCommand } = await import('@aws-sdk/client-sso-oidc');
    const scopes = scopesOf(signIn);
    const grantTypes = grantTypesOf(flow);
    const command = new RegisterClientCommand({
      clientName: `credd-${signIn.session ?? 'legacy'}`,
      clientType: 'public',
      ...(scopes ? { scopes: [...scopes] } : {}),
      ...(grantTypes
        ? {
            grantTypes: [...grantTypes],
            redirectUris: [`http://127.0.0.1${REDIRECT_PATH}`],
            issuerUrl: signIn.startUrl,
          }
        : {}),
    });
    const answer = await sent(signIn, 'RegisterClient', async () =>
      (await clients.oidc(signIn.oidc)).send(command),
    );
    return {
      clientId: answer.clientId ?? '',
      clientSecret: answer.clientSecret ?? '',
      expiresAt: (answer.clientSecretExpiresAt ?? 0) * 1000,
      ...(scopes ? { scopes } : {}),
      ...(grantTypes ? { grantTypes } : {}),
    };
  };
  return registration(signIn, flow, { cacheDir, now: clock.now(), fresh, register });
}

/** RFC 8628. Times in seconds. */
export async function startDevice(signIn: SsoSignIn, client: Registration, { clients }: OidcParts) {
  const { StartDeviceAuthorizationCommand } = await import('@aws-sdk/client-sso-oidc');
  const { clientId, clientSecret } = client;
  const command = new StartDeviceAuthorizationCommand({ clientId, clientSecret, startUrl: signIn.startUrl });
  const answer = await sent(signIn, 'StartDeviceAuthorization', async () =>
    (await clients.oidc(signIn.oidc)).send(command),
  );
  const { deviceCode = '', userCode = '', verificationUri = '', expiresIn = 600, interval = 5 } = answer;
  const url = answer.verificationUriComplete ?? verificationUri;
  return { deviceCode, userCode, url, expiresIn, interval };
}

export function deviceGrant(deviceCode: string): Grant {
  return { grantType: DEVICE_GRANT, deviceCode };
}

/** The token for what a person, or an earlier token, gave. */
export async function createToken(
  signIn: SsoSignIn,
  client: Pick<Registration, 'clientId' | 'clientSecret'> & { expiresAt?: number | undefined },
  grant: Grant,
  { clients, clock }: OidcParts,
): Promise<SsoToken> {
  const { CreateTokenCommand } = await import('@aws-sdk/client-sso-oidc');
  const { clientId, clientSecret, expiresAt } = client;
  const command = new CreateTokenCommand({ clientId, clientSecret, ...grant });
  const answer = await sent(signIn, 'CreateToken', async () =>
    (await clients.oidc(signIn.oidc)).send(command),
  );
  if (!answer.accessToken || !answer.expiresIn) throw unusable(signIn);
  return {
    startUrl: signIn.startUrl,
    region: signIn.region,
    accessToken: answer.accessToken,
    expiresAt: clock.now() + answer.expiresIn * 1000,
    clientId,
    clientSecret,
    ...(expiresAt === undefined ? {} : { registrationExpiresAt: expiresAt }),
    ...(answer.refreshToken ? { refreshToken: answer.refreshToken } : {}),
  };
}

/** The successor of a token that can be renewed, whose refresh token is spent then. */
export async function renewedToken(
  signIn: SsoSignIn,
  { clientId = '', clientSecret = '', registrationExpiresAt, refreshToken = '' }: SsoToken,
  parts: OidcParts,
): Promise<SsoToken> {
  const client = { clientId, clientSecret, expiresAt: registrationExpiresAt };
  const given = await createToken(signIn, client, { grantType: 'refresh_token', refreshToken }, parts);
  // Identity Center need not give a new one.
  return { ...given, refreshToken: given.refreshToken ?? refreshToken };
}

/** Where the service's `/authorize` page is, for the partition too. */
export async function authorizeEndpoint(signIn: SsoSignIn, { clients }: OidcParts): Promise<URL> {
  const { region, endpoint, fips = false, dualstack = false } = signIn.oidc;
  const client = await clients.oidc(signIn.oidc);
  const found = client.config.endpointProvider({
    Region: region,
    UseFIPS: fips,
    UseDualStack: dualstack,
    ...(endpoint ? { Endpoint: endpoint } : {}),
  });
  return new URL(`${found.url.href.replace(/\/$/, '')}/authorize`);
}

/** The word of RFC 6749 or 8628 with which the service refused, as `authorization_pending`. */
export function refusalOf(error: unknown): string | undefined {
  const word = Object((error as Error).cause ?? error).error;
  return typeof word === 'string' ? word : undefined;
}

type Explained = readonly [code: string, status: number, message: string];

function explain(word: string, signIn: SsoSignIn): Explained | undefined {
  const { startUrl, region, session, isNew } = signIn;
  const again = `Type: credd login ${shellWord(signIn.key)}`;
  const where = session === undefined ? 'the profile' : `[sso-session ${session}]`;
  switch (word) {
    case 'invalid_request':
    case 'invalid_request_region':
      return [
        'InvalidStartUrl',
        400,
        `Identity Center does not know the start URL ${startUrl} in ${region}: correct ${isNew ? 'one of the two' : `sso_start_url or sso_region of ${where}`}.`,
      ];
    case 'access_denied':
      return ['SignInDenied', 403, `it was refused in the browser. To try again, ${lower(again)}`];
    case 'expired_token':
      return ['SignInExpired', 403, `nobody confirmed it in time. ${again}`];
    case 'invalid_grant':
    case 'invalid_client':
    case 'unauthorized_client':
      return ['SignInEnded', 403, `Identity Center accepts it no longer. ${again}`];
    default:
      return undefined;
  }
}

async function sent<T>(signIn: SsoSignIn, doing: string, send: () => Promise<T>): Promise<T> {
  try {
    return await send();
  } catch (error) {
    const word = refusalOf(error);
    const known = word === undefined ? undefined : explain(word, signIn);
    const about = `Sign-in to ${signIn.key}`;
    if (!known) throw awsError(error, signIn.key, doing, about);
    const [code, status, message] = known;
    throw new CredentialError(code, status, `${about}: ${message}`, { cause: error });
  }
}

/** The same for what the `/authorize` page said. */
export function refusedAs(word: string, signIn: SsoSignIn): CredentialError {
  const [code, status, message] = explain(word, signIn) ?? [
    'SignInFailed',
    403,
    `it failed in the browser (${word.replace(/[^\w]/g, '')}). To try again, type: credd login ${shellWord(signIn.key)}`,
  ];
  return new CredentialError(code, status, `Sign-in to ${signIn.key}: ${message}`, {
    cause: { error: word },
  });
}

function unusable({ key }: SsoSignIn): CredentialError {
  return new CredentialError(
    'NetworkError',
    503,
    `Sign-in to ${key}: what answered is not AWS. Check for a proxy or a network that wants a sign-in, and the endpoint.`,
  );
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
