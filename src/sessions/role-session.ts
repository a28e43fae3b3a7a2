import type { Credentials } from '../aws/credentials.js';

/** Temporary credentials that AWS gave for a chain of steps. Times are milliseconds since the epoch. */
export interface RoleSession extends Credentials {
  sessionToken: string;
  expiration: number;
  obtainedAt: number;
}
