import { ServiceError } from './protocol.js';
import type { QueryParameters, Xml } from './query-protocol.js';
import type { AccessKey, Session, SessionDetails } from './world.js';

const packedPolicyLimit = 2048;

export const credentialsXml = (session: Session): Xml => ({
  AccessKeyId: session.accessKeyId,
  SecretAccessKey: session.secretAccessKey,
  SessionToken: session.sessionToken,
  Expiration: new Date(session.expiration).toISOString().replace('.000Z', 'Z'),
});

/** What narrows or describes a session, and how much of AWS's room for it is taken, in percent. */
export function sessionDetails(parameters: QueryParameters): {
  details: SessionDetails;
  packedPolicySize: number | undefined;
} {
  const policy = parameters.optional('Policy');
  const policyArns = parameters.list('PolicyArns', '.arn');
  const tagKeys = parameters.list('Tags', '.Key');
  const tagValues = parameters.list('Tags', '.Value');
  if (policy !== undefined) checkPolicy(policy);
  const size = [policy ?? '', ...policyArns, ...tagKeys, ...tagValues].join('').length;
  const packedPolicySize = size > 0 ? Math.ceil((size / packedPolicyLimit) * 100) : undefined;
  if (size > packedPolicyLimit) {
    const message = `Packed policy consumes ${packedPolicySize}% of allotted space, please use smaller policy.`;
    throw new ServiceError('PackedPolicyTooLarge', 400, message);
  }
  return {
    packedPolicySize,
    details: {
      policy,
      policyArns,
      tags: Object.fromEntries(tagKeys.map((key, index) => [key, tagValues[index] ?? ''])),
      transitiveTagKeys: parameters.list('TransitiveTagKeys'),
    },
  };
}

function checkPolicy(policy: string): void {
  try {
    const document: unknown = JSON.parse(policy);
    if (typeof document === 'object' && document !== null && 'Statement' in document) return;
  } catch {}
  throw new ServiceError('MalformedPolicyDocument', 400, 'This policy contains invalid Json');
}

/** Whether the call proves a second factor; a wrong proof is refused. */
export function usesMfa(caller: AccessKey, parameters: QueryParameters): boolean {
  const serial = parameters.optional('SerialNumber');
  const code = parameters.optional('TokenCode');
  if (serial === undefined && code === undefined) return false;
  if (!caller.mfaSerial || serial !== caller.mfaSerial) {
    const message =
      'MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.';
    throw new ServiceError('AccessDenied', 403, message);
  }
  if (code === undefined || !/^\d{6}$/.test(code) || code === '000000' || !caller.mfaCodes?.(code)) {
    const message = 'MultiFactorAuthentication failed with invalid MFA one time pass code. ';
    throw new ServiceError('AccessDenied', 403, message);
  }
  return true;
}
