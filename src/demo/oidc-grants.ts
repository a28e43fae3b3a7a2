import type { Clock } from '../system/clock.js';
import { randomToken, userCode } from './identifiers.js';
import { matchesChallenge, type OidcClient, oidcError } from './oidc-clients.js';
import { deviceCodeLifetime, type IdentityCenter } from './sso.js';

export const pollingInterval = 1;
const codeLifetime = 600_000;

export interface DeviceGrant {
  deviceCode: string;
  userCode: string;
  clientId: string;
  center: IdentityCenter;
  expiresAt: number;
  decision: 'pending' | 'approved' | 'denied';
  askedAt: number;
}

interface CodeGrant {
  clientId: string;
  center: IdentityCenter;
  redirectUri: string;
  challenge: string;
  expiresAt: number;
}

/** What a person was asked to approve, or has approved, and no client has yet turned into a token. */
export class OidcGrants {
  readonly #clock: Clock;
  readonly #devices = new Map<string, DeviceGrant>();
  readonly #codes = new Map<string, CodeGrant>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  startDevice({ clientId }: OidcClient, center: IdentityCenter): DeviceGrant {
    const grant: DeviceGrant = {
      deviceCode: randomToken(),
      userCode: userCode(),
      clientId,
      center,
      expiresAt: this.#clock.now() + deviceCodeLifetime(center) * 1000,
      decision: center.autoApprove ? 'approved' : 'pending',
      askedAt: Number.NEGATIVE_INFINITY,
    };
    this.#devices.set(grant.deviceCode, grant);
    return grant;
  }

  /** The device authorizations that wait for a person's decision. */
  pending(): DeviceGrant[] {
    return [...this.#devices.values()].filter(({ decision }) => decision === 'pending');
  }

  decide(userCode: string, decision: 'approved' | 'denied'): void {
    const grant = this.pending().find((waiting) => waiting.userCode === userCode);
    if (!grant) throw oidcError('InvalidRequest', 'No sign-in waits under that code');
    grant.decision = decision;
  }

  /** The Identity Center that a device code opens; refuses in the words of RFC 8628, section 3.5. */
  redeemDevice({ clientId }: OidcClient, deviceCode: unknown): IdentityCenter {
    const grant = this.#devices.get(String(deviceCode));
    const now = this.#clock.now();
    if (grant?.clientId !== clientId) throw oidcError('InvalidGrant', 'Invalid device code provided');
    if (grant.expiresAt <= now) throw oidcError('ExpiredToken', 'Device code has expired');
    if (grant.decision === 'denied') throw oidcError('AccessDenied', 'The person denied the request');
    if (grant.decision === 'pending') {
      const tooFast = now - grant.askedAt < pollingInterval * 900;
      grant.askedAt = now;
      if (tooFast) throw oidcError('SlowDown', 'Polling too fast');
      throw oidcError('AuthorizationPending', 'The person has not decided yet');
    }
    this.#devices.delete(grant.deviceCode);
    return grant.center;
  }

  issueCode(client: OidcClient, center: IdentityCenter, redirectUri: string, challenge: string): string {
    const code = randomToken();
    const expiresAt = this.#clock.now() + codeLifetime;
    this.#codes.set(code, { clientId: client.clientId, center, redirectUri, challenge, expiresAt });
    return code;
  }

  /** The Identity Center that an authorization code opens, once. */
  redeemCode({ clientId }: OidcClient, { code, redirectUri, codeVerifier }: Record<string, unknown>) {
    const grant = this.#codes.get(String(code));
    this.#codes.delete(String(code));
    const valid =
      grant &&
      grant.clientId === clientId &&
      grant.expiresAt > this.#clock.now() &&
      grant.redirectUri === redirectUri &&
      matchesChallenge(codeVerifier, grant.challenge);
    if (!valid) throw oidcError('InvalidGrant', 'Invalid authorization code provided');
    return grant.center;
  }
}
