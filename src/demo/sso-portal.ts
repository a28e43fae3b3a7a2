import { jsonRefusal, jsonReply } from './json-protocol.js';
import { type Call, type Reply, type Service, ServiceError, type WireRequest } from './protocol.js';
import { permissionSetRole, type SignIn, type SignIns } from './sso.js';
import { rolePrincipal, type World } from './world.js';

const operations: Record<string, string> = {
  'GET /federation/credentials': 'GetRoleCredentials',
  'GET /assignment/accounts': 'ListAccounts',
  'GET /assignment/roles': 'ListAccountRoles',
  'POST /logout': 'Logout',
};

/** The Identity Center portal (`sso`), version 2019-06-10. Its requests are not signed: they bear an access token. */
export function createPortal(world: World, signIns: SignIns): Service {
  const answers: Record<string, (signIn: SignIn, query: URLSearchParams) => Reply> = {
    GetRoleCredentials({ center }, query) {
      const accountId = required(query, 'account_id');
      const name = required(query, 'role_name');
      const account = center.assignments.find((assignment) => assignment.accountId === accountId);
      if (!account?.roles.includes(name)) throw new ServiceError('ForbiddenException', 403, 'No access');
      const principal = rolePrincipal(permissionSetRole(center, accountId, name), center.userName);
      const session = world.issue(principal, center.sessionDuration ?? 3600);
      const { accessKeyId, secretAccessKey, sessionToken, expiration } = session;
      return jsonReply({ roleCredentials: { accessKeyId, secretAccessKey, sessionToken, expiration } });
    },

    ListAccounts({ center }, query) {
      const accounts = center.assignments.map(({ accountId, accountName, emailAddress }) => ({
        accountId,
        accountName: accountName ?? accountId,
        emailAddress: emailAddress ?? `${accountId}@example.com`,
      }));
      const { page, nextToken } = paginate(accounts, query);
      return jsonReply({ accountList: page, nextToken });
    },

    ListAccountRoles({ center }, query) {
      const accountId = required(query, 'account_id');
      const account = center.assignments.find((assignment) => assignment.accountId === accountId);
      if (!account) throw new ServiceError('ForbiddenException', 403, 'No access');
      const { page, nextToken } = paginate(account.roles, query);
      return jsonReply({ roleList: page.map((roleName) => ({ roleName, accountId })), nextToken });
    },

    Logout({ accessToken }) {
      signIns.end(accessToken);
      return { status: 200, headers: {}, body: '' };
    },
  };

  return {
    throttled: new ServiceError('TooManyRequestsException', 429, 'HTTP 429 Unknown Code'),
    refusal: jsonRefusal,
    operation: ({ method, path }) => operations[`${method} ${path}`],
    answer(request, call) {
      call.params = Object.fromEntries(request.query);
      const signIn = bearer(request, call);
      const answer = answers[call.operation];
      if (!answer) throw new ServiceError('InvalidRequestException', 400, `No operation ${call.operation}`);
      return answer(signIn, request.query);
    },
  };

  function bearer({ headers }: WireRequest, call: Call): SignIn {
    const token = headers['x-amz-sso_bearer_token'];
    const signIn = typeof token === 'string' ? signIns.valid(token) : undefined;
    if (!signIn) throw new ServiceError('UnauthorizedException', 401, 'Session token not found or invalid');
    call.principal = signIn.center.userName;
    return signIn;
  }
}

function required(query: URLSearchParams, name: string): string {
  const value = query.get(name);
  if (!value) throw new ServiceError('InvalidRequestException', 400, `Missing ${name}`);
  return value;
}

function paginate<T>(items: readonly T[], query: URLSearchParams): { page: T[]; nextToken?: string } {
  const start = Number(query.get('next_token') ?? 0);
  const end = start + Number(query.get('max_result') ?? 100);
  return { page: items.slice(start, end), nextToken: end < items.length ? String(end) : undefined };
}
