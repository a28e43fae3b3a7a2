import { createHash, createPublicKey, generateKeyPairSync, type JsonWebKey, verify } from 'node:crypto';
import type { Clock } from '../system/clock.js';
import { randomToken } from './identifiers.js';
import { jsonReply, reply } from './json-protocol.js';
import { type Service, ServiceError, type WireRequest } from './protocol.js';
import type { Principal, World } from './world.js';

const LIFETIME = 900;
const CLIENT = 'arn:aws:signin:::devtools/same-device';

interface ConsoleLogin {
  principal: Principal;
  thumbprint: string;
  /** Milliseconds since the epoch. */
  until: number;
}

/** The sign-ins of `aws login`: refresh tokens that serve once, each bound to a key. */
export class ConsoleLogins {
  readonly #world: World;
  readonly #logins = new Map<string, ConsoleLogin>();

  constructor(world: World) {
    this.#world = world;
  }

  /** A person signs in: what the CLI then keeps in its cache. */
  start(principal: Principal, hours = 12) {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const login = {
      principal,
      thumbprint: thumbprint(publicKey.export({ format: 'jwk' })),
      until: this.#world.now() + hours * 3600_000,
    };
    const { refreshToken, accessToken } = this.issue(login);
    const expiresAt = `${new Date(this.#world.now() + LIFETIME * 1000).toISOString().slice(0, 19)}Z`;
    return {
      accessToken: { ...accessToken, accountId: principal.accountId, expiresAt },
      tokenType: 'urn:aws:params:oauth:token-type:access_token_sigv4',
      clientId: CLIENT,
      refreshToken,
      idToken: 'an-id-token',
      dpopKey: String(privateKey.export({ format: 'pem', type: 'sec1' })),
    };
  }

  issue(login: ConsoleLogin) {
    const { accessKeyId, secretAccessKey, sessionToken } = this.#world.issue(login.principal, LIFETIME);
    const refreshToken = randomToken();
    this.#logins.set(refreshToken, login);
    return { accessToken: { accessKeyId, secretAccessKey, sessionToken }, refreshToken };
  }

  /** @throws ServiceError where it is none, is spent or has expired */
  spend(refreshToken: string, key: JsonWebKey) {
    const login = this.#logins.get(refreshToken);
    if (!login || login.until <= this.#world.now())
      throw new ServiceError('TOKEN_EXPIRED', 400, 'The refresh token is expired');
    if (thumbprint(key) !== login.thumbprint)
      throw new ServiceError('INVALID_REQUEST', 400, 'The DPoP key is another one');
    this.#logins.delete(refreshToken);
    return this.issue(login);
  }
}

/** The sign-in service's token endpoint: `POST /v1/token` with a DPoP proof (RFC 9449). */
export function createSignin(logins: ConsoleLogins, clock: Clock): Service {
  const seen = new Set<string>();
  return {
    throttled: new ServiceError('TooManyRequestsError', 429, 'Rate exceeded'),
    refusal: ({ status, code, message }) => {
      const known = { TooManyRequestsError: 1, InternalFailure: 1 }[code];
      const type = status >= 500 ? 'InternalServerException' : known ? code : 'AccessDeniedException';
      return reply(status, { error: code, message, __type: type }, { 'x-amzn-ErrorType': type });
    },
    operation: ({ method, path }) =>
      method === 'POST' && path === '/v1/token' ? 'CreateOAuth2Token' : undefined,
    answer(request, call) {
      const { clientId, refreshToken, grantType } = JSON.parse(request.body);
      call.params = { clientId, grantType };
      const key = proven(request, clock.now(), seen);
      if (grantType !== 'refresh_token' || clientId !== CLIENT)
        throw new ServiceError('INVALID_REQUEST', 400, 'Invalid request');
      const issued = logins.spend(refreshToken, key);
      return jsonReply({ ...issued, tokenType: 'aws_sigv4', expiresIn: LIFETIME });
    },
  };
}

/** The key that signed the proof. */
function proven({ method, path, headers }: WireRequest, now: number, seen: Set<string>): JsonWebKey {
  const bad = (what: string) => new ServiceError('INVALID_REQUEST', 400, `Invalid DPoP proof: ${what}`);
  const [head = '', claims = '', signature = ''] = String(headers.dpop ?? '').split('.');
  const parse = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString() || '{}');
  const { alg, typ, jwk } = parse(head);
  const { jti, htm, htu, iat } = parse(claims);
  if (alg !== 'ES256' || typ !== 'dpop+jwt' || jwk?.crv !== 'P-256' || jwk.d) throw bad('header');
  const key = { key: createPublicKey({ key: jwk, format: 'jwk' }), dsaEncoding: 'ieee-p1363' } as const;
  if (!verify('sha256', Buffer.from(`${head}.${claims}`), key, Buffer.from(signature, 'base64url')))
    throw bad('signature');
  if (htm !== method || new URL(htu).pathname !== path || new URL(htu).host !== headers.host)
    throw bad('htm or htu');
  if (Math.abs(iat * 1000 - now) > 5 * 60_000) throw bad('iat');
  if (!jti || seen.has(jti)) throw bad('jti');
  seen.add(jti);
  return jwk;
}

/** RFC 7638 */
function thumbprint({ crv, kty, x, y }: JsonWebKey): string {
  return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
}
