import { assumeRole, assumeRoleWithWebIdentity } from './assume-role.js';
import { type Service, ServiceError } from './protocol.js';
import { QueryParameters, queryRefusal, queryReply, type Xml } from './query-protocol.js';
import { credentialsXml, sessionDetails, usesMfa } from './session-request.js';
import { authenticate } from './signature.js';
import { type AccessKey, isSession, type Principal, type World } from './world.js';

type SignedAction = (world: World, caller: AccessKey, parameters: QueryParameters) => Xml;

const signedActions: Record<string, SignedAction> = {
  AssumeRole: assumeRole,
  GetCallerIdentity: (_world, { principal }) => ({
    Arn: principal.arn,
    UserId: principal.userId,
    Account: principal.accountId,
  }),
  GetSessionToken: getSessionToken,
  GetFederationToken: getFederationToken,
};

/** The Security Token Service: query protocol, version 2011-06-15. */
export function createSts(world: World): Service {
  return {
    throttled: new ServiceError('Throttling', 400, 'Rate exceeded'),
    refusal: queryRefusal,
    operation({ method, path, body }) {
      if (method !== 'POST' || path !== '/') return undefined;
      return new URLSearchParams(body).get('Action') ?? 'MissingAction';
    },
    answer(request, call, now) {
      const parameters = new QueryParameters(request.body);
      const action = call.operation;
      call.params = parameters.publicEntries();
      if (action === 'MissingAction') {
        throw new ServiceError('MissingAction', 400, 'Missing Action');
      }
      if (action === 'AssumeRoleWithWebIdentity') {
        return queryReply(action, assumeRoleWithWebIdentity(world, parameters));
      }
      const version = parameters.optional('Version');
      const perform = signedActions[action];
      if (!perform || version !== '2011-06-15') {
        throw new ServiceError(
          'InvalidAction',
          400,
          `Could not find operation ${action} for version ${version}`,
        );
      }
      const caller = authenticate(request, 'sts', world, now);
      call.principal = caller.principal.arn;
      return queryReply(action, perform(world, caller, parameters));
    },
  };
}

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html */
function getSessionToken(world: World, caller: AccessKey, parameters: QueryParameters): Xml {
  longTermKeysOnly('GetSessionToken', caller);
  const seconds = parameters.seconds('DurationSeconds', [900, 129_600]) ?? 43_200;
  const mfa = usesMfa(caller, parameters);
  const details = { serialNumber: mfa ? parameters.optional('SerialNumber') : undefined };
  return { Credentials: credentialsXml(world.issue(caller.principal, seconds, details)) };
}

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html */
function getFederationToken(world: World, caller: AccessKey, parameters: QueryParameters): Xml {
  longTermKeysOnly('GetFederationToken', caller);
  const name = parameters.name('Name', [2, 32]);
  const seconds = parameters.seconds('DurationSeconds', [900, 129_600]) ?? 43_200;
  const { accountId } = caller.principal;
  const principal: Principal = {
    kind: 'federated-user',
    accountId,
    arn: `arn:aws:sts::${accountId}:federated-user/${name}`,
    userId: `${accountId}:${name}`,
  };
  const { details, packedPolicySize } = sessionDetails(parameters);
  return {
    Credentials: credentialsXml(world.issue(principal, seconds, details)),
    FederatedUser: { FederatedUserId: principal.userId, Arn: principal.arn },
    PackedPolicySize: packedPolicySize,
  };
}

function longTermKeysOnly(action: string, caller: AccessKey): void {
  if (isSession(caller)) {
    throw new ServiceError('AccessDenied', 403, `Cannot call ${action} with session credentials`);
  }
}
