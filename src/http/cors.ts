import type { IncomingMessage } from 'node:http';
import type { FastifyCorsOptions } from '@fastify/cors';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { require } from '../system/common-js.js';
import type { Caller } from './guard.js';

const { fastifyCors } = require('@fastify/cors') as typeof import('@fastify/cors');

/** Older Chromiums ask for both before a page of the web may speak with this machine; newer ones ask their person. */
const LOCAL_ACCESS = ['private-network', 'local-network'] as const;
const REMEMBERED_SECONDS = 600;

const PAGE = 'page';

/**
 * Lets a route be for pages alone, `constraints: { from: 'page' }`: what the plugin does for each request would cost
 * all other clients a fifth of their throughput.
 */
export const fromPage = {
  name: 'from',
  storage() {
    const handlers = new Map<unknown, never>();
    return {
      get: (from: unknown) => handlers.get(from) ?? null,
      set: (from: unknown, handler: never) => void handlers.set(from, handler),
    };
  },
  deriveConstraint: ({ headers }: IncomingMessage) => (headers.origin === undefined ? 'program' : PAGE),
  validate() {},
};

/** CORS headers for the pages that the guard let in, and an answer to their preflights; for nobody else anything. */
export async function answerPages(app: FastifyInstance): Promise<void> {
  app.addHook('onRequest', (request, reply, next) => {
    if (request.caller.kind === 'preflight') allowLocalAccess(request, reply);
    next();
  });
  await app.register(fastifyCors, {
    delegator: (request: FastifyRequest, callback: (error: null, options: FastifyCorsOptions) => void) => {
      const { caller } = request as { caller: Caller };
      callback(null, {
        origin: ('origin' in caller && caller.origin) || false,
        methods: ['GET'],
        allowedHeaders: ['Authorization'],
        maxAge: REMEMBERED_SECONDS,
      });
    },
  });
}

/** https://wicg.github.io/private-network-access/ and https://wicg.github.io/local-network-access/ */
function allowLocalAccess({ headers }: FastifyRequest, reply: FastifyReply): void {
  for (const kind of LOCAL_ACCESS) {
    if (headers[`access-control-request-${kind}`] === 'true')
      reply.header(`access-control-allow-${kind}`, 'true');
  }
}
