import { addressed } from './session-error.js';
import type { Failure, SessionSlot } from './session-slot.js';
import type { Asked } from './slot-table.js';

export interface ProfileState {
  profile: string;
  source: string;
  state: 'ready' | 'pending' | 'failed' | 'lapsed';
  expiresAt?: number;
  renewsAt?: number;
  lastAskedAt?: number;
  lastError?: { code: string; message: string; at: number };
}

export function stateOf({ profile, source, slot }: Asked): ProfileState {
  const { session, failure, lastAskedAt, renewsAt } = slot;
  return {
    profile,
    source,
    state: stateIn(slot),
    ...(session ? { expiresAt: session.expiration } : {}),
    ...(renewsAt ? { renewsAt } : {}),
    ...(lastAskedAt > 0 ? { lastAskedAt } : {}),
    ...(failure ? { lastError: lastError(failure, profile) } : {}),
  };
}

function stateIn({ session, isFetching, failure }: SessionSlot): ProfileState['state'] {
  if (session) return 'ready';
  if (isFetching) return 'pending';
  return failure ? 'failed' : 'lapsed';
}

function lastError({ error, at }: Failure, profile: string): ProfileState['lastError'] {
  const { code, message } = addressed(error, profile);
  return { code, message, at };
}
