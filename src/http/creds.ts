import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Trail } from '../access/audit.js';
import { CredentialError } from '../errors.js';
import type { Vendor } from '../sessions/vendor.js';
import { asCredentialError, JSON_TYPE } from './answer.js';
import { answerPages } from './cors.js';
import { noteVend } from './noted.js';
import { profileOf } from './segment.js';
import type { Traffic } from './traffic.js';

interface CredsParts {
  vendor: Vendor;
  trail: Trail;
  log: { debug(context: object, message: string): void };
  traffic: Traffic;
}

/** `GET /creds/<profile>`: the role session in the ECS container-credentials format. */
export async function credsRoutes(
  app: FastifyInstance,
  { vendor, trail, log, traffic }: CredsParts,
): Promise<void> {
  addTo(app);
  await app.register(async (pages) => {
    await answerPages(pages);
    addTo(pages, { from: 'page' });
  });

  function addTo(routes: FastifyInstance, constraints = {}): void {
    routes.get('/creds/*', { constraints }, answer);
    const method = routes.supportedMethods.filter((it) => it !== 'GET');
    routes.route({ method, url: '/creds/*', constraints, onRequest: refuse, handler: refuse });
  }

  /** Before anybody looks at a body: whatever it holds, the method is what is wrong. */
  async function refuse(): Promise<never> {
    throw onlyGet();
  }

  function answer(request: FastifyRequest, reply: FastifyReply): unknown {
    const profile = profileOf(request.raw.url ?? '');
    if (profile === undefined) return reply.send(malformed());
    const body = known(profile, request);
    if (typeof body === 'string') {
      traffic.hits++;
      return vend(request, reply, profile, body);
    }
    body.then(
      (bytes) => vend(request, reply, profile, bytes),
      (error) => {
        const { code } = asCredentialError(error);
        traffic.answered(profile, code, request.askedAt);
        reply.send(error);
      },
    );
    return reply;
  }

  /** Of a name that is no profile of ours, or of a broken one, nothing is kept. */
  function known(profile: string, { askedAt, caller }: FastifyRequest): ReturnType<Vendor['get']> {
    try {
      return vendor.get(profile, caller.kind === 'lease' ? caller.lease.narrowing : undefined);
    } catch (error) {
      traffic.answered('', asCredentialError(error).code, askedAt);
      throw error;
    }
  }

  function vend(request: FastifyRequest, reply: FastifyReply, profile: string, body: string): void {
    log.debug({ profile, caller: request.caller.kind }, 'vended');
    noteVend(trail, request, profile);
    // As text it leaves in one piece with the headers; a serializer of its own keeps Fastify from adding a charset.
    reply.serializer(asItIs).header('content-type', JSON_TYPE).header('cache-control', 'no-store').send(body);
    traffic.answered(profile, 'ok', request.askedAt);
  }
}

const asItIs = (body: string) => body;

export function onlyGet(): CredentialError {
  return new CredentialError('MethodNotAllowed', 405, 'Credentials are fetched with GET.');
}

function malformed(): CredentialError {
  return new CredentialError(
    'InvalidProfileName',
    400,
    'The profile in the path is not well formed: percent-encode its name, or use ~ and its base64url.',
  );
}
