import { parseRoleArn } from './identifiers.js';
import { ServiceError } from './protocol.js';
import { type QueryParameters, validationError, type Xml } from './query-protocol.js';
import { credentialsXml, sessionDetails, usesMfa } from './session-request.js';
import {
  type AccessKey,
  isSession,
  type Role,
  rolePrincipal,
  type Session,
  trusts,
  type WebIdentity,
  type World,
} from './world.js';

const oneHour = 3600;

/**
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 * AWS counts every caller with temporary credentials as role chaining, those of GetSessionToken too.
 */
export function assumeRole(world: World, caller: AccessKey, parameters: QueryParameters): Xml {
  const { arn, sessionName, seconds } = commonParameters(parameters);
  const role = world.role(arn);
  const mfa = usesMfa(caller, parameters) || (isSession(caller) && caller.details.serialNumber !== undefined);
  if (!role || !mayAssume(role, caller, parameters.optional('ExternalId'), mfa)) {
    const who = `User: ${caller.principal.arn}`;
    throw denied(`${who} is not authorized to perform: sts:AssumeRole on resource: ${arn}`);
  }
  if (isSession(caller) && (seconds ?? oneHour) > oneHour) {
    throw validationError(
      'The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.',
    );
  }
  const { details, packedPolicySize } = sessionDetails(parameters);
  const sourceIdentity = parameters.optional('SourceIdentity') && parameters.name('SourceIdentity');
  const principal = rolePrincipal(arn, sessionName);
  const session = world.issue(principal, allowedSeconds(role, seconds), {
    ...details,
    sourceIdentity,
    serialNumber: parameters.optional('SerialNumber'),
  });
  return { ...sessionXml(session), PackedPolicySize: packedPolicySize, SourceIdentity: sourceIdentity };
}

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html */
export function assumeRoleWithWebIdentity(world: World, parameters: QueryParameters): Xml {
  const { arn, sessionName, seconds } = commonParameters(parameters);
  const identity = webIdentity(world, parameters.required('WebIdentityToken'));
  const role = world.role(arn);
  if (!role?.trusts.includes(identity.issuer)) {
    throw denied('Not authorized to perform sts:AssumeRoleWithWebIdentity');
  }
  const { details, packedPolicySize } = sessionDetails(parameters);
  const session = world.issue(rolePrincipal(arn, sessionName), allowedSeconds(role, seconds), details);
  return {
    ...sessionXml(session),
    PackedPolicySize: packedPolicySize,
    SubjectFromWebIdentityToken: identity.subject,
    Audience: identity.audience,
    Provider: identity.issuer,
  };
}

function commonParameters(parameters: QueryParameters) {
  const arn = parameters.required('RoleArn');
  const sessionName = parameters.name('RoleSessionName');
  const seconds = parameters.seconds('DurationSeconds', [900, 43_200]);
  if (!arn.startsWith('arn:')) throw validationError(`${arn} is invalid`);
  if (!parseRoleArn(arn)) throw validationError('Request ARN is invalid');
  return { arn, sessionName, seconds };
}

function mayAssume(role: Role, caller: AccessKey, externalId: string | undefined, mfa: boolean): boolean {
  const knowsExternalId = role.externalId === undefined || role.externalId === externalId;
  return trusts(role, caller.principal) && knowsExternalId && (mfa || !role.requiresMfa);
}

function allowedSeconds(role: Role, seconds = oneHour): number {
  if (seconds > (role.maxSessionDuration ?? oneHour)) {
    throw validationError('The requested DurationSeconds exceeds the MaxSessionDuration set for this role.');
  }
  return seconds;
}

function webIdentity(world: World, token: string): WebIdentity {
  const identity = world.webIdentities.find((known) => known.token === token);
  if (!identity) {
    const message =
      "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements";
    throw new ServiceError('InvalidIdentityToken', 400, message);
  }
  if (identity.expiresAt !== undefined && identity.expiresAt <= world.now()) {
    const [now, end] = [world.now(), identity.expiresAt].map((time) => Math.floor(time / 1000));
    const message = `Token expired: current date/time ${now} must be before the expiration date/time ${end}`;
    throw new ServiceError('ExpiredTokenException', 400, message);
  }
  return identity;
}

const sessionXml = (session: Session) => ({
  Credentials: credentialsXml(session),
  AssumedRoleUser: { AssumedRoleId: session.principal.userId, Arn: session.principal.arn },
});

const denied = (message: string) => new ServiceError('AccessDenied', 403, message);
