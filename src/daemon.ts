import type { Logger } from 'pino';
import { Leases } from './access/leases.js';
import { type Narrowing, narrowed } from './access/narrowing.js';
import { PolicyFiles } from './access/policy-files.js';
import { createSameUser } from './access/same-user.js';
import { createClients } from './aws/clients.js';
import { KeptKeys } from './aws/kept-keys.js';
import { resolveProfile } from './aws/profile.js';
import { createProvider } from './aws/provider.js';
import { watchSharedConfig } from './aws/shared-config.js';
import { createApi } from './daemon-api.js';
import { buildApp } from './http/app.js';
import { createGuard } from './http/guard.js';
import { createKeysApi } from './keys-api.js';
import { Refresher } from './sessions/refresher.js';
import { SessionStore } from './sessions/session-store.js';
import { Vendor } from './sessions/vendor.js';
import type { Settings } from './settings.js';
import { watchProfileSettings } from './settings-watch.js';
import type { Clock } from './system/clock.js';
import { type OpenedStore, openStore } from './system/open-store.js';
import { createPeerLookup } from './system/peer.js';

const HOSTS = ['127.0.0.1', 'localhost', '[::1]'] as const;

export interface DaemonOptions {
  settings: Settings;
  log: Logger;
  clock: Clock;
  ownerToken: string;
  /** 0 for any free one. */
  port: number;
  /** Whether even the owner's own processes must show a token. */
  needsToken: boolean;
}

export interface Daemon {
  /** `http://127.0.0.1:8363` */
  url: string;
  /** Which store it is; rejects where the one that was asked for cannot be had. */
  store: Promise<OpenedStore>;
  stop(): Promise<void>;
}

/** Builds the parts, and listens. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { settings, log, clock } = options;
  const { paths, env } = settings;
  const store = openStore({
    kind: settings.store,
    folder: `${paths.stateDir}/sessions`,
    passphraseFile: settings.passphraseFile,
    env,
    clock,
    log: (line) => log.debug(line),
  });
  store.catch(() => {});

  const config = await watchSharedConfig({
    paths: { config: paths.awsConfig, credentials: paths.awsCredentials, home: paths.home },
    clock,
  });
  const kept = await KeptKeys.open(store, paths.keptKeys, clock);
  const current = () => ({ ...config.current, keptKeys: kept.all });
  const profileSettings = await watchProfileSettings(settings, clock);
  const policyFiles = new PolicyFiles(clock, () => {
    log.info('a policy file has changed and was read again');
    vendor.chainsChanged();
  });
  const chain = (profile: string, narrowing?: Narrowing) => {
    const resolved = resolveProfile(profile, current(), env);
    return narrowed(resolved, policyFiles.into(profile, profileSettings.of(profile).narrowing), narrowing);
  };
  const clients = createClients(env);
  const refresher = new Refresher(clock);
  const sessions = new SessionStore(
    store.then((opened) => opened.store),
    log,
  );
  const vendor = new Vendor({
    chain,
    provide: createProvider({
      clients,
      clock,
      env,
      ssoCache: paths.ssoCache,
      addressUrl: settings.addressUrl,
      loginCache: paths.loginCache,
      keptKeys: (profile) => kept.get(profile),
    }),
    store: sessions,
    refresher,
    clock,
    random: Math.random,
    log,
  });
  const leases = new Leases({ folder: paths.runtimeDir, clock });
  const sameUser = createSameUser({ uid: process.getuid?.() ?? -1, lookup: createPeerLookup(clock) });
  const guard = createGuard({
    hosts: HOSTS,
    needsToken: options.needsToken,
    ownerToken: options.ownerToken,
    leases,
    sameUser,
    profileSettings: profileSettings.of,
  });
  const keys = createKeysApi({ kept, config: current, vendor, clients, env, clock });
  const api = createApi({
    config,
    current,
    keys,
    profileSettings,
    vendor,
    chain,
    leases,
    clients,
    sessions,
    store,
    env,
  });
  const app = buildApp({ guard, sameUser, vendor, api, log });

  config.subscribe(() => {
    if (config.problem) log.warn(`${config.problem}. The last good state goes on.`);
    else log.info('the AWS files have changed and were read again');
    vendor.chainsChanged();
  });
  profileSettings.subscribe(() => {
    if (profileSettings.problem) log.warn(`${profileSettings.problem}. The last good settings go on.`);
    else log.info('the settings have changed and were read again');
    vendor.chainsChanged();
  });

  async function stop(): Promise<void> {
    config.close();
    profileSettings.close();
    policyFiles.close();
    refresher.stop();
    await app.close();
    await leases.close();
    await sessions.close();
    clients.close();
  }

  try {
    await app.listen({ host: '127.0.0.1', port: options.port });
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `http://127.0.0.1:${portOf(app.server.address())}`, store, stop };
}

function portOf(address: ReturnType<import('node:net').Server['address']>): number {
  if (address === null || typeof address === 'string') throw new TypeError('a TCP listener has a port');
  return address.port;
}
