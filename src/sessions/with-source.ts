import type { Credentials } from '../aws/credentials.js';
import type { Clock } from '../system/clock.js';
import type { RoleSession } from './role-session.js';
import { isRevoked } from './session-error.js';

/** What AWS refuses so soon after giving it, it will refuse again. Milliseconds. */
const TOO_NEW_TO_BE_REVOKED = 60_000;

interface Source {
  readonly session: RoleSession | undefined;
  usable(): Promise<Credentials>;
  renew(): Promise<Credentials>;
}

/** Calls AWS with the credentials of the source. A session of it that AWS takes no longer is replaced, once. */
export async function withSource(
  source: Source,
  clock: Clock,
  call: (credentials: Credentials) => Promise<Credentials>,
): Promise<Credentials> {
  const credentials = await source.usable();
  try {
    return await call(credentials);
  } catch (error) {
    const { session } = source;
    if (!session || !isRevoked(error)) throw error;
    if (session === credentials) {
      if (clock.now() - session.obtainedAt < TOO_NEW_TO_BE_REVOKED) throw error;
      await source.renew();
    }
    return call(await source.usable());
  }
}
