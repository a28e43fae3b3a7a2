import type { IncomingMessage } from 'node:http';
import type { FastifyReply } from 'fastify';
import { CredentialError } from '../errors.js';

/** Whether a browser says that a page is asking: any page on the machine could otherwise ask in its person's name. */
export function isFromAPage({ headers }: IncomingMessage): boolean {
  return headers.origin !== undefined || headers.referer !== undefined || saysFetched({ headers });
}

export function saysFetched({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  for (const name in headers) if (name.startsWith('sec-fetch-')) return true;
  return false;
}

/** Whether the page is of this origin and asks by `fetch`, not by a form, a frame or an image. */
export function isFetchFrom(origin: string, { headers }: IncomingMessage): boolean {
  const { referer, 'sec-fetch-mode': mode = 'cors', 'sec-fetch-dest': dest = 'empty' } = headers;
  const from = referer === undefined || referer === origin || referer.startsWith(`${origin}/`);
  return from && mode === 'cors' && dest === 'empty';
}

/** The question that browsers ask before they send a token. */
export function isPreflight({ method, headers }: IncomingMessage): boolean {
  return method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;
}

/** A page that its profile allows, but whose token will not do. */
export class PageUnauthorized extends CredentialError {
  readonly #origin: string;

  constructor({ code, statusCode, message }: CredentialError, origin: string) {
    super(code, statusCode, message);
    this.#origin = origin;
  }

  allowReading(reply: FastifyReply): void {
    reply.header('access-control-allow-origin', this.#origin).header('vary', 'Origin');
  }
}
