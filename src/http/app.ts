import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
} from 'fastify';
import type { SameUser } from '../access/same-user.js';
import { CredentialError } from '../errors.js';
import type { Vendor } from '../sessions/vendor.js';
import { errorBody, sendError } from './answer.js';
import { type Api, apiRoutes } from './api.js';
import { credsRoutes } from './creds.js';
import type { Caller, Guard } from './guard.js';

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller;
  }
}

const MOST_BODY = 64 * 1024;
const MOST_SEGMENT = 8 * 1024;
const REQUEST_TIMEOUT = 15_000;
const IDLE_TIMEOUT = 75_000;

export interface AppParts {
  guard: Guard;
  sameUser: SameUser;
  vendor: Vendor;
  api: Api;
  log: FastifyBaseLogger;
}

/** The questions and the answers; whoever is let in by the guard. It listens to nothing by itself. */
export function buildApp({ guard, sameUser, vendor, api, log }: AppParts): FastifyInstance {
  const app = fastify({
    loggerInstance: log,
    disableRequestLogging: true,
    bodyLimit: MOST_BODY,
    requestTimeout: REQUEST_TIMEOUT,
    keepAliveTimeout: IDLE_TIMEOUT,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: MOST_SEGMENT },
    forceCloseConnections: 'idle',
    // The guard itself looks at Host, doubled or missing.
    http: { requireHostHeader: false, headersTimeout: REQUEST_TIMEOUT },
    frameworkErrors: (error, request, reply) => admit(request, reply, () => sendError(reply, error)),
    clientErrorHandler(error, socket) {
      if (!socket.writable) return;
      const body = errorBody('BadRequest', `This is not a request that credd can read: ${error.message}`);
      socket.end(
        `HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
      );
    },
  });

  function admit(request: FastifyRequest, reply: FastifyReply, next: () => void): void {
    try {
      const caller = guard(request.raw);
      if (!(caller instanceof Promise)) {
        request.caller = caller;
        next();
        return;
      }
      caller.then(
        (found) => {
          request.caller = found;
          next();
        },
        (error) => sendRefusal(request, reply, error),
      );
    } catch (error) {
      sendRefusal(request, reply, error);
    }
  }

  app.decorateRequest('caller');
  app.server.on('connection', (socket) => sameUser.watch(socket));
  app.addHook('onRequest', admit);
  app.setErrorHandler((error, request, reply) => {
    if (!(error instanceof CredentialError)) request.log.error({ err: error }, 'a request met a bug');
    sendError(reply, error);
  });
  app.setNotFoundHandler((request, reply) => sendError(reply, notFound(request)));
  app.get('/healthz', () => ({ status: 'ok' }));
  app.get('/', (_request, reply) => {
    reply.type('text/plain').send('credd vends AWS credentials: GET /creds/<profile>\n');
  });
  credsRoutes(app, { vendor });
  apiRoutes(app, api);
  return app;
}

function sendRefusal(request: FastifyRequest, reply: FastifyReply, error: unknown): void {
  const { code, message } = error as CredentialError;
  request.log.warn({ code, method: request.method }, message);
  sendError(reply, error);
}

/** Some SDKs treat a 404 specially, so there is none below /creds. */
function notFound(request: FastifyRequest): CredentialError {
  const creds = request.raw.url?.startsWith('/creds');
  return new CredentialError(
    'NotFound',
    creds ? 400 : 404,
    creds
      ? 'Name a profile: GET /creds/<profile>'
      : 'There is nothing here. Credentials are at /creds/<profile>',
  );
}
