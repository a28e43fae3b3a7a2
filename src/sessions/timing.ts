const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** How long before its end a session is renewed: botocore asks again on every call under 15 minutes. */
const RENEWAL_LEAD = 20 * MINUTE;
export const KEPT_WARM = 12 * HOUR;
export const CLOCK_CHECK = 15 * SECOND;
/** How long a request waits for a session that is about to end: several SDKs give up at 1 s. */
export const LAST_MOMENT_WAIT = 900;
/** How long a request waits where there is no session at all. */
export const FIRST_SESSION_WAIT = 10 * SECOND;

export type Random = () => number;

/** Anything that AWS gave for a time; when that began and ends, on the same scale as the `now` it is compared with. */
export interface Lasting {
  obtainedAt: number;
  expiration: number;
}

/** Milliseconds until it ends; negative once it has. */
export function timeLeft({ expiration }: Lasting, now: number): number {
  return expiration - now;
}

export function lifetime({ expiration, obtainedAt }: Lasting): number {
  return expiration - obtainedAt;
}

/** When to renew: so that a crowd of sessions obtained together is not renewed together, up to a tenth later. */
export function renewalDue(session: Lasting, random: Random): number {
  const lead = Math.min(RENEWAL_LEAD, lifetime(session) / 2);
  return session.expiration - lead * (1 - random() / 10);
}

/** In its last moments a session is worth waiting for its successor. */
export function isEnding(session: Lasting, now: number): boolean {
  return timeLeft(session, now) < Math.min(MINUTE, lifetime(session) / 10);
}

/** The last tenth: somebody who asks then is worth an attempt whatever failed before. */
export function isInLastTenth(session: Lasting, now: number): boolean {
  return timeLeft(session, now) < lifetime(session) / 10;
}

/** How long to wait after the `attempt`th failed renewal in a row (from 1): the less, the nearer the session's end. */
export function retryDelay(session: Lasting, attempt: number, now: number, random: Random): number {
  const doubled = Math.min(MINUTE * 2 ** (attempt - 1), 5 * MINUTE);
  const left = timeLeft(session, now);
  const delay = left > 0 ? Math.min(doubled, left / 4) : doubled;
  return Math.max(delay * (1 + random()), failureMemory(session) / 2);
}

/** How long a failure answers for itself: SDKs repeat a failed request 3 to 6 times within seconds. */
export function failureMemory(session: Lasting | undefined): number {
  return session ? Math.min(5 * SECOND, lifetime(session) / 10) : 5 * SECOND;
}
