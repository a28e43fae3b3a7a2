import { CredentialError } from '../errors.js';
import { unreachable } from './unreachable.js';

interface AwsFault extends Error {
  $fault?: 'client' | 'server';
  $metadata?: { httpStatusCode?: number };
  $response?: { statusCode?: number };
}

/** What AWS or its SDK answers where the same call may succeed later. */
const PASSING = new Set([
  'Throttling',
  'ThrottlingException',
  'ThrottledException',
  'RequestThrottled',
  'RequestThrottledException',
  'TooManyRequestsException',
  'RequestLimitExceeded',
  'SlowDown',
  'ServiceUnavailable',
  'InternalFailure',
  'InternalServerException',
  'IDPCommunicationError',
  'RequestTimeTooSkewed',
]);

/** Faults of what the person wrote, not of what he may do. */
const BAD_REQUEST = new Set([
  'ValidationError',
  'MalformedPolicyDocumentException',
  'PackedPolicyTooLargeException',
  'InvalidRequestException',
]);

type Advice = (call: { profile: string; doing: string; said: string }) => string;

/** What to do about the errors that people meet; the service's own message stands before it. */
const ADVICE: Record<string, Advice> = {
  AccessDenied: ({ profile, doing }) => {
    if (doing.startsWith('AssumeRoleWithWebIdentity')) {
      return `Check that the role's trust policy names the issuer and the audience of the token of "${profile}".`;
    }
    if (!doing.startsWith('AssumeRole')) return 'Have the call allowed for these credentials.';
    return `Check role_arn and external_id of "${profile}", that the role's trust policy names its source, and that the source may call sts:AssumeRole.`;
  },
  InvalidClientTokenId: ({ profile }) =>
    `AWS does not know the access key behind "${profile}": it is mistyped, deactivated or deleted. Put a current one there.`,
  SignatureDoesNotMatch: ({ profile, said }) =>
    /^Signature (expired|not yet current)/.test(said)
      ? 'The clock of this machine is wrong: set it.'
      : `The secret access key behind "${profile}" does not belong to its access key id: correct it.`,
  ExpiredToken: ({ profile }) => `The session token behind "${profile}" has expired: paste fresh ones.`,
  ValidationError: ({ profile, said }) =>
    /durationSeconds/i.test(said)
      ? `Lower duration_seconds of "${profile}", or have the role's maximum session duration raised.`
      : `Correct that setting of "${profile}".`,
  MalformedPolicyDocumentException: ({ profile }) => `Correct the policy of "${profile}".`,
  PackedPolicyTooLargeException: ({ profile }) =>
    `The policies and tags of this session of "${profile}" take more room than AWS has for them: shorten the policy, or name fewer policies and tags.`,
  RegionDisabledException: ({ profile }) =>
    `Set a region for "${profile}" in which STS is active for the account.`,
  InvalidIdentityToken: ({ profile }) =>
    `Have the token in the web_identity_token_file of "${profile}" renewed.`,
  ExpiredTokenException: ({ profile }) =>
    `Have the token in the web_identity_token_file of "${profile}" renewed.`,
  ForbiddenException: ({ profile }) =>
    `Check sso_account_id and sso_role_name of "${profile}", and that you are assigned to them.`,
  ResourceNotFoundException: ({ profile }) => `Check sso_account_id and sso_role_name of "${profile}".`,
  InvalidRequestException: ({ profile }) => `Check sso_account_id and sso_role_name of "${profile}".`,
};

/** Turns what an AWS client threw into what a person is told. A fault that is neither AWS's nor the network's is rethrown. */
export function awsError(
  error: unknown,
  profile: string,
  doing: string,
  about = `Profile "${profile}"`,
): CredentialError {
  if (error instanceof CredentialError) return error;
  const fault = error as AwsFault;
  const status = fault.$metadata?.httpStatusCode ?? fault.$response?.statusCode;
  if (status === undefined && error instanceof TypeError) throw error;
  if (fault.name === 'EndpointError') return contradictory(fault, about, doing);
  if (status === 407) return proxyRefused(about, doing, error);
  if (status === undefined || !isAnswer(fault)) return unreachable(fault, { about, doing, status });
  const said = fault.message || fault.name;
  const failed = `${about}: ${doing} failed: ${said.replace(/\.$/, '')} (${fault.name}).`;
  if (PASSING.has(fault.name) || status >= 500 || status === 429) {
    return new CredentialError(fault.name, 503, `${failed} This may pass: try again.`, { cause: error });
  }
  const advice = ADVICE[fault.name]?.({ profile, doing, said }) ?? '';
  return new CredentialError(
    fault.name,
    BAD_REQUEST.has(fault.name) ? 400 : 403,
    `${failed} ${advice}`.trimEnd(),
    {
      cause: error,
      // Whoever writes the token file replaces it by and by.
      retryable: fault.name === 'ExpiredTokenException',
    },
  );
}

/** What the service said, as opposed to what the SDK made of an answer that it could not read. */
function isAnswer({ $fault, name, message }: AwsFault): boolean {
  return $fault !== undefined && (!/^Unknown(Error)?$/.test(message) || name in ADVICE || PASSING.has(name));
}

function proxyRefused(about: string, doing: string, cause: unknown): CredentialError {
  return new CredentialError(
    'ProxyAuthenticationRequired',
    403,
    `${about}: ${doing} failed: the proxy wants a user name and a password. Start credd with HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT.`,
    { cause },
  );
}

/** The SDK's word for settings that exclude each other, such as FIPS and an endpoint of one's own. */
function contradictory(fault: AwsFault, about: string, doing: string): CredentialError {
  return new CredentialError(
    'InvalidEndpoint',
    400,
    `${about}: ${doing} failed: ${fault.message}. Correct endpoint_url, use_fips_endpoint or use_dualstack_endpoint.`,
    { cause: fault },
  );
}
