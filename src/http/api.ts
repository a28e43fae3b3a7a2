import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Trail } from '../access/audit.js';
import type { Grant, Lease } from '../access/lease.js';
import type { CallerIdentity } from '../aws/caller-identity.js';
import { isNarrow, type Narrowing } from '../aws/narrowing.js';
import { checkNarrowing } from '../aws/narrowing-check.js';
import { CredentialError } from '../errors.js';
import type { RoleSession } from '../sessions/role-session.js';
import { type KeysApi, keysRoutes } from './keys-routes.js';
import { noteVend } from './noted.js';
import { named, type Segment } from './segment.js';
import { type SignInApi, signInRoutes } from './sign-in-routes.js';

export interface LeaseRequest {
  profile: string;
  narrowing?: Narrowing;
  /** Milliseconds. */
  ttl?: number;
  /** The process that the lease ends with. */
  pid?: number;
  /** Good without the same-user proof. */
  container?: boolean;
}

/** What the command line and, later, the dashboard ask of the daemon; always with the owner's token. */
export interface Api {
  profiles(): unknown;
  status(): unknown;
  session(profile: string): Promise<RoleSession>;
  refresh(profile: string): Promise<RoleSession>;
  forget(profile: string): Promise<void>;
  /** Reads the person's files as they are at this moment. */
  reload(): Promise<void>;
  identity(profile: string): Promise<CallerIdentity>;
  leases(): Lease[];
  /** The MFA device whose code the profile needs next, if any. */
  mfaDevice(profile: string): Promise<string | undefined>;
  unlock(profile: string, code: string): Promise<RoleSession>;
  keys: KeysApi;
  /** A console sign-in URL, good for 15 minutes. */
  consoleUrl(profile: string, service?: string): Promise<string>;
  lease(request: LeaseRequest): Promise<Grant>;
  endLease(id: string): Promise<boolean>;
  signIns: SignInApi;
  /** Brings the trail on disk up to date. */
  flushTrail(): Promise<void>;
}

export function apiRoutes(app: FastifyInstance, api: Api, trail: Trail): void {
  app.addHook('onRequest', (_request, reply, next) => {
    reply.header('cache-control', 'no-store');
    next();
  });
  app.get('/api/profiles', () => api.profiles());
  app.get('/api/status', () => api.status());
  app.post('/api/reload', async () => {
    await api.reload();
    return {};
  });
  app.get<Segment>('/api/sessions/:segment', (request) => vended(request, api.session));
  app.post<Segment>('/api/sessions/:segment/refresh', (request) => vended(request, api.refresh));
  app.delete<Segment>('/api/sessions/:segment', async ({ params }) => {
    await api.forget(named(params));
    return {};
  });
  app.get<Segment>('/api/identity/:segment', ({ params }) => api.identity(named(params)));
  signInRoutes(app, api.signIns);
  app.get('/api/leases', () => api.leases());
  app.get<Segment>('/api/mfa/:segment', async ({ params }) => ({
    device: (await api.mfaDevice(named(params))) ?? null,
  }));
  app.post<Segment>('/api/mfa/:segment', async ({ params, body }) => {
    const { expiration } = await api.unlock(named(params), mfaCode(body));
    return { expiration };
  });
  keysRoutes(app, api.keys, trail);
  app.post<Segment>('/api/console/:segment', async (request) => {
    const profile = named(request.params);
    const { service } = Object(request.body) as Record<string, unknown>;
    const url = await api.consoleUrl(profile, typeof service === 'string' ? service : undefined);
    noteVend(trail, request as FastifyRequest, profile);
    return { url };
  });
  app.post('/api/leases', ({ body }) => api.lease(leaseRequest(body)));
  app.delete<{ Params: { id: string } }>('/api/leases/:id', async ({ params }) => {
    if (await api.endLease(params.id)) return {};
    throw new CredentialError('NoSuchLease', 404, 'There is no such lease; it may have ended.');
  });
  app.post('/api/audit/flush', async () => {
    await api.flushTrail();
    return {};
  });

  async function vended(request: FastifyRequest<Segment>, get: Api['session']): Promise<RoleSession> {
    const profile = named(request.params);
    const session = await get(profile);
    noteVend(trail, request as FastifyRequest, profile);
    return session;
  }
}

function mfaCode(body: unknown): string {
  const { code } = Object(body) as Record<string, unknown>;
  if (typeof code === 'string' && /^\d{6}$/.test(code)) return code;
  throw new CredentialError('BadRequest', 400, 'A code of an MFA device is six digits.');
}

function leaseRequest(body: unknown): LeaseRequest {
  const { profile, narrowing = {}, ttl, pid, container } = Object(body) as Record<string, unknown>;
  if (typeof profile !== 'string') throw badLease('names a profile');
  if (ttl !== undefined && !(typeof ttl === 'number' && ttl > 0))
    throw badLease('has a ttl above 0, in milliseconds');
  if (pid !== undefined && !Number.isInteger(pid)) throw badLease('ends with a process, by its pid');
  if (container !== undefined && typeof container !== 'boolean') throw badLease('is for a container or not');
  const limits = checkNarrowing(narrowing);
  return {
    profile,
    ...(isNarrow(limits) ? { narrowing: limits } : {}),
    ...(ttl === undefined ? {} : { ttl }),
    ...(pid === undefined ? {} : { pid: Number(pid) }),
    ...(container === undefined ? {} : { container }),
  };
}

function badLease(what: string): CredentialError {
  return new CredentialError('BadRequest', 400, `A lease ${what}.`);
}
