import type { FastifyReply } from 'fastify';
import { CredentialError } from '../errors.js';

/** Two SDKs compare the content type as a string, and Fastify would add a charset to anything but a Buffer. */
export const JSON_TYPE = 'application/json';
const RETRY_AFTER_SECONDS = '5';

export function sendError(reply: FastifyReply, error: unknown): void {
  const known = error instanceof CredentialError ? error : fromFramework(error as FrameworkError);
  if (known.statusCode === 503) reply.header('retry-after', RETRY_AFTER_SECONDS);
  if (known.statusCode === 405) reply.header('allow', 'GET');
  reply
    .code(known.statusCode)
    .header('content-type', JSON_TYPE)
    .header('cache-control', 'no-store')
    .send(errorBody(known.code, known.message));
}

/** Some SDKs read `code` and `message`, some `Code` and `Message`; most show neither, and the rest all of it. */
export function errorBody(code: string, message: string): Buffer {
  return Buffer.from(JSON.stringify({ code, message, Code: code, Message: message }));
}

interface FrameworkError {
  code?: string;
  statusCode?: number;
  message: string;
}

function fromFramework({ code, statusCode = 500, message }: FrameworkError): CredentialError {
  if (statusCode < 500)
    return new CredentialError(code ?? 'BadRequest', 400, `The request is malformed: ${message}`);
  return new CredentialError('InternalError', 500, `credd met a bug: ${message}. Its log has more.`);
}
