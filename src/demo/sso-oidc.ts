import type { Clock } from '../system/clock.js';
import { approvalPage, codePage, decidedPage } from './approval-page.js';
import { jsonReply, reply } from './json-protocol.js';
import { type OidcClient, OidcClients, oidcError, redirectsTo } from './oidc-clients.js';
import { OidcGrants, pollingInterval } from './oidc-grants.js';
import type { Call, Reply, Service, ServiceError, WireRequest } from './protocol.js';
import { deviceCodeLifetime, type IdentityCenter, type SignIns, tokenLifetime } from './sso.js';

const operations: Record<string, string> = {
  'POST /client/register': 'RegisterClient',
  'POST /device_authorization': 'StartDeviceAuthorization',
  'POST /token': 'CreateToken',
  'GET /authorize': 'Authorize',
  'GET /device': 'DecideDevice',
};

const refreshScope = 'sso:account:access';

type Body = Record<string, unknown>;

/** Identity Center's OIDC service (`sso-oidc`), version 2019-06-10, and the pages it sends a browser to. */
export function createOidc(signIns: SignIns, clock: Clock): Service & { grants: OidcGrants } {
  const clients = new OidcClients(clock);
  const grants = new OidcGrants(clock);

  const answers: Record<string, (request: WireRequest, call: Call) => Reply> = {
    RegisterClient(request, call) {
      const body = jsonBody(request);
      note(call, body, ['clientName', 'scopes', 'grantTypes', 'redirectUris', 'issuerUrl']);
      const client = clients.register(body);
      return jsonReply({
        clientId: client.clientId,
        clientSecret: client.clientSecret,
        clientIdIssuedAt: Math.floor(client.issuedAt / 1000),
        clientSecretExpiresAt: Math.floor(client.expiresAt / 1000),
      });
    },

    StartDeviceAuthorization(request, call) {
      const body = jsonBody(request);
      note(call, body, ['startUrl']);
      const grant = grants.startDevice(clients.authenticate(body), centerOf(body.startUrl));
      const verificationUri = `http://${request.headers.host}/device`;
      return jsonReply({
        deviceCode: grant.deviceCode,
        userCode: grant.userCode,
        verificationUri,
        verificationUriComplete: `${verificationUri}?user_code=${grant.userCode}`,
        expiresIn: deviceCodeLifetime(grant.center),
        interval: pollingInterval,
      });
    },

    CreateToken(request, call) {
      const body = jsonBody(request);
      note(call, body, ['grantType']);
      const client = clients.authenticate(body);
      const { accessToken, refreshToken, center } = signIn(client, body);
      return jsonReply({ accessToken, refreshToken, tokenType: 'Bearer', expiresIn: tokenLifetime(center) });
    },

    Authorize(request, call) {
      const { query } = request;
      note(call, Object.fromEntries(query), ['redirect_uri', 'scopes']);
      const client = clients.find(query.get('client_id'));
      const redirectUri = query.get('redirect_uri') ?? '';
      const challenge = query.get('code_challenge');
      if (!redirectsTo(client, redirectUri))
        throw oidcError('InvalidRedirectUri', 'Not a registered redirect');
      if (
        query.get('response_type') !== 'code' ||
        query.get('code_challenge_method') !== 'S256' ||
        !challenge
      ) {
        throw oidcError('InvalidRequest', 'Needs response_type=code and an S256 code_challenge');
      }
      const center = centerOf(client.issuerUrl);
      const decision = center.autoApprove ? 'allow' : query.get('decision');
      if (!decision) return approvalPage(request, center.startUrl);
      const back = new URL(redirectUri);
      if (decision === 'allow') {
        back.searchParams.set('code', grants.issueCode(client, center, redirectUri, challenge));
      } else {
        back.searchParams.set('error', 'access_denied');
      }
      back.searchParams.set('state', query.get('state') ?? '');
      return { status: 302, headers: { Location: back.href }, body: '' };
    },

    DecideDevice(request) {
      const code = request.query.get('user_code');
      const decision = request.query.get('decision');
      if (!code) return codePage();
      const grant = grants.pending().find((waiting) => waiting.userCode === code);
      if (!grant) throw oidcError('InvalidRequest', 'No sign-in waits under that code');
      if (!decision) return approvalPage(request, grant.center.startUrl, code);
      grants.decide(code, decision === 'allow' ? 'approved' : 'denied');
      return decidedPage(decision);
    },
  };

  return {
    grants,
    throttled: oidcError('SlowDown', 'Too many requests'),
    refusal: oidcRefusal,
    operation: ({ method, path }) => operations[`${method} ${path}`],
    answer(request, call) {
      const answer = answers[call.operation];
      if (!answer) throw oidcError('InvalidRequest', `No operation ${call.operation}`);
      return answer(request, call);
    },
  };

  function signIn(client: OidcClient, body: Body) {
    const refreshable = client.scopes.includes(refreshScope);
    switch (body.grantType) {
      case 'urn:ietf:params:oauth:grant-type:device_code':
        return signIns.begin(grants.redeemDevice(client, body.deviceCode), refreshable);
      case 'authorization_code':
        return signIns.begin(grants.redeemCode(client, body), refreshable);
      case 'refresh_token': {
        const renewed = signIns.refresh(String(body.refreshToken));
        if (!renewed) throw oidcError('InvalidGrant', 'Invalid refresh token provided');
        return renewed;
      }
      default:
        throw oidcError('UnsupportedGrantType', 'Unsupported grant type');
    }
  }

  function centerOf(startUrl: unknown): IdentityCenter {
    const center = signIns.center(String(startUrl));
    if (!center) throw oidcError('InvalidRequest', 'Invalid start url provided');
    return center;
  }
}

/** `AuthorizationPendingException` is `authorization_pending` in the body. */
function oidcRefusal({ status, code, message }: ServiceError): Reply {
  const words = code.replace(/Exception$/, '').match(/[A-Z][a-z]*/g) ?? [];
  const error = status < 500 ? words.join('_').toLowerCase() : 'server_error';
  return reply(status, { error, error_description: message }, { 'x-amzn-ErrorType': code });
}

function jsonBody({ body }: WireRequest): Body {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === 'object' && parsed !== null) return parsed as Body;
  } catch {}
  throw oidcError('InvalidRequest', 'Could not parse request body');
}

/** Keeps what is no secret for the record of calls. */
function note(call: Call, body: Body, names: readonly string[]): void {
  for (const name of names) if (body[name] !== undefined) call.params[name] = String(body[name]);
}
