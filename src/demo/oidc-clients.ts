import { createHash } from 'node:crypto';
import type { Clock } from '../system/clock.js';
import { randomToken } from './identifiers.js';
import { ServiceError } from './protocol.js';

const ninetyDays = 90 * 86_400_000;

export interface OidcClient {
  clientId: string;
  clientSecret: string;
  issuedAt: number;
  expiresAt: number;
  scopes: readonly string[];
  redirectUris: readonly string[];
  /** The start URL that the client was registered for; known only to clients of the authorization code grant. */
  issuerUrl?: string;
}

/** The public clients that registered with the OIDC service. */
export class OidcClients {
  readonly #clock: Clock;
  readonly #clients = new Map<string, OidcClient>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  register({ clientType, clientName, scopes, redirectUris, issuerUrl }: Record<string, unknown>): OidcClient {
    if (clientType !== 'public' || typeof clientName !== 'string') {
      throw oidcError('InvalidClientMetadata', 'A client needs a name and the type public');
    }
    const client = {
      clientId: randomToken(16),
      clientSecret: randomToken(60),
      issuedAt: this.#clock.now(),
      expiresAt: this.#clock.now() + ninetyDays,
      scopes: texts(scopes),
      redirectUris: texts(redirectUris),
      issuerUrl: typeof issuerUrl === 'string' ? issuerUrl : undefined,
    };
    this.#clients.set(client.clientId, client);
    return client;
  }

  /** The client of that id while its registration lasts. */
  find(clientId: unknown): OidcClient {
    const client = this.#clients.get(String(clientId));
    if (!client || client.expiresAt <= this.#clock.now()) {
      throw oidcError('InvalidClient', 'Client id is unknown or expired', 401);
    }
    return client;
  }

  authenticate({ clientId, clientSecret }: Record<string, unknown>): OidcClient {
    const client = this.find(clientId);
    if (client.clientSecret !== clientSecret) {
      throw oidcError('InvalidClient', 'Client secret does not match', 401);
    }
    return client;
  }
}

/** On loopback the port is of no account. https://www.rfc-editor.org/rfc/rfc8252#section-7.3 */
export function redirectsTo(client: OidcClient, redirectUri: string): boolean {
  const portless = (uri: string) => uri.replace(/^(http:\/\/127\.0\.0\.1):\d+/, '$1');
  return client.redirectUris.some((registered) => portless(registered) === portless(redirectUri));
}

/** https://www.rfc-editor.org/rfc/rfc7636#section-4.6 */
export const matchesChallenge = (verifier: unknown, challenge: string): boolean =>
  createHash('sha256').update(String(verifier)).digest('base64url') === challenge;

export const oidcError = (name: string, description: string, status = 400): ServiceError =>
  new ServiceError(`${name}Exception`, status, description);

const texts = (list: unknown): string[] =>
  Array.isArray(list) ? list.filter((item): item is string => typeof item === 'string') : [];
