import type { Audit } from '../access/audit.js';
import type { Lease } from '../access/lease.js';
import type { Leases } from '../access/leases.js';
import { callerIdentity } from '../aws/caller-identity.js';
import type { Chain } from '../aws/chain.js';
import type { AwsClients } from '../aws/clients.js';
import { consoleUrl } from '../aws/federation.js';
import type { Narrowing } from '../aws/narrowing.js';
import { resolveProfile } from '../aws/profile.js';
import { listProfiles } from '../aws/profile-list.js';
import type { SharedConfig, WatchedSharedConfig } from '../aws/shared-config.js';
import { configWarnings } from '../aws/warnings.js';
import { CredentialError } from '../errors.js';
import type { Api } from '../http/api.js';
import type { KeysApi } from '../http/keys-routes.js';
import type { SignInApi } from '../http/sign-in-routes.js';
import type { SessionStore } from '../sessions/session-store.js';
import type { Vendor } from '../sessions/vendor.js';
import type { WatchedProfileSettings } from '../settings/watch.js';
import type { OpenedStore } from '../system/open-store.js';
import type { Environment } from '../system/paths.js';
import { processStart } from '../system/process.js';
import { shellWord } from '../system/shell-word.js';

/** The daemon's parts, as the command line asks for them. */
export function createApi(parts: {
  config: WatchedSharedConfig;
  keys: KeysApi;
  /** With what the keychain holds. */
  current(): SharedConfig;
  profileSettings: WatchedProfileSettings;
  vendor: Vendor;
  chain(profile: string, narrowing?: Narrowing): Chain;
  leases: Leases;
  /** Has what was obtained for a lease lapse, unless another has the same. */
  released(lease: Pick<Lease, 'profile' | 'narrowing'>): void;
  audit: Audit;
  clients: AwsClients;
  sessions: SessionStore;
  store: Promise<OpenedStore>;
  signIns: SignInApi;
  env: Environment;
}): Api {
  const { config, current, profileSettings, vendor, chain, leases, audit, clients, signIns, env } = parts;
  return {
    signIns,
    keys: parts.keys,
    profiles: async () => ({
      profiles: listProfiles(current(), env, chain),
      warnings: configWarnings(current()),
      signIns: await signIns.states(),
    }),
    async status() {
      const opened = await parts.store.catch(() => undefined);
      return {
        pid: process.pid,
        store: { kind: opened?.store.kind, reason: opened?.reason, problem: parts.sessions.problem },
        clock: clients.clockProblem,
        problems: [config.problem, profileSettings.problem].filter((it) => it !== undefined),
        unwritten: [leases.problem, audit.problem].filter((it) => it !== undefined),
        profiles: current().profiles.size,
        sessions: vendor.states().map((it) => ({ ...it, lastUse: audit.lastUse(it.profile) })),
        signIns: await signIns.states(),
      };
    },
    session: (profile) => vendor.session(profile),
    refresh: (profile) => vendor.renew(profile),
    async forget(profile) {
      vendor.forget(profile);
      await parts.sessions.settled().catch((error: Error) => Promise.reject(stillStored(profile, error)));
    },
    async reload() {
      await Promise.all([config.reload(), profileSettings.reload()]);
    },
    mfaDevice: (profile) => vendor.mfaDevice(profile),
    unlock: (profile, code) => vendor.unlock(profile, code),
    async identity(profile) {
      const credentials = await vendor.session(profile);
      const { sts } = resolveProfile(profile, current(), env);
      return callerIdentity({ site: sts, profile, credentials, clients });
    },
    leases: () => leases.list(),
    async consoleUrl(profile, service) {
      const credentials = await vendor.session(profile);
      const { federationUrl } = profileSettings.of(profile);
      return consoleUrl({ chain: chain(profile), credentials, service, federationUrl, clients });
    },
    async lease({ profile, narrowing, ttl, pid, container = false }) {
      chain(profile, narrowing);
      try {
        // Whether AWS takes what narrows it is known only when it was asked.
        if (narrowing) await vendor.session(profile, narrowing);
        const startedAt = pid === undefined ? undefined : await processStart(pid);
        if (pid !== undefined && startedAt === undefined) throw noSuchProcess(pid);
        const holder = pid !== undefined && startedAt !== undefined ? { holder: { pid, startedAt } } : {};
        return await leases.grant({
          profile,
          container,
          ...(narrowing ? { narrowing } : {}),
          ...(ttl === undefined ? {} : { ttl }),
          ...holder,
        });
      } catch (error) {
        parts.released({ profile, ...(narrowing ? { narrowing } : {}) });
        throw error;
      }
    },
    endLease: (id) => leases.end(id),
    flushTrail: () => audit.flush(),
  };
}

function stillStored(profile: string, { message }: Error): CredentialError {
  return new CredentialError(
    'StoreUnavailable',
    503,
    `The session of profile "${profile}" is forgotten here, but may still be stored: ${message}. When that is put right, type again: credd forget ${shellWord(profile)}`,
  );
}

function noSuchProcess(pid: number): CredentialError {
  return new CredentialError('NoSuchProcess', 400, `There is no process ${pid} for the lease to end with.`);
}
