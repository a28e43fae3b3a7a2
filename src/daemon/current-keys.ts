import type { Lease } from '../access/lease.js';
import type { Chain } from '../aws/chain.js';
import type { Narrowing } from '../aws/narrowing.js';
import type { WatchedSharedConfig } from '../aws/shared-config.js';
import type { WatchedProfileSettings } from '../settings/watch.js';

/**
 * The keys of all chain steps that somebody may still ask for, narrowed by a lease or not. Undefined where the files
 * cannot be trusted: what is not there may be there again tomorrow, and some sessions have cost a person a code.
 */
export function currentKeys(parts: {
  config: Pick<WatchedSharedConfig, 'current' | 'problem'>;
  profileSettings: Pick<WatchedProfileSettings, 'problem'>;
  leases: { list(): readonly Pick<Lease, 'profile' | 'narrowing'>[] };
  chain(profile: string, narrowing?: Narrowing): Chain;
}): ReadonlySet<string> | undefined {
  const { config, profileSettings, leases, chain } = parts;
  const profiles = [...config.current.profiles.keys()];
  if (config.problem || profileSettings.problem || profiles.length === 0) return undefined;
  const keysOf = (profile: string, narrowing?: Narrowing): readonly string[] => {
    try {
      return chain(profile, narrowing).keys;
    } catch {
      return [];
    }
  };
  const ofLeases = leases.list().map(({ profile, narrowing }) => keysOf(profile, narrowing));
  return new Set([...profiles.map((profile) => keysOf(profile)), ...ofLeases].flat());
}
