import type { Credentials } from '../aws/credentials.js';

/** Temporary credentials that AWS gave for a chain of steps. Times are milliseconds since the epoch. */
export interface RoleSession extends Credentials {
  sessionToken: string;
  expiration: number;
  obtainedAt: number;
}

export function isRoleSession(value: Credentials & { obtainedAt?: number }): value is RoleSession {
  return (
    typeof value.accessKeyId === 'string' &&
    typeof value.secretAccessKey === 'string' &&
    typeof value.sessionToken === 'string' &&
    Number.isFinite(value.expiration) &&
    Number.isFinite(value.obtainedAt)
  );
}

/** What was given just now; a source that repeats what it gave (a process with a cache) has renewed nothing. */
export function dated(
  given: Credentials,
  held: RoleSession | undefined,
  now: number,
): Credentials & { obtainedAt: number } {
  const repeated = held?.sessionToken === given.sessionToken && held?.expiration === given.expiration;
  return { ...given, obtainedAt: held && repeated ? Math.min(held.obtainedAt, now) : now };
}

/** Anything that AWS gave for a time. */
export type Lasting = Pick<RoleSession, 'expiration' | 'obtainedAt'>;

/** Milliseconds until the session ends; negative once it has. */
export function timeLeft(session: Lasting, now: number): number {
  return session.expiration - now;
}

export function lifetime(session: Lasting): number {
  return session.expiration - session.obtainedAt;
}

/** `YYYY-MM-DDTHH:MM:SSZ`: several SDKs take neither a fraction nor an offset. */
export function wireTime(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;
}

/** The body that the SDKs' container-credentials providers read; fields that AWS did not give are left out. */
export function ecsBody(session: RoleSession): string {
  return JSON.stringify({
    Code: 'Success',
    AccessKeyId: session.accessKeyId,
    SecretAccessKey: session.secretAccessKey,
    Token: session.sessionToken,
    Expiration: wireTime(session.expiration),
    AccountId: session.accountId,
    RoleArn: session.roleArn,
  });
}
