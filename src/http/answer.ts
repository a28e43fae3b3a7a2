import type { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';
import { CredentialError } from '../errors.js';

/** Two SDKs compare the content type as a string, and Fastify adds a charset to text that has no serializer of its own. */
export const JSON_TYPE = 'application/json';
const RETRY_AFTER_SECONDS = '5';
/** Some SDKs read no more than 10,000 bytes, and the message stands in the body twice. */
const LONGEST_MESSAGE = 1000;

export function sendError(reply: FastifyReply, error: CredentialError): void {
  if (error.statusCode === 503) reply.header('retry-after', RETRY_AFTER_SECONDS);
  if (error.statusCode === 405) reply.header('allow', 'GET');
  reply
    .code(error.statusCode)
    .header('content-type', JSON_TYPE)
    .header('cache-control', 'no-store')
    .send(errorBody(error.code, error.message));
}

/** For a connection that Node hands over without a request that could be answered. */
export function refuseConnection(socket: Socket, message: string): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = errorBody('BadRequest', message);
  socket.end(
    `HTTP/1.1 400 Bad Request\r\ncontent-type: ${JSON_TYPE}\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
  );
}

/** Some SDKs read `code` and `message`, some `Code` and `Message`; most show neither, and the rest all of it. */
function errorBody(code: string, message: string): Buffer {
  const short = message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE)}…` : message;
  return Buffer.from(JSON.stringify({ code, message: short, Code: code, Message: short }));
}

/** What the caller may know of any error. The message of a bug may hold anything, a secret too. */
export function asCredentialError(error: unknown): CredentialError {
  if (error instanceof CredentialError) return error;
  const { statusCode = 500, message } = Object(error) as { statusCode?: number; message?: string };
  if (statusCode < 500) return new CredentialError('BadRequest', 400, `The request is malformed: ${message}`);
  return new CredentialError('InternalError', 500, 'credd met a bug. Its log says where.');
}
