import { MfaRequired } from '../aws/mfa.js';
import { CredentialError } from '../errors.js';

/** Steps are shared: a failure may speak of another profile than the one that was asked for. */
export function addressed(error: CredentialError, profile: string): CredentialError {
  const { code, statusCode, message, retryable } = error;
  if (error instanceof MfaRequired) return new MfaRequired(profile, error.device);
  if (message.startsWith(`Profile "${profile}"`)) return error;
  return new CredentialError(code, statusCode, `Profile "${profile}" cannot be served. ${message}`, {
    cause: error,
    retryable,
  });
}

export function stillFetching(profile: string): CredentialError {
  return new CredentialError(
    'StillFetching',
    503,
    `Profile "${profile}": its credentials have not come yet; credd goes on waiting for them. Try again in a few seconds.`,
  );
}

export function expiredOnArrival(profile: string, expiration: number, now: number): CredentialError {
  const [ended, says] = [expiration, now].map((time) => new Date(time).toISOString());
  return new CredentialError(
    'ClockSkew',
    503,
    `Profile "${profile}": AWS gave a session that ended at ${ended}, but this computer's clock says ${says}. Set the clock right.`,
  );
}

export function asCredentialError(error: unknown): CredentialError {
  if (error instanceof CredentialError) return error;
  return new CredentialError('InternalError', 500, `credd met a bug: ${(error as Error).message}`, {
    cause: error,
  });
}

export function isSignedOut(error: unknown): boolean {
  return error instanceof CredentialError && error.code === 'SsoLoginRequired';
}

/** Nothing but a person's code or console sign-in helps. */
export function waitsForPerson({ code }: CredentialError): boolean {
  return code === 'MfaRequired' || code === 'LoginRequired';
}

/** AWS's words for credentials that it took before, and takes no longer. */
const REVOKED = new Set(['ExpiredToken', 'InvalidClientTokenId', 'UnrecognizedClientException']);

export function isRevoked(error: unknown): boolean {
  return error instanceof CredentialError && REVOKED.has(error.code);
}
