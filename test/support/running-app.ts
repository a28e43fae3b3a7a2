import type { AddressInfo } from 'node:net';
import type { Test } from 'tap';
import type { Trail } from '../../src/access/audit.js';
import { Leases } from '../../src/access/leases.js';
import { createSameUser, type SameUser } from '../../src/access/same-user.js';
import type { Credentials } from '../../src/aws/credentials.js';
import { CredentialError } from '../../src/errors.js';
import type { Api } from '../../src/http/api.js';
import { buildApp, LIMITS } from '../../src/http/app.js';
import { createGuard } from '../../src/http/guard.js';
import { Refresher } from '../../src/sessions/refresher.js';
import { SessionStore } from '../../src/sessions/session-store.js';
import { Vendor } from '../../src/sessions/vendor.js';
import type { ProfileSettings } from '../../src/settings.js';
import { systemClock } from '../../src/system/clock.js';
import { MemoryStore } from '../../src/system/memory-store.js';
import { createPeerLookup } from '../../src/system/peer.js';
import { drivenClock } from './driven-clock.js';

export const OWNER_TOKEN = 'owner-token-of-the-tests-0123456789-abcdefg';

export interface AppOptions {
  /** The profiles that there are. */
  profiles?: readonly string[];
  profileSettings?: (profile: string) => ProfileSettings;
  needsToken?: boolean;
  hosts?: readonly string[];
  sameUser?: SameUser;
  provide?: (profile: string) => Promise<Credentials>;
  api?: Partial<Api>;
  trail?: Trail;
  limits?: typeof LIMITS;
}

/** The app and the guard on a real listener, with a clock to drive, in front of profiles whose sessions are made up. */
export async function runApp(t: Test, options: AppOptions = {}) {
  const clock = drivenClock();
  const lines: { level: string; context: object; message: string }[] = [];
  const logAs = (level: string) => (context: object, message: string) => {
    lines.push({ level, context, message });
  };
  const log = { debug: logAs('debug'), info: logAs('info'), warn: logAs('warn'), error: logAs('error') };
  const profiles = options.profiles ?? ['dev'];
  const provide = options.provide ?? (async (profile) => madeUp(profile, clock.now()));
  const refresher = new Refresher(clock);
  const vendor = new Vendor({
    chain(profile) {
      if (!profiles.includes(profile))
        throw new CredentialError(
          'ProfileNotFound',
          400,
          `There is no profile "${profile}". Type: credd list`,
        );
      const step = { kind: 'container', profile, sts: { region: 'eu-west-1' } } as never;
      return { steps: [step], keys: [`key of ${profile}`] } as never;
    },
    provide: (step) => provide(step.profile),
    store: new SessionStore(Promise.resolve(new MemoryStore()), log),
    refresher,
    clock,
    random: () => 0,
    log,
  });
  const leases = new Leases({ folder: t.testdir({}), clock });
  const sameUser =
    options.sameUser ??
    createSameUser({ uid: process.getuid?.() ?? -1, lookup: createPeerLookup(systemClock) });
  const guard = createGuard({
    hosts: options.hosts ?? ['127.0.0.1', 'localhost', '[::1]'],
    needsToken: options.needsToken ?? false,
    ownerToken: OWNER_TOKEN,
    leases,
    sameUser,
    profileSettings: options.profileSettings ?? (() => ({ access: 'same-user' })),
  });
  const app = buildApp({
    guard,
    sameUser,
    vendor,
    api: (options.api ?? {}) as Api,
    trail: options.trail ?? { watch() {}, note() {} },
    log,
    limits: options.limits ?? LIMITS,
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  t.teardown(async () => {
    refresher.stop();
    app.server.closeAllConnections();
    await app.close();
    await leases.close();
  });
  return { app, clock, leases, lines, port: (app.server.address() as AddressInfo).port };
}

function madeUp(profile: string, now: number): Credentials {
  return {
    accessKeyId: 'ASIAEXAMPLE',
    secretAccessKey: `secret of ${Buffer.from(profile).toString('hex')}`,
    sessionToken: 'token',
    expiration: now + 3600_000,
  };
}

/** Nobody is shown to be anybody, or everybody to be us. */
export function sameUserSays(owner: boolean, sameUser = owner): SameUser {
  return { watch: () => {}, isOwner: () => owner, isSameUser: () => sameUser };
}
