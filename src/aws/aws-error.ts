import { CredentialError } from '../errors.js';

interface AwsFault {
  name?: string;
  message?: string;
  code?: string;
  $metadata?: { httpStatusCode?: number };
  $response?: { statusCode?: number };
}

const PASSING = new Set([
  'Throttling',
  'ThrottlingException',
  'ThrottledException',
  'TooManyRequestsException',
  'RequestLimitExceeded',
  'SlowDown',
  'ServiceUnavailable',
  'InternalFailure',
  'InternalServerException',
  'IDPCommunicationError',
  'RequestTimeTooSkewed',
]);

/** What to do about the errors that people meet; the service's own message stands before it. */
const ADVICE: Record<string, (profile: string) => string> = {
  AccessDenied: (p) =>
    `Check that the role's trust policy names the source of "${p}", its external_id, and that the source may call sts:AssumeRole.`,
  InvalidClientTokenId: (p) =>
    `AWS does not know the access key of "${p}": it is mistyped, deactivated or deleted. Put a current one there.`,
  SignatureDoesNotMatch: (p) =>
    `The secret access key of "${p}" does not belong to its access key id: correct it.`,
  ExpiredToken: (p) => `The session token of "${p}" has expired: paste fresh ones.`,
  ValidationError: (p) => `Correct that setting of "${p}": credd list shows where it stands.`,
  MalformedPolicyDocument: (p) => `Correct the policy of "${p}".`,
  RegionDisabledException: (p) => `Set a region for "${p}" in which STS is active for the account.`,
  InvalidIdentityToken: (p) => `Renew the token in the web_identity_token_file of "${p}".`,
  ExpiredTokenException: (p) => `Renew the token in the web_identity_token_file of "${p}".`,
  ForbiddenException: (p) =>
    `Check sso_account_id and sso_role_name of "${p}", and that you are assigned to them.`,
  ResourceNotFoundException: (p) => `Check sso_account_id and sso_role_name of "${p}".`,
};

/** Turns what an AWS client threw into what a person is told. */
export function awsError(error: unknown, profile: string, doing: string): CredentialError {
  if (error instanceof CredentialError) return error;
  if (error instanceof TypeError) throw error;
  const fault = error as AwsFault;
  const status = fault.$metadata?.httpStatusCode ?? fault.$response?.statusCode;
  if (status === undefined || status < 400) return unreachable(fault, profile, doing, error);
  const code = fault.name ?? 'UnknownError';
  const said = `Profile "${profile}": ${doing} failed: ${fault.message || code} (${code}).`;
  if (PASSING.has(code) || status >= 500 || status === 429) {
    return new CredentialError(code, 503, `${said} This may pass: try again.`, { cause: error });
  }
  const advice = ADVICE[code]?.(profile) ?? '';
  const statusCode = code === 'ValidationError' || code === 'MalformedPolicyDocument' ? 400 : 403;
  return new CredentialError(code, statusCode, `${said} ${advice}`.trimEnd(), { cause: error });
}

function unreachable(fault: AwsFault, profile: string, doing: string, cause: unknown): CredentialError {
  const timedOut = fault.name === 'TimeoutError' || fault.code === 'ETIMEDOUT';
  const why = fault.message || fault.code || String(cause);
  return new CredentialError(
    timedOut ? 'Timeout' : 'NetworkError',
    503,
    `Profile "${profile}": ${doing} failed: no usable answer from AWS (${why}). Check the network, the proxy and the endpoint; it is tried again.`,
    { cause },
  );
}
