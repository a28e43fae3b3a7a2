import type { FastifyInstance } from 'fastify';
import type { Account } from '../aws/sso-accounts.js';
import type { Flow } from '../aws/sso-registration.js';
import { CredentialError } from '../errors.js';
import type { SignInState } from '../sessions/sign-in.js';
import { profileOfSegment } from './segment.js';

/** A sign-in that waits for the person at `url`. */
export interface BegunSignIn {
  id: string;
  name: string;
  flow: Flow;
  url: string;
  userCode?: string;
  expiresAt: number;
}

export interface SignInOutcome {
  state: 'pending' | 'done';
  expiresAt?: number;
  renewable?: boolean;
}

export interface SignInApi {
  states(): Promise<SignInState[]>;
  /** Of the profile, sso-session or start URL. */
  state(name: string): Promise<SignInState>;
  /** Without a name: the only sign-in there is. */
  begin(request: { name?: string; flow: Flow }): Promise<BegunSignIn>;
  /** Waits for it, but not for long. */
  outcome(id: string): Promise<SignInOutcome>;
  /** Gives up for this caller; `pending`: somebody else goes on waiting for the same sign-in. */
  abandon(id: string): Promise<{ name: string; state: SignInState['state'] }>;
  end(name: string | undefined): Promise<{ name: string; signedIn: boolean }>;
  accounts(name: string): Promise<{ name: string; region: string; accounts: Account[] }>;
  /** Whether Identity Center knows this start URL in this region. */
  check(wanted: { session: string; startUrl: string; region: string }): Promise<void>;
}

export function signInRoutes(app: FastifyInstance, api: SignInApi): void {
  app.get('/api/sign-ins', async () => ({ signIns: await api.states() }));
  app.get<Named>('/api/sign-ins/:segment', ({ params }) => api.state(named(params)));
  app.post('/api/sign-ins', async ({ body, raw }) => {
    const { name, device } = fields(body);
    if (name !== undefined && typeof name !== 'string') throw bad('names a profile or an sso-session');
    const begun = await api.begin({ ...(name ? { name } : {}), flow: device === true ? 'device' : 'code' });
    // Who has gone meanwhile cannot give up any more.
    if (raw.socket.destroyed) await api.abandon(begun.id);
    return begun;
  });
  app.get<Attempt>('/api/sign-ins/attempts/:id', ({ params }) => api.outcome(params.id));
  app.delete<Attempt>('/api/sign-ins/attempts/:id', ({ params }) => api.abandon(params.id));
  app.post('/api/sign-ins/check', async ({ body }) => {
    const { session, startUrl, region } = fields(body);
    if (typeof session !== 'string' || typeof startUrl !== 'string' || typeof region !== 'string')
      throw bad('has a session, a startUrl and a region');
    await api.check({ session, startUrl, region });
    return {};
  });
  app.delete('/api/sign-ins', () => api.end(undefined));
  app.delete<Named>('/api/sign-ins/:segment', ({ params }) => api.end(named(params)));
  app.get<Named>('/api/sign-ins/:segment/accounts', ({ params }) => api.accounts(named(params)));
}

interface Attempt {
  Params: { id: string };
}

interface Named {
  Params: { segment: string };
}

function fields(body: unknown): Record<string, unknown> {
  return Object(body) as Record<string, unknown>;
}

function named({ segment }: { segment: string }): string {
  const name = profileOfSegment(segment);
  if (name === undefined) throw bad('names a profile or an sso-session');
  return name;
}

function bad(what: string): CredentialError {
  return new CredentialError('BadRequest', 400, `A sign-in ${what}.`);
}
