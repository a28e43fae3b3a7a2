import { type Service, ServiceError } from './protocol.js';
import { QueryParameters, queryRefusal, queryReply, type Xml } from './query-protocol.js';
import { authenticate } from './signature.js';
import { type AccessKey, isSession, type World } from './world.js';

type Action = (world: World, caller: AccessKey, parameters: QueryParameters) => Xml;

/** What IAM allows a user: two. */
const MOST_KEYS = 2;

const actions: Record<string, Action> = {
  CreateAccessKey(world, { principal }) {
    if (world.keysOf(principal.arn).length >= MOST_KEYS) {
      throw new ServiceError('LimitExceeded', 409, `Cannot exceed quota for AccessKeysPerUser: ${MOST_KEYS}`);
    }
    const { accessKeyId, secretAccessKey } = world.createKey(principal.arn);
    return {
      AccessKey: {
        UserName: nameOf(principal.arn),
        AccessKeyId: accessKeyId,
        Status: 'Active',
        SecretAccessKey: secretAccessKey,
      },
    };
  },
  UpdateAccessKey(world, caller, parameters) {
    const status = parameters.required('Status');
    ownKey(world, caller, parameters).inactive = status === 'Inactive';
    return {};
  },
  DeleteAccessKey(world, caller, parameters) {
    world.revoke(ownKey(world, caller, parameters).accessKeyId);
    return {};
  },
  ListAccessKeys(world, { principal }) {
    const members = world
      .keysOf(principal.arn)
      .map(({ accessKeyId, inactive }, index) => [
        `member${index}`,
        { AccessKeyId: accessKeyId, Status: inactive ? 'Inactive' : 'Active' },
      ]);
    return { AccessKeyMetadata: Object.fromEntries(members), IsTruncated: 'false' };
  },
};

/** IAM's access keys: query protocol, version 2010-05-08. */
export function createIam(world: World): Service {
  return {
    throttled: new ServiceError('Throttling', 400, 'Rate exceeded'),
    refusal: queryRefusal,
    operation({ method, path, body }) {
      const action = method === 'POST' && path === '/' && new URLSearchParams(body).get('Action');
      return action && Object.hasOwn(actions, action) ? action : undefined;
    },
    answer(request, call, now) {
      const parameters = new QueryParameters(request.body);
      call.params = parameters.publicEntries();
      const caller = authenticate(request, 'iam', world, now);
      call.principal = caller.principal.arn;
      // https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_getsessiontoken.html
      if (isSession(caller) && !caller.details.serialNumber) {
        throw new ServiceError(
          'InvalidClientTokenId',
          403,
          'The security token included in the request is invalid',
        );
      }
      // As a policy that denies where aws:MultiFactorAuthPresent is false: who has a device has to use it.
      if (caller.mfaSerial && !isSession(caller)) {
        throw new ServiceError(
          'AccessDenied',
          403,
          `${caller.principal.arn} is not authorized to perform this`,
        );
      }
      const perform = actions[call.operation] as Action;
      return queryReply(call.operation, perform(world, caller, parameters));
    },
  };
}

function ownKey(world: World, { principal }: AccessKey, parameters: QueryParameters): AccessKey {
  const id = parameters.required('AccessKeyId');
  const key = world.keysOf(principal.arn).find(({ accessKeyId }) => accessKeyId === id);
  if (key) return key;
  throw new ServiceError('NoSuchEntity', 404, `The Access Key with id ${id} cannot be found.`);
}

const nameOf = (arn: string) => arn.slice(arn.lastIndexOf('/') + 1);
