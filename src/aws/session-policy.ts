import { CredentialError } from '../errors.js';
import type { Narrowing, OwnAddress } from './narrowing.js';

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
const MOST_CHARACTERS = 2048;
const EVERYTHING = { Effect: 'Allow', Action: '*', Resource: '*' };

/** The part of an STS request that narrows the session. */
export interface SessionPolicy {
  Policy?: string;
  PolicyArns?: { arn: string }[];
  Tags?: { Key: string; Value: string }[];
}

interface PolicyDocument {
  Version?: string;
  Statement: object | object[];
}

/**
 * The policies of one call add up before they are intersected with the role. So an address is a Deny, and everything
 * is allowed only where nothing else says what is: `Allow *` beside ReadOnlyAccess would be all that the role may do.
 */
export async function sessionPolicy(
  { allowed, addresses = [], tags = {} }: Narrowing,
  about: { profile: string; partition: string; ownAddress: OwnAddress },
): Promise<SessionPolicy> {
  const request: SessionPolicy = {};
  const denials = await Promise.all(
    addresses.map(async (it) => denyElsewhere(it === 'auto' ? await about.ownAddress(about.profile) : it)),
  );
  if (allowed && 'policy' in allowed) {
    const document = JSON.parse(allowed.policy) as PolicyDocument;
    request.Policy = JSON.stringify({ ...document, Statement: [document.Statement, ...denials].flat() });
  } else {
    const arns = allowed && ('readOnly' in allowed ? [readOnlyAccess(about.partition)] : allowed.policyArns);
    if (arns) request.PolicyArns = arns.map((arn) => ({ arn }));
    const statements = arns ? denials : [EVERYTHING, ...denials];
    if (denials.length > 0) request.Policy = JSON.stringify({ Version: '2012-10-17', Statement: statements });
  }
  if (request.Policy && request.Policy.length > MOST_CHARACTERS) {
    throw new CredentialError(
      'PolicyTooLong',
      400,
      `Profile "${about.profile}": its session policy has ${request.Policy.length} characters without white space, and AWS takes ${MOST_CHARACTERS}. Shorten it, or attach it in IAM and name its ARN.`,
    );
  }
  const pairs = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  return pairs.length > 0 ? { ...request, Tags: pairs } : request;
}

/** For what AWS gives no permissions at all without a policy. */
export function withEverything(request: SessionPolicy): SessionPolicy {
  if (request.Policy || request.PolicyArns) return request;
  return { ...request, Policy: JSON.stringify({ Version: '2012-10-17', Statement: [EVERYTHING] }) };
}

/** A service that acts for the session calls from its own addresses. */
function denyElsewhere(block: string): object {
  return {
    Effect: 'Deny',
    Action: '*',
    Resource: '*',
    Condition: { NotIpAddress: { 'aws:SourceIp': block }, Bool: { 'aws:ViaAWSService': 'false' } },
  };
}

function readOnlyAccess(partition: string): string {
  return `arn:${partition}:iam::aws:policy/ReadOnlyAccess`;
}
