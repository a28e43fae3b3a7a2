import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Trail } from '../access/audit.js';
import { checkAccessKeyId, checkSecretAccessKey, type LongTermKeys } from '../aws/long-term-keys.js';
import { checkRegion } from '../aws/site.js';
import { noteVend } from './noted.js';
import { named, type Segment } from './segment.js';

export interface KeepRequest {
  keys: LongTermKeys;
  /** How to give them back to the file that they come from. */
  undo?: unknown;
  /** Where they are tried when the profile is only about to be written. */
  region?: string;
}

/** Long-term keys in the keychain; always with the owner's token. */
export interface KeysApi {
  list(): { profile: string; accessKeyId: string; since: number; previous?: string }[];
  /** @throws CredentialError `NoKeychain` (403) where nothing would keep them */
  place(): Promise<{ kind: string }>;
  get(profile: string): Promise<LongTermKeys & { undo?: unknown }>;
  /** Checked with AWS first. */
  keep(profile: string, request: KeepRequest): Promise<{ arn: string | undefined }>;
  rotate(profile: string): Promise<{ accessKeyId: string; previous: string }>;
  remove(profile: string): Promise<void>;
}

export function keysRoutes(app: FastifyInstance, keys: KeysApi, trail: Trail): void {
  app.get('/api/keys', () => ({ keys: keys.list() }));
  app.get('/api/key-store', () => keys.place());
  app.get<Segment>('/api/keys/:segment', async (request) => {
    const profile = named(request.params);
    const kept = await keys.get(profile);
    noteVend(trail, request as FastifyRequest, profile);
    return kept;
  });
  app.post<Segment>('/api/keys/:segment', ({ params, body }) => keys.keep(named(params), keepRequest(body)));
  app.post<Segment>('/api/keys/:segment/rotate', ({ params }) => keys.rotate(named(params)));
  app.delete<Segment>('/api/keys/:segment', async ({ params }) => {
    await keys.remove(named(params));
    return {};
  });
}

function keepRequest(body: unknown): KeepRequest {
  const { accessKeyId, secretAccessKey, undo, region } = Object(body) as Record<string, unknown>;
  return {
    keys: {
      accessKeyId: checkAccessKeyId(accessKeyId),
      secretAccessKey: checkSecretAccessKey(secretAccessKey),
    },
    undo,
    ...(region === undefined ? {} : { region: checkRegion(region) }),
  };
}
