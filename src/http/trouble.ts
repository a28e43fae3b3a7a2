import type { FastifyInstance, FastifyReply } from 'fastify';
import type { CredentialError } from '../errors.js';
import type { Clock } from '../system/clock.js';
import { require } from '../system/common-js.js';
import { sendError } from './answer.js';
import { LIMITS } from './app.js';
import { closeGently } from './drain.js';

const { fastify } = require('fastify') as typeof import('fastify');

/** Answers every request, whoever asks, with one error: it must hold nothing that is not for everybody. */
export function buildTroubleApp(error: CredentialError, clock: Clock): FastifyInstance {
  const answer = (reply: FastifyReply) => sendError(reply, error);
  const app = fastify({
    requestTimeout: LIMITS.request,
    keepAliveTimeout: LIMITS.idle,
    return503OnClosing: false,
    frameworkErrors: (_error, _request, reply) => answer(reply),
  });
  app.server.maxConnections = LIMITS.connections;
  app.addHook('onRequest', (_request, reply) => answer(reply));
  closeGently(app, clock, { answerAll: () => {}, cut: () => {} });
  return app;
}
