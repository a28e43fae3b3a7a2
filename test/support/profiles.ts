import './clean-environment.js';
import { join } from 'node:path';
import type { Test } from 'tap';
import { type Narrowing, narrowed } from '../../src/access/narrowing.js';
import type { Chain } from '../../src/aws/chain.js';
import { createClients } from '../../src/aws/clients.js';
import type { Credentials } from '../../src/aws/credentials.js';
import { resolveProfile } from '../../src/aws/profile.js';
import { createProvider } from '../../src/aws/provider.js';
import { readSharedConfig, type SharedConfig } from '../../src/aws/shared-config.js';
import { ssoToken } from '../../src/aws/sso-token.js';
import { CredentialError } from '../../src/errors.js';
import { type Clock, systemClock } from '../../src/system/clock.js';
import type { Environment } from '../../src/system/paths.js';

export interface ProfileFiles {
  config?: string;
  credentials?: string;
  env?: Environment;
  clock?: Clock;
  /** Milliseconds for an attempt to call AWS. */
  timeout?: number;
  /** File name -> content, in `~/.aws/sso/cache`. */
  ssoCache?: Record<string, string>;
  addressUrl?: string;
}

export interface Profiles {
  home: string;
  config: SharedConfig;
  ssoCache: string;
  resolve(profile: string): Chain;
  /** The credentials at the end of the profile's chain, with nothing cached on the way. */
  obtain(profile: string, own?: Narrowing, lease?: Narrowing): Promise<Credentials>;
  /** The error that comes instead. */
  refusal(profile: string, own?: Narrowing, lease?: Narrowing): Promise<CredentialError>;
}

/** Profiles in real files, resolved and provided for as the daemon does it. */
export async function readProfiles(t: Test, files: ProfileFiles): Promise<Profiles> {
  const { config = '', credentials = '', clock = systemClock, timeout, ssoCache = {} } = files;
  const home = t.testdir({ '.aws': { config, credentials, sso: { cache: ssoCache } } });
  const env = { USER: 'ada', PATH: process.env.PATH, ...files.env };
  const shared = await readSharedConfig({
    config: join(home, '.aws/config'),
    credentials: join(home, '.aws/credentials'),
    home,
  });
  const clients = createClients(env, { timeout, clock });
  t.teardown(() => clients.close());
  const cache = join(home, '.aws/sso/cache');
  const provide = createProvider({
    clients,
    clock,
    env,
    withSsoToken: async (step, use) => use(await ssoToken(step, cache, clock.now())),
    addressUrl: files.addressUrl,
  });
  const resolve = (profile: string) => resolveProfile(profile, shared, env);

  async function obtain(profile: string, own: Narrowing = {}, lease: Narrowing = {}): Promise<Credentials> {
    let credentials: Credentials | undefined;
    for (const step of narrowed(resolve(profile), own, lease).steps)
      credentials = await provide(step, credentials);
    if (!credentials) throw new TypeError('a chain has a source');
    return credentials;
  }

  return {
    home,
    config: shared,
    ssoCache: cache,
    resolve,
    obtain,
    async refusal(profile, own, lease) {
      const outcome: unknown = await obtain(profile, own, lease).catch((error) => error);
      if (outcome instanceof CredentialError) return outcome;
      throw new Error(`profile ${profile} should have been refused`, { cause: outcome });
    },
  };
}
