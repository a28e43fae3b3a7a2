import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Trail } from '../access/audit.js';
import { CredentialError } from '../errors.js';
import type { Vendor } from '../sessions/vendor.js';
import { JSON_TYPE } from './answer.js';
import { answerPages } from './cors.js';
import { noteVend } from './noted.js';
import { profileOf } from './segment.js';

interface CredsParts {
  vendor: Vendor;
  trail: Trail;
  log: { debug(context: object, message: string): void };
}

/** `GET /creds/<profile>`: the role session in the ECS container-credentials format. */
export async function credsRoutes(app: FastifyInstance, { vendor, trail, log }: CredsParts): Promise<void> {
  await answerPages(app);
  app.all('/creds/*', (request, reply) => {
    if (request.raw.method !== 'GET') return reply.send(onlyGet());
    const profile = profileOf(request.raw.url ?? '');
    if (profile === undefined) return reply.send(malformed());
    const { caller } = request;
    const body = vendor.get(profile, caller.kind === 'lease' ? caller.lease.narrowing : undefined);
    if (Buffer.isBuffer(body)) return vend(request, reply, profile, body);
    body.then(
      (bytes) => vend(request, reply, profile, bytes),
      (error) => reply.send(error),
    );
    return reply;
  });

  function vend(request: FastifyRequest, reply: FastifyReply, profile: string, body: Buffer): void {
    log.debug({ profile, caller: request.caller.kind }, 'vended');
    noteVend(trail, request, profile);
    reply.header('content-type', JSON_TYPE).header('cache-control', 'no-store').send(body);
  }
}

function onlyGet(): CredentialError {
  return new CredentialError('MethodNotAllowed', 405, 'Credentials are fetched with GET.');
}

function malformed(): CredentialError {
  return new CredentialError(
    'InvalidProfileName',
    400,
    'The profile in the path is not well formed: percent-encode its name, or use ~ and its base64url.',
  );
}
