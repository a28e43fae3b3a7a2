import type { Socket } from 'node:net';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Trail } from '../access/audit.js';
import type { SameUser } from '../access/same-user.js';
import { CredentialError } from '../errors.js';
import type { Vendor } from '../sessions/vendor.js';
import { require } from '../system/common-js.js';
import { asCredentialError, JSON_TYPE, refuseConnection, sendError } from './answer.js';
import { type Api, apiRoutes } from './api.js';
import { fromPage } from './cors.js';
import { credsRoutes, onlyGet } from './creds.js';
import type { Caller, Guard } from './guard.js';
import type { Metrics } from './metrics.js';
import { noteRefusal } from './noted.js';
import { PageUnauthorized } from './page.js';
import { Traffic } from './traffic.js';

const { fastify } = require('fastify') as typeof import('fastify');

declare module 'fastify' {
  interface FastifyRequest {
    caller: Caller;
    /** By `performance.now()`. */
    askedAt: number;
  }
}

const MOST_BODY = 64 * 1024;
/** As much as Node takes for all headers together. */
const MOST_SEGMENT = 16 * 1024;

/** When the slow are cut off, in milliseconds, and how many may be connected at once. */
export const LIMITS = { request: 15_000, checked: 5_000, idle: 75_000, connections: 1024 };

/** No route of ours has a schema: to load the compilers for them would take time at the start, and some megabytes. */
const NO_SCHEMAS = { buildValidator: unused, buildSerializer: unused };

const HEALTHY = Buffer.from(JSON.stringify({ status: 'ok' }));

export interface HttpLog {
  debug(context: object, message: string): void;
  warn(context: object, message: string): void;
  error(context: object, message: string): void;
}

export interface AppParts {
  guard: Guard;
  sameUser: SameUser;
  vendor: Vendor;
  api: Api;
  trail: Trail;
  log: HttpLog;
  traffic?: Traffic;
  metrics?: Metrics;
  limits?: typeof LIMITS;
}

/** The questions and the answers; whoever is let in by the guard. It listens to nothing by itself. */
export function buildApp(parts: AppParts): FastifyInstance {
  const { guard, sameUser, vendor, api, trail, log, limits = LIMITS } = parts;
  const { traffic = new Traffic(), metrics } = parts;
  // Without a logger of Fastify's own: a child of it for every request costs more than the rest of the answer.
  const app = fastify({
    bodyLimit: MOST_BODY,
    requestTimeout: limits.request,
    keepAliveTimeout: limits.idle,
    exposeHeadRoutes: false,
    routerOptions: { maxParamLength: MOST_SEGMENT, constraints: { from: fromPage } },
    forceCloseConnections: 'idle',
    return503OnClosing: false,
    schemaController: { compilersFactory: NO_SCHEMAS },
    http: {
      // The guard itself looks at Host, doubled or missing.
      requireHostHeader: false,
      headersTimeout: limits.request,
      connectionsCheckingInterval: limits.checked,
    },
    frameworkErrors: (error, request, reply) => admit(request, reply, () => fail(error, reply)),
    clientErrorHandler: (error, socket) =>
      refuseConnection(socket, `This is not a request that credd can read: ${error.message}`),
  });

  function admit(request: FastifyRequest, reply: FastifyReply, next: () => void): void {
    request.askedAt = performance.now();
    const enter = (caller: Caller) => {
      request.caller = caller;
      next();
    };
    const refuse = (error: unknown) => {
      traffic.answered('', asCredentialError(error).code, request.askedAt);
      if (error instanceof CredentialError) tell(error, request.method);
      if (error instanceof PageUnauthorized) error.allowReading(reply);
      fail(error, reply);
    };
    let caller: ReturnType<Guard>;
    try {
      caller = guard(request.raw);
    } catch (error) {
      refuse(error);
      return;
    }
    if (caller instanceof Promise) caller.then(enter, refuse);
    else enter(caller);
  }

  const toldAt = new Map<string, number>();

  /** Whoever is refused may come again and again: of each code one a second is told, and the trail counts the rest. */
  function tell({ code, message }: CredentialError, method: string): void {
    const now = performance.now();
    const isNews = now - (toldAt.get(code) ?? Number.NEGATIVE_INFINITY) >= 1000;
    if (isNews) toldAt.set(code, now);
    log[isNews ? 'warn' : 'debug']({ code, method }, message);
  }

  function fail(error: unknown, reply: FastifyReply): void {
    const known = asCredentialError(error);
    if (known.statusCode === 500) log.error(whereabouts(error), 'a request met a bug');
    noteRefusal(trail, reply.request, known.code);
    sendError(reply, known);
  }

  app.decorateRequest('caller');
  app.decorateRequest('askedAt', 0);
  app.server.maxConnections = limits.connections;
  app.server.on('connection', (socket) => {
    sameUser.watch(socket);
    trail.watch(socket);
  });
  app.server.on('connect', (_request, socket) =>
    refuseConnection(socket as Socket, 'credd is no proxy: it has no CONNECT.'),
  );
  app.server.on('checkExpectation', app.routing);
  app.addHook('onRequest', admit);
  app.setErrorHandler((error, _request, reply) => fail(error, reply));
  app.setNotFoundHandler((request, reply) => fail(notFound(request), reply));
  app.get('/healthz', (_request, reply) => {
    reply.header('content-type', JSON_TYPE).send(HEALTHY);
  });
  app.get('/', (_request, reply) => {
    reply.type('text/plain').send('credd vends AWS credentials: GET /creds/<profile>\n');
  });
  if (metrics) {
    app.get('/metrics', async (_request, reply) => {
      const { type, body } = await metrics.text();
      reply.header('content-type', type).header('cache-control', 'no-store');
      return body;
    });
  }
  app.register(async (routes) => credsRoutes(routes, { vendor, trail, log, traffic }));
  app.register(async (routes) => apiRoutes(routes, api, trail));
  return app;
}

function unused(): never {
  throw new TypeError('a schema needs a compiler');
}

/** Of a bug its place alone is logged: messages quote what was being read. */
function whereabouts(error: unknown): object {
  const { name, stack = '' } = Object(error) as Partial<Error>;
  return { type: name, at: stack.match(/^ +at .*$/gm)?.map((frame) => frame.trim()) };
}

/** Some SDKs treat a 404 specially, so there is none below /creds. */
function notFound(request: FastifyRequest): CredentialError {
  const creds = /^\/+creds/.test(request.raw.url ?? '');
  if (creds && request.raw.method !== 'GET') return onlyGet();
  return new CredentialError(
    'NotFound',
    creds ? 400 : 404,
    creds
      ? 'Name a profile: GET /creds/<profile>'
      : 'There is nothing here. Credentials are at /creds/<profile>',
  );
}
