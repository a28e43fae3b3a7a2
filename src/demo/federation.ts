import { randomToken } from './identifiers.js';
import { jsonReply } from './json-protocol.js';
import { type Reply, type Service, ServiceError, type WireRequest } from './protocol.js';
import { isSession, type World } from './world.js';

const LIFETIME = 15 * 60_000;

/**
 * The federation endpoint of the console.
 * https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_enable-console-custom-url.html
 */
export function createFederation(world: World): Service {
  const tokens = new Map<string, { arn: string; until: number }>();

  function getSigninToken({ query }: WireRequest): Reply {
    const session = sessionIn(query.get('Session') ?? '', world);
    const SigninToken = randomToken(48);
    tokens.set(SigninToken, { arn: session.principal.arn, until: world.now() + LIFETIME });
    return jsonReply({ SigninToken });
  }

  function login({ query }: WireRequest): Reply {
    const signIn = tokens.get(query.get('SigninToken') ?? '');
    if (!signIn || signIn.until <= world.now()) throw badRequest();
    const destination = (query.get('Destination') ?? '').replace(/[<>&"]/g, '');
    const body = `<!doctype html><title>Simulated console</title><p>${signIn.arn} at ${destination}</p>\n`;
    return { status: 200, headers: { 'Content-Type': 'text/html; charset=utf-8' }, body };
  }

  return {
    throttled: new ServiceError('Throttling', 429, 'Rate exceeded'),
    refusal: ({ status }) => ({
      status,
      headers: { 'Content-Type': 'text/html' },
      body: '<html>Error</html>',
    }),
    operation({ method, path, query }) {
      const action = method === 'GET' && path === '/federation' && query.get('Action');
      return action === 'getSigninToken' || action === 'login' ? action : undefined;
    },
    answer(request, call) {
      call.params = { destination: request.query.get('Destination') ?? '' };
      return call.operation === 'login' ? login(request) : getSigninToken(request);
    },
  };
}

/** Sessions of roles and of federated users alone. */
function sessionIn(text: string, world: World) {
  const { sessionId, sessionKey, sessionToken } = parsed(text);
  const key = world.key(String(sessionId));
  const known =
    key && isSession(key) && key.secretAccessKey === sessionKey && key.sessionToken === sessionToken;
  if (!known || world.hasExpired(key) || key.principal.kind === 'user') throw badRequest();
  return key;
}

function parsed(text: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

const badRequest = () => new ServiceError('BadRequest', 400, 'Bad request');
