import type { Logger } from 'pino';
import { Audit } from './access/audit.js';
import type { Lease } from './access/lease.js';
import { Leases } from './access/leases.js';
import { createSameUser } from './access/same-user.js';
import { createClients } from './aws/clients.js';
import { createProvider } from './aws/provider.js';
import { createApi } from './daemon/api.js';
import { currentKeys } from './daemon/current-keys.js';
import { createKeysApi } from './daemon/keys-api.js';
import { watchProfiles } from './daemon/profiles.js';
import { createSignIns } from './daemon/sign-ins.js';
import { closeGently } from './http/drain.js';
import { createGuard } from './http/guard.js';
import { listenOnLoopback } from './http/listen.js';
import { createMetrics } from './http/metrics.js';
import { Traffic } from './http/traffic.js';
import { Refresher } from './sessions/refresher.js';
import { SessionStore } from './sessions/session-store.js';
import { startSweeping } from './sessions/session-sweep.js';
import { Vendor } from './sessions/vendor.js';
import type { Settings } from './settings.js';
import type { Clock } from './system/clock.js';
import { notifyPerson } from './system/desktop.js';
import { type OpenedStore, openStore } from './system/open-store.js';
import { createPeerLookup } from './system/peer.js';
import { keepAgentLogSmall } from './system/service/agent-log.js';
import { Tally } from './system/tally.js';

const STAYS_ALIVE = 1000;
const HOSTS = ['127.0.0.1', 'localhost', '[::1]'] as const;

export interface DaemonOptions {
  settings: Settings;
  log: Logger;
  clock: Clock;
  ownerToken: string;
  /** 0 for any free one. */
  port: number;
  /** A listening socket that was opened for us; the port then does not count. */
  fd?: number | undefined;
  /** Whether even the owner's own processes must show a token. */
  needsToken: boolean;
  /** Whether it outlasts a command: it then renews sign-ins that nobody has used yet. */
  resident?: boolean;
  /** Whether leases go on when this daemon stops, and the next one begins. */
  keepsLeases?: boolean;
}

export interface Daemon {
  /** `http://127.0.0.1:8363` */
  url: string;
  /** Which store it is; rejects where the one that was asked for cannot be had. */
  store: Promise<OpenedStore>;
  /** How many profiles have a session now. */
  readonly sessions: number;
  /** Reads the person's files as they are at this moment. */
  reload(): Promise<void>;
  /**
   * Ends in less than 2 s: answers under way are finished, and what is to be kept is written. Only for a rotation of
   * keys it waits longer: cut off, that would leave a key at AWS whose secret nobody has.
   */
  stop(): Promise<void>;
}

/** Builds the parts, and listens. */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  const { settings, log, clock } = options;
  const { paths, env } = settings;
  const store = openStore({
    kind: settings.store,
    folder: paths.sessions,
    passphraseFile: settings.passphraseFile,
    env,
    clock,
    log: (line) => log.debug(line),
  });
  store.catch(() => {});

  const profiles = await watchProfiles({ settings, store, clock, log });
  const { config, kept, current, chain, settings: profileSettings } = profiles;
  const calls = new Tally();
  const renewals = new Tally();
  const clients = createClients(env, {
    clock,
    called: (operation, result) => calls.add(operation, result),
    clockIsWrong: (problem) => log.warn(problem),
  });
  const refresher = new Refresher(clock);
  const sessions = new SessionStore(
    store.then((opened) => opened.store),
    log,
  );
  const notify = (title: string, text: string) => {
    if (profileSettings.notify) notifyPerson(title, text, env);
  };
  const { signIns, ...forSignIns } = createSignIns({
    ...{ config, settings, clients, clock, refresher, sessions, log, notify, random: Math.random },
    wishes: profileSettings,
    vendor: () => vendor,
  });
  const stopped = new AbortController();
  const vendor: Vendor = new Vendor({
    chain,
    provide: createProvider({
      clients,
      clock,
      env,
      stopped: stopped.signal,
      withSsoToken: (step, use) => signIns.use(step, use),
      addressUrl: settings.addressUrl,
      loginCache: paths.loginCache,
      keptKeys: (profile) => kept.get(profile),
      warn: (message) => log.warn(message),
    }),
    store: sessions,
    refresher,
    clock,
    random: Math.random,
    renewed: (profile, outcome) => renewals.add(profile, outcome),
    needed: ({ code, message }) =>
      notify(code === 'MfaRequired' ? 'AWS MFA code needed' : 'AWS sign-in needed', message),
    log,
  });
  const released = ({ profile, narrowing }: Pick<Lease, 'profile' | 'narrowing'>) => {
    if (narrowing && !leases.isHeld(profile, narrowing)) vendor.release(profile, narrowing);
  };
  const leases = new Leases({
    folder: paths.runtimeDir,
    clock,
    log,
    ended: released,
    ...(options.keepsLeases ? { file: paths.leases } : {}),
  });
  const sameUser = createSameUser({ uid: process.getuid?.() ?? -1, lookup: createPeerLookup(clock) });
  const audit = new Audit({ path: paths.audit, clock, peerOf: sameUser.peerOf, log });
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
    released,
    audit,
    clients,
    sessions,
    store,
    signIns: forSignIns.api(vendor),
    env,
  });
  const traffic = new Traffic();
  const metrics = createMetrics({
    traffic,
    calls,
    renewals,
    sessions: () => vendor.states(),
    async store() {
      const opened = await store.catch(() => undefined);
      const trouble = opened?.trouble ?? sessions.problem;
      return {
        kind: opened?.store.kind ?? settings.store,
        up: opened !== undefined && trouble === undefined,
      };
    },
    files: () => [...config.broken, ['config.ini', profileSettings.problem !== undefined]],
    ownFiles: () => [
      ['leases', leases.problem !== undefined],
      ['audit', audit.problem !== undefined],
    ],
    isClockWrong: () => clients.clockProblem !== undefined,
    signIns: api.signIns.states,
    now: clock.now,
  });
  // Not before the store has begun to derive its key: the two then take their time together.
  const { buildApp } = await import('./http/app.js');
  const app = buildApp({ guard, sameUser, vendor, api, trail: audit, log, traffic, metrics });
  closeGently(app, clock, {
    answerAll: () => vendor.answerAll(),
    cut: (count) => log.warn(`${count} connections had not ended in time and were cut`),
  });

  profiles.subscribe(() => vendor.chainsChanged());
  if (options.resident) config.subscribe(forSignIns.followAll);
  if (options.resident) forSignIns.followAll();
  const wanted = () => currentKeys({ config, profileSettings, leases, chain });
  const stopSweeping = options.resident
    ? startSweeping({ store: sessions, clock, log, wanted, isHeld: (key) => vendor.isHeld(key) })
    : () => {};
  const leaveLog = options.resident ? keepAgentLogSmall({ env, home: paths.home, clock }) : () => {};

  async function stop(): Promise<void> {
    profiles.close();
    signIns.close();
    stopSweeping();
    leaveLog();
    refresher.stop();
    // The clock's timers keep no process alive, but what waits for them here has to be done.
    if (keys.rotating > 0)
      log.warn('a rotation of keys is under way and is finished or undone first, which takes some seconds');
    const held = setInterval(() => {}, STAYS_ALIVE);
    try {
      await app.close();
      stopped.abort();
      await keys.rotationsOver();
      await leases.close();
      await audit.close();
      await sessions.close();
    } finally {
      clearInterval(held);
    }
    clients.close();
  }

  let port: number;
  try {
    await leases.restore();
    port = await listenOnLoopback(app, options);
  } catch (error) {
    await stop();
    throw error;
  }
  if (options.resident && config.current.profiles.size === 0)
    log.info('there are no profiles yet: to write the first, type: credd setup');
  return {
    url: `http://127.0.0.1:${port}`,
    store,
    get sessions() {
      return vendor.states().filter(({ state }) => state === 'ready').length;
    },
    reload: api.reload,
    stop,
  };
}
