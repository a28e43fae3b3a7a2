import { createHash } from 'node:crypto';
import type { Clock } from '../system/clock.js';
import { randomToken } from './identifiers.js';

export interface Assignment {
  accountId: string;
  accountName?: string;
  emailAddress?: string;
  /** Names of the permission sets. */
  roles: readonly string[];
}

/** One organisation's Identity Center, seen by the one person who signs in to it. */
export interface IdentityCenter {
  startUrl: string;
  region: string;
  userName: string;
  assignments: readonly Assignment[];
  /** Sign-ins that exist from the beginning; `expiresAt` in milliseconds since the epoch. */
  tokens?: readonly { accessToken: string; expiresAt: number; refreshToken?: string }[];
  /** Seconds that a role's credentials live; 3600 if unset. */
  sessionDuration?: number;
  /** Seconds that an access token lives; 28800 if unset. */
  tokenLifetime?: number;
  /** Seconds that the person has to confirm a code; 600 if unset. */
  deviceCodeLifetime?: number;
  /** Whether the person approves every sign-in at once; otherwise it waits for the person. */
  autoApprove?: boolean;
}

export interface SignIn {
  accessToken: string;
  expiresAt: number;
  refreshToken?: string;
  center: IdentityCenter;
}

/** The sign-ins at every Identity Center of the simulated world. */
export class SignIns {
  readonly #clock: Clock;
  readonly #centers: readonly IdentityCenter[];
  readonly #signIns = new Set<SignIn>();

  constructor(centers: readonly IdentityCenter[], clock: Clock) {
    this.#clock = clock;
    this.#centers = centers;
    for (const center of centers) {
      for (const token of center.tokens ?? []) this.#signIns.add({ ...token, center });
    }
  }

  center(startUrl: string): IdentityCenter | undefined {
    return this.#centers.find((center) => bare(center.startUrl) === bare(startUrl));
  }

  begin(center: IdentityCenter, refreshable: boolean): SignIn {
    const signIn = {
      accessToken: randomToken(60),
      expiresAt: this.#clock.now() + tokenLifetime(center) * 1000,
      refreshToken: refreshable ? randomToken(60) : undefined,
      center,
    };
    this.#signIns.add(signIn);
    return signIn;
  }

  /** A new sign-in for the refresh token of an old one, whose refresh token is used up by that. */
  refresh(refreshToken: string): SignIn | undefined {
    const old = this.#find((signIn) => signIn.refreshToken === refreshToken);
    if (!old) return undefined;
    old.refreshToken = undefined;
    return this.begin(old.center, true);
  }

  /** The sign-in that an access token stands for, while it is valid. */
  valid(accessToken: string): SignIn | undefined {
    const now = this.#clock.now();
    return this.#find((signIn) => signIn.accessToken === accessToken && signIn.expiresAt > now);
  }

  /** Ends an access token now, as if its time had run out; it can still be refreshed. */
  expire(accessToken: string): void {
    const signIn = this.valid(accessToken);
    if (signIn) signIn.expiresAt = this.#clock.now();
  }

  /** Takes back a sign-in's refresh token; its access token lives on until it expires. */
  revoke(accessToken: string): void {
    const signIn = this.#find((candidate) => candidate.accessToken === accessToken);
    if (signIn) signIn.refreshToken = undefined;
  }

  /** Signs out: neither the access token nor its refresh token is of use any more. */
  end(accessToken: string): void {
    const signIn = this.#find((candidate) => candidate.accessToken === accessToken);
    if (signIn) this.#signIns.delete(signIn);
  }

  /** Signs everybody out everywhere. */
  endAll(): void {
    this.#signIns.clear();
  }

  #find(matches: (signIn: SignIn) => boolean): SignIn | undefined {
    for (const signIn of this.#signIns) if (matches(signIn)) return signIn;
    return undefined;
  }
}

export const deviceCodeLifetime = (center: IdentityCenter): number => center.deviceCodeLifetime ?? 600;

export const tokenLifetime = (center: IdentityCenter): number => center.tokenLifetime ?? 28_800;

/** A start URL is the same with and without a slash or `#` at its end. */
const bare = (startUrl: string) => startUrl.replace(/[/#]+$/, '');

/** The ARN of the role that Identity Center keeps in an account for a permission set. */
export function permissionSetRole(
  { region, startUrl }: IdentityCenter,
  accountId: string,
  name: string,
): string {
  const hash = createHash('sha256')
    .update(`${bare(startUrl)} ${accountId} ${name}`)
    .digest('hex')
    .slice(0, 16);
  const folder = region === 'us-east-1' ? '' : `${region}/`;
  return `arn:aws:iam::${accountId}:role/aws-reserved/sso.amazonaws.com/${folder}AWSReservedSSO_${name}_${hash}`;
}
