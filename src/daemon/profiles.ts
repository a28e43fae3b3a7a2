import { type Narrowing, narrowed } from '../access/narrowing.js';
import { PolicyFiles } from '../access/policy-files.js';
import type { Chain } from '../aws/chain.js';
import { KeptKeys } from '../aws/kept-keys.js';
import { resolveProfile } from '../aws/profile.js';
import { type SharedConfig, type WatchedSharedConfig, watchSharedConfig } from '../aws/shared-config.js';
import { type WatchedProfileSettings, watchProfileSettings } from '../settings/watch.js';
import type { Settings } from '../settings.js';
import type { Clock } from '../system/clock.js';
import type { OpenedStore } from '../system/open-store.js';

/** What the person has written of his profiles: AWS's files, credd's own, the policies it names, and the kept keys. */
export interface Profiles {
  config: WatchedSharedConfig;
  settings: WatchedProfileSettings;
  kept: KeptKeys;
  /** AWS's files, with the kept keys. */
  current(): SharedConfig;
  /** @throws CredentialError where the profile is unknown or broken, or cannot be narrowed so */
  chain(profile: string, narrowing?: Narrowing): Chain;
  /** `changed`: any chain may be another one now. */
  subscribe(changed: () => void): void;
  close(): void;
}

export async function watchProfiles(parts: {
  settings: Settings;
  store: Promise<OpenedStore>;
  clock: Clock;
  log: { info(message: string): void; warn(message: string): void };
}): Promise<Profiles> {
  const { store, clock, log } = parts;
  const { paths, env } = parts.settings;
  const config = await watchSharedConfig({
    paths: { config: paths.awsConfig, credentials: paths.awsCredentials, home: paths.home },
    clock,
  });
  const kept = await KeptKeys.open(store, paths.keptKeys, clock);
  const settings = await watchProfileSettings(parts.settings, clock);
  let changed = () => {};
  const policies = new PolicyFiles(clock, () => {
    log.info('a policy file has changed and was read again');
    changed();
  });
  config.subscribe(() => {
    if (config.problem) log.warn(`${config.problem}. The last good state goes on.`);
    else log.info('the AWS files have changed and were read again');
    changed();
  });
  settings.subscribe(() => {
    if (settings.problem) log.warn(`${settings.problem}. The last good settings go on.`);
    else log.info('the settings have changed and were read again');
    changed();
  });
  const current = () => ({ ...config.current, keptKeys: kept.all });

  return {
    config,
    settings,
    kept,
    current,
    chain(profile, narrowing) {
      const resolved = resolveProfile(profile, current(), env);
      return narrowed(resolved, policies.into(profile, settings.of(profile).narrowing), narrowing);
    },
    subscribe(listener) {
      changed = listener;
    },
    close() {
      config.close();
      settings.close();
      policies.close();
    },
  };
}
