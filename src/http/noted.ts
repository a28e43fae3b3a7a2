import type { FastifyRequest } from 'fastify';
import { type Trail, VENDED } from '../access/audit.js';
import { profileOf, profileOfSegment } from './segment.js';

const SESSIONS = /^\/api\/(?:sessions|keys|console)\/([^/?]+)/;

/** Somebody got this profile's credentials. */
export function noteVend(trail: Trail, request: FastifyRequest, profile: string): void {
  note(trail, request, profile, VENDED);
}

/** Somebody asked for credentials and got none, or was not let in at all. */
export function noteRefusal(trail: Trail, request: FastifyRequest, code: string): void {
  const url = request.raw.url ?? '';
  const letIn = request.caller != null;
  if (!letIn || /^\/+(creds|api\/(sessions|keys|console|leases))/.test(url))
    note(trail, request, profileNamed(url), code);
}

function note(trail: Trail, { caller, raw }: FastifyRequest, profile: string | undefined, outcome: string) {
  const lease = caller?.kind === 'lease' ? caller.lease : undefined;
  trail.note(raw.socket, { profile, lease, agent: raw.headers['user-agent'], outcome });
}

function profileNamed(url: string): string | undefined {
  const segment = SESSIONS.exec(url)?.[1];
  return segment === undefined ? profileOf(url) : profileOfSegment(segment);
}
