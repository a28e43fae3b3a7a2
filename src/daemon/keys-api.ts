import { callerIdentity } from '../aws/caller-identity.js';
import type { Site } from '../aws/chain.js';
import type { AwsClients } from '../aws/clients.js';
import { ConfigSection } from '../aws/config-section.js';
import type { Credentials } from '../aws/credentials.js';
import { createIam } from '../aws/iam.js';
import type { KeptKeys } from '../aws/kept-keys.js';
import type { LongTermKeys } from '../aws/long-term-keys.js';
import { iamOf } from '../aws/partition.js';
import { unknownProfile } from '../aws/profile-error.js';
import { rotateKeys } from '../aws/rotate-keys.js';
import type { ProfileSection, SharedConfig } from '../aws/shared-config.js';
import { regionOf, siteOf, stsSite } from '../aws/site.js';
import { refuseKeysInFile, refuseOtherSource } from '../aws/static-keys.js';
import type { KeysApi } from '../http/keys-routes.js';
import type { Vendor } from '../sessions/vendor.js';
import type { Clock } from '../system/clock.js';
import type { Environment } from '../system/paths.js';

/** Long-term keys, as the command line asks for them. `rotationsOver` resolves when none is under way any more. */
export function createKeysApi(parts: {
  kept: KeptKeys;
  config(): SharedConfig;
  vendor: Vendor;
  clients: AwsClients;
  env: Environment;
  clock: Clock;
}): KeysApi & { readonly rotating: number; rotationsOver(): Promise<void> } {
  const { kept, vendor, clients, env, clock } = parts;

  const rotations = new Set<Promise<unknown>>();

  function sectionOf(profile: string): ProfileSection {
    const section = parts.config().profiles.get(profile);
    if (!section) throw unknownProfile(profile, parts.config());
    return section;
  }

  function identityOf(profile: string, credentials: Credentials, site = siteOfKnown(profile)) {
    return callerIdentity({ site, profile, credentials, clients });
  }

  function siteOfKnown(profile: string): Site {
    return stsSite(sectionOf(profile), parts.config(), env);
  }

  return {
    list: () => [...kept.all].map(([profile, keys]) => ({ profile, ...keys })),

    async get(profile) {
      return { ...(await kept.get(profile)), undo: await kept.undo(profile) };
    },

    async place() {
      const { kind } = await kept.lasting();
      return { kind };
    },

    async keep(profile, { keys, undo, region }) {
      const known = parts.config().profiles.get(profile);
      const section = known ?? (region ? new ConfigSection(profile, []) : sectionOf(profile));
      await kept.lasting();
      if (undo === undefined) refuseKeysInFile(section);
      refuseOtherSource(section);
      const site = siteOf('sts', region ?? regionOf(section, env), section, parts.config(), env);
      const { Arn } = await identityOf(profile, keys, site);
      await kept.put(profile, keys, { undo });
      vendor.chainsChanged();
      return { arn: Arn };
    },

    async rotate(profile) {
      const section = sectionOf(profile);
      if (!kept.all.has(profile)) refuseKeysInFile(section);
      const { region } = iamOf(stsSite(section, parts.config(), env).region);
      const site = siteOf('iam', region, section, parts.config(), env);
      const rotation = rotateKeys({
        profile,
        kept,
        iam: createIam(site, clients, clock.now),
        tryKeys: (keys: LongTermKeys) => identityOf(profile, keys),
        // Who demands a code of his users demands it of IAM calls too.
        signer: async (keys) => (section.has('mfa_serial') ? vendor.session(profile) : keys),
        clock,
      }).finally(() => {
        rotations.delete(rotation);
        vendor.chainsChanged();
      });
      rotations.add(rotation);
      return rotation;
    },

    get rotating() {
      return rotations.size;
    },

    async rotationsOver() {
      await Promise.allSettled(rotations);
    },

    async remove(profile) {
      await kept.remove(profile);
      vendor.chainsChanged();
    },
  };
}
