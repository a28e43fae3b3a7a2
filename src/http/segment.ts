import { isUtf8 } from 'node:buffer';
import { CredentialError } from '../errors.js';

const PLAIN = /^(?!~|\.{1,2}$)[A-Za-z0-9._~-]+$/;
const PREFIX = '/creds/';

/**
 * A profile's name as one path segment that no SDK alters: the name itself where it fits, else `~` and base64url.
 * Some SDKs normalise dots, some encode `%` a second time.
 */
export function segmentOf(profile: string): string {
  return PLAIN.test(profile) ? profile : `~${Buffer.from(profile).toString('base64url')}`;
}

/** The profile that `/creds/<segment>` names; undefined where the segment is malformed. */
export function profileOf(url: string): string | undefined {
  if (!url.startsWith(PREFIX)) return undefined;
  const query = url.indexOf('?');
  const segment = query < 0 ? url.slice(PREFIX.length) : url.slice(PREFIX.length, query);
  try {
    return profileOfSegment(segment.includes('%') ? decodeURIComponent(segment) : segment);
  } catch {
    return undefined;
  }
}

/** The same for a segment that is no longer percent-encoded. */
export function profileOfSegment(segment: string): string | undefined {
  const name = segment.startsWith('~') ? nameOf(segment.slice(1)) : segment;
  return name || undefined;
}

/** A route whose path ends in a profile's segment. */
export interface Segment {
  Params: { segment: string };
}

/** @throws CredentialError `InvalidProfileName` (400) */
export function named({ segment }: { segment: string }): string {
  const profile = profileOfSegment(segment);
  if (profile === undefined)
    throw new CredentialError('InvalidProfileName', 400, 'The path names no profile.');
  return profile;
}

/** Node passes over what is no base64url and replaces what is no UTF-8: neither is a name that somebody meant. */
function nameOf(base64url: string): string | undefined {
  const bytes = Buffer.from(base64url, 'base64url');
  const wellFormed = bytes.toString('base64url') === base64url.replace(/=+$/, '');
  return wellFormed && isUtf8(bytes) ? bytes.toString() : undefined;
}
