import type { Narrowing } from '../aws/narrowing.js';
import type { ProcessIdentity } from '../system/process.js';

/** The right to fetch one profile's credentials with one token. Plain data: it is kept as it is. */
export interface Lease {
  id: string;
  profile: string;
  /** What its sessions are limited to beyond the profile's own settings. */
  narrowing?: Narrowing;
  /** Milliseconds since the epoch, as all times here. */
  grantedAt: number;
  /** Without it the lease ends with its holder. */
  expiresAt?: number;
  /** The process that the lease ends with. */
  holder?: ProcessIdentity;
  /** Good without the proof that it is our own user who asks, whom the kernel cannot show to be in a container. */
  container?: true;
  /** Holds the token alone, for SDKs that read it from a file. A container would not find it. */
  tokenFile?: string;
  lastUsedAt?: number;
}

export interface Grant {
  lease: Lease;
  token: string;
}

export interface LeaseTerms {
  profile: string;
  narrowing?: Narrowing;
  /** Milliseconds; 12 h where nothing else ends the lease. */
  ttl?: number;
  holder?: ProcessIdentity;
  container?: boolean;
}
