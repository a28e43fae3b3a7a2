import type { Chain } from '../aws/chain.js';
import { narrowChain } from '../aws/narrow-chain.js';
import type { Narrowing } from '../aws/narrowing.js';
import { CredentialError } from '../errors.js';

export type { Narrowing } from '../aws/narrowing.js';

/** The chain, limited by what the AWS profile and config.ini say of it, and by the lease. */
export function narrowed(chain: Chain, own: Narrowing, lease: Narrowing = {}): Chain {
  const marks = marksOf(chain);
  const ofProfile = { ...marks, ...own, ...both('tags', { ...marks.tags, ...own.tags }) };
  return narrowChain(chain, withLease(chain.profile, ofProfile, lease));
}

/** What the AWS profile itself asks for; an hour is what AWS gives to whoever asks for nothing. */
function marksOf({ steps }: Chain): Narrowing {
  const last = steps.at(-1);
  if (last?.kind !== 'assume-role' && last?.kind !== 'web-identity') return {};
  const { durationSeconds, narrowing } = last;
  return { ...narrowing, ...(durationSeconds === 3600 ? {} : { durationSeconds }) };
}

/**
 * What a profile and a lease say together: it allows nothing that either alone forbids.
 * @throws CredentialError `NarrowingClash` (400) where AWS would add up what they allow, or one says otherwise than the other
 */
export function withLease(profile: string, own: Narrowing, lease: Narrowing): Narrowing {
  if (own.allowed && lease.allowed) {
    throw clash(
      profile,
      'its settings say already what its sessions may do, and AWS would add up what both allow. Leave out --policy, --policy-arn and --read-only',
    );
  }
  const durations = [own.durationSeconds, lease.durationSeconds].filter((it) => it !== undefined);
  return {
    ...own,
    ...lease,
    ...both('addresses', union(own.addresses, lease.addresses)),
    ...(durations.length > 0 ? { durationSeconds: Math.min(...durations) } : {}),
    ...same(profile, 'sessionName', 'session name', own, lease),
    ...same(profile, 'sourceIdentity', 'source identity', own, lease),
    ...both('tags', tags(profile, own.tags, lease.tags)),
    ...both('transitiveTags', union(own.transitiveTags, lease.transitiveTags)),
  };
}

function same(
  profile: string,
  key: 'sessionName' | 'sourceIdentity',
  word: string,
  own: Narrowing,
  lease: Narrowing,
): Narrowing {
  const value = own[key] ?? lease[key];
  if (lease[key] !== undefined && lease[key] !== value)
    throw clash(profile, `its settings give its sessions the ${word} ${value}. Leave that out`);
  return value === undefined ? {} : { [key]: value };
}

/** AWS does not mind the case of a tag's key. */
function tags(profile: string, own: Narrowing['tags'] = {}, lease: Narrowing['tags'] = {}) {
  const owned = new Map(Object.entries(own).map(([key, value]) => [key.toLowerCase(), value]));
  const added = Object.entries(lease).filter(([key, value]) => {
    const before = owned.get(key.toLowerCase());
    if (before !== undefined && before !== value)
      throw clash(profile, `its settings give its sessions another value of the tag ${key}. Leave that out`);
    return before === undefined;
  });
  return { ...own, ...Object.fromEntries(added) };
}

function union(own: readonly string[] = [], lease: readonly string[] = []): string[] {
  return [...new Set([...own, ...lease])].sort();
}

/** What holds nothing is left out: it would be another cache key. Tags have one order for the same reason. */
function both<K extends keyof Narrowing>(key: K, value: string[] | Record<string, string>): Narrowing {
  if (Object.keys(value).length === 0) return {};
  const ordered = Array.isArray(value) ? value : Object.fromEntries(Object.entries(value).sort());
  return { [key]: ordered };
}

function clash(profile: string, why: string): CredentialError {
  return new CredentialError('NarrowingClash', 400, `Profile "${profile}" cannot be narrowed so: ${why}.`);
}
