import { type Clock, wallTime } from '../system/clock.js';
import { addressed } from './session-error.js';
import type { Failure, SessionSlot } from './session-slot.js';
import type { Asked } from './slot-table.js';

/** Times are by the wall clock. */
export interface ProfileState {
  profile: string;
  source: string;
  state: 'ready' | 'pending' | 'failed' | 'lapsed';
  expiresAt?: number;
  renewsAt?: number;
  lastAskedAt?: number;
  lastError?: { code: string; message: string; at: number };
}

export function stateOf({ profile, source, slot }: Asked, clock: Clock): ProfileState {
  const { session, failure, lastAskedAt, renewsAt } = slot;
  return {
    profile,
    source,
    state: stateIn(slot),
    ...(session ? { expiresAt: session.expiration } : {}),
    ...(renewsAt ? { renewsAt: wallTime(clock, renewsAt) } : {}),
    ...(lastAskedAt > 0 ? { lastAskedAt: wallTime(clock, lastAskedAt) } : {}),
    ...(failure ? { lastError: lastError(failure, profile, clock) } : {}),
  };
}

function stateIn({ session, isFetching, failure }: SessionSlot): ProfileState['state'] {
  if (session) return 'ready';
  if (isFetching) return 'pending';
  return failure ? 'failed' : 'lapsed';
}

function lastError({ error, at }: Failure, profile: string, clock: Clock): ProfileState['lastError'] {
  const { code, message } = addressed(error, profile);
  return { code, message, at: wallTime(clock, at) };
}
