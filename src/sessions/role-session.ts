import type { Credentials } from '../aws/credentials.js';

/**
 * Temporary credentials that AWS gave for a chain of steps. Times are milliseconds since the epoch, by this computer's
 * clock: whoever takes the session judges it by that one, right or wrong.
 */
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
