import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Trail } from '../access/audit.js';
import { CredentialError } from '../errors.js';
import { noteVend } from './noted.js';
import { named, type Segment } from './segment.js';

interface Keys {
  accessKeyId: string;
  secretAccessKey: string;
}

/** Long-term keys in the keychain; always with the owner's token. */
export interface KeysApi {
  list(): { profile: string; accessKeyId: string; since: number }[];
  get(profile: string): Promise<Keys & { undo?: unknown }>;
  /** Checked with AWS first. `undo` says how to give them back to the file that they come from. */
  keep(profile: string, keys: Keys, undo?: unknown): Promise<{ arn: string | undefined }>;
  rotate(profile: string): Promise<{ accessKeyId: string; previous: string }>;
  remove(profile: string): Promise<void>;
}

export function keysRoutes(app: FastifyInstance, keys: KeysApi, trail: Trail): void {
  app.get('/api/keys', () => ({ keys: keys.list() }));
  app.get<Segment>('/api/keys/:segment', async (request) => {
    const profile = named(request.params);
    const kept = await keys.get(profile);
    noteVend(trail, request as FastifyRequest, profile);
    return kept;
  });
  app.post<Segment>('/api/keys/:segment', ({ params, body }) => {
    const { accessKeyId, secretAccessKey, undo } = Object(body) as Record<string, unknown>;
    return keys.keep(named(params), longTerm(accessKeyId, secretAccessKey), undo);
  });
  app.post<Segment>('/api/keys/:segment/rotate', ({ params }) => keys.rotate(named(params)));
  app.delete<Segment>('/api/keys/:segment', async ({ params }) => {
    await keys.remove(named(params));
    return {};
  });
}

function longTerm(accessKeyId: unknown, secretAccessKey: unknown): Keys {
  if (typeof accessKeyId !== 'string' || !/^\w{4,128}$/.test(accessKeyId))
    throw bad('An access key id is of letters and digits, as AKIA...');
  if (accessKeyId.startsWith('ASIA'))
    throw bad('These keys are temporary: what begins with ASIA is a session and ends by itself.');
  if (typeof secretAccessKey !== 'string' || !/^[\x21-\x7e]{4,128}$/.test(secretAccessKey))
    throw bad('A secret access key is of letters, digits, / and +, without spaces.');
  return { accessKeyId, secretAccessKey };
}

function bad(message: string): CredentialError {
  return new CredentialError('InvalidKeys', 400, message);
}
