import { CredentialError } from '../errors.js';
import type { Environment } from '../system/paths.js';
import { type Chain, describe } from './chain.js';
import { resolveProfile } from './profile.js';
import type { SharedConfig } from './shared-config.js';

export interface ListedProfile {
  profile: string;
  /** How it gets its credentials, as `sso wellcome -> role platform-developer`. */
  source?: string;
  /** Why it cannot have any. */
  problem?: { code: string; message: string };
  region?: string;
  /** `~/.aws/config:12` */
  where: string;
}

export function listProfiles(
  config: SharedConfig,
  env: Environment,
  chain: (profile: string) => Chain = (profile) => resolveProfile(profile, config, env),
): ListedProfile[] {
  return [...config.profiles.values()].map((section) => {
    const region = section.text('region');
    const listed = { profile: section.name, where: section.where(), ...(region ? { region } : {}) };
    try {
      return { ...listed, source: describe(chain(section.name).steps) };
    } catch (error) {
      if (!(error instanceof CredentialError)) throw error;
      return { ...listed, problem: { code: error.code, message: error.message } };
    }
  });
}
