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
  const segment = url.slice(PREFIX.length).split('?', 1)[0] ?? '';
  try {
    return profileOfSegment(segment.includes('%') ? decodeURIComponent(segment) : segment);
  } catch {
    return undefined;
  }
}

/** The same for a segment that is no longer percent-encoded. */
export function profileOfSegment(segment: string): string | undefined {
  const name = segment.startsWith('~') ? Buffer.from(segment.slice(1), 'base64url').toString() : segment;
  return name || undefined;
}
