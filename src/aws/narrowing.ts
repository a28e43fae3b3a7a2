/** What a session is allowed at most: one of these, because the policies of one call add up. */
export type Allowed =
  | { policy: string }
  | { policyArns: readonly string[] }
  /** AWS's own policy ReadOnlyAccess. */
  | { readOnly: true };

/** What limits and marks a session beyond its role. Plain data: it is part of the step, and so of its cache key. */
export interface Narrowing {
  /** Without it, whatever the role may do. */
  allowed?: Allowed;
  /** Where it can be used from: CIDR blocks, or `auto` for where it is obtained. Each of them must hold. */
  addresses?: readonly string[];
  durationSeconds?: number;
  sessionName?: string;
  sourceIdentity?: string;
  tags?: Readonly<Record<string, string>>;
  /** The keys of the tags that the sessions assumed with this one keep. */
  transitiveTags?: readonly string[];
}

/** What config.ini says of a profile's sessions: a policy stands in a file of its own. */
export type OwnNarrowing = Omit<Narrowing, 'allowed'> & { allowed?: Allowed | { policyFile: string } };

/** The address that AWS sees this machine under, as a CIDR block. */
export type OwnAddress = (profile: string) => Promise<string>;

export function isNarrow<T extends OwnNarrowing>(narrowing: T | undefined): narrowing is T {
  return narrowing !== undefined && Object.values(narrowing).some((it) => it !== undefined);
}
