import type { Logger } from 'pino';
import type { SsoRoleStep, Step } from '../aws/chain.js';
import type { AwsClients } from '../aws/clients.js';
import type { WatchedSharedConfig } from '../aws/shared-config.js';
import { listAccounts, signOut } from '../aws/sso-accounts.js';
import { registered, startDevice } from '../aws/sso-oidc.js';
import { allSignIns, findSignIn, keyOf, newSignIn, onlySignIn, type SsoSignIn } from '../aws/sso-sign-in.js';
import { CredentialError } from '../errors.js';
import type { SignInApi } from '../http/sign-in-routes.js';
import type { Refresher } from '../sessions/refresher.js';
import { asCredentialError, isSignedOut } from '../sessions/session-error.js';
import type { SessionStore } from '../sessions/session-store.js';
import { SignIns } from '../sessions/sign-ins.js';
import type { Vendor } from '../sessions/vendor.js';
import type { WatchedProfileSettings } from '../settings/watch.js';
import type { Settings } from '../settings.js';
import type { Clock } from '../system/clock.js';
import { openBrowser } from '../system/desktop.js';
import { shellWord } from '../system/shell-word.js';
import { createBegunSignIns } from './begun-sign-ins.js';

/** What `listAccounts` is called with is no role: this stands in messages in its place. */
const NO_ROLE = { accountId: '', roleName: '' };

export interface SignInDaemon {
  signIns: SignIns;
  api(vendor: Vendor): SignInApi;
  /** Sees to the renewal of every token that the config file leads to. */
  followAll(): void;
}

/** Sign-ins, and what the daemon does about them: say that one is needed, and serve those who waited. */
export function createSignIns(parts: {
  config: WatchedSharedConfig;
  settings: Settings;
  wishes: Pick<WatchedProfileSettings, 'autoLogin'>;
  notify(title: string, text: string): void;
  clients: AwsClients;
  clock: Clock;
  refresher: Refresher;
  random: () => number;
  log: Logger;
  sessions: SessionStore;
  vendor: () => Vendor;
}): SignInDaemon {
  const { config, settings, wishes, notify, clients, clock, refresher, random, log, sessions } = parts;
  const { env, paths } = settings;
  const oidc = { clients, clock, cacheDir: paths.ssoCache };
  const find = (name: string) => findSignIn(name, config.current, env);
  const named = (name: string | undefined) => (name ? find(name) : onlySignIn(config.current, env));

  const signIns = new SignIns({
    ...oidc,
    refresher,
    random,
    find,
    needed(about, profile) {
      const command = `credd login ${shellWord(profile ?? about.key)}`;
      log.warn({ signIn: about.key }, `a sign-in to ${about.key} is needed. Type: ${command}`);
      notify('AWS sign-in needed', `${about.key}. Type: ${command}`);
      if (wishes.autoLogin) void openByItself(about);
    },
    done(key) {
      log.info({ signIn: key }, `signed in to ${key}`);
      parts.vendor().retry(isBehind(key));
    },
    ending({ key }, expiresAt) {
      const end = new Date(expiresAt).toISOString();
      log.warn(
        { signIn: key },
        `the sign-in to ${key} cannot be renewed any more and ends at ${end}. Type: credd login ${shellWord(key)}`,
      );
    },
    unwritten({ key }, error) {
      if (error) log.warn({ signIn: key }, error.message);
      else log.info({ signIn: key }, `the renewed sign-in to ${key} is in the cache now`);
    },
  });

  /** Once for each time that a sign-in is needed. */
  async function openByItself(about: SsoSignIn): Promise<void> {
    const { key } = about;
    const signIn = signIns.of(about);
    try {
      const attempt = await signIn.begin('code');
      if (await openBrowser(attempt.url, env)) {
        log.info({ signIn: key }, 'the browser was opened for the sign-in');
        await attempt.token;
      } else {
        // Nobody has seen its address.
        attempt.abandon();
        throw noBrowser(about);
      }
    } catch (thrown) {
      const error = asCredentialError(thrown);
      if (error.code === 'SignInAbandoned') return;
      signIn.failed(error);
      log.warn({ signIn: key }, error.message);
    }
  }

  function api(vendor: Vendor): SignInApi {
    return {
      states: () => Promise.all(allSignIns(config.current, env).map((about) => signIns.of(about).state())),
      state: (name) => signIns.of(find(name)).state(),
      ...createBegunSignIns({ signIns, clock, named }),
      async end(name) {
        const about = named(name);
        const token = await signIns.of(about).end();
        vendor.forgetBehind(isBehind(about.key));
        sessions.dropBehind(about.key);
        if (token) await signOut(about, token.accessToken, clients).catch(goneHere);
        return { name: about.key, signedIn: token !== undefined };
      },
      async accounts(name) {
        const about = named(name);
        const { key: profile, startUrl, session } = about;
        const step: SsoRoleStep = {
          kind: 'sso-role',
          profile,
          ...(session ? { session } : {}),
          startUrl,
          sso: about.portal,
          ...NO_ROLE,
        };
        const accounts = await signIns
          .of(about)
          .withToken(step, (accessToken) =>
            listAccounts(about, accessToken, { clients, clock }).catch(signedOut(about)),
          )
          .catch((error) => Promise.reject(isSignedOut(error) ? loginFirst(about) : error));
        return { name: about.key, region: about.region, accounts };
      },
      async check(wanted) {
        const about = newSignIn(wanted, config.current, env);
        await startDevice(about, await registered(about, 'device', oidc), oidc);
      },
    };
  }

  return {
    signIns,
    api,
    followAll() {
      for (const about of allSignIns(config.current, env)) signIns.of(about).follow();
    },
  };
}

function noBrowser({ key }: SsoSignIn): CredentialError {
  return new CredentialError(
    'NoBrowser',
    403,
    `no browser could be opened for the sign-in to ${key}. Type: credd login ${shellWord(key)}`,
  );
}

function isBehind(key: string): (step: Step) => boolean {
  return (step) => step.kind === 'sso-role' && keyOf(step) === key;
}

/** Identity Center could not be told; it ends the session by itself in time. */
function goneHere({ code, statusCode, message }: CredentialError): never {
  throw new CredentialError(
    code,
    statusCode,
    `${message} On this machine the sign-in and its sessions are gone.`,
  );
}

/** The portal's word for a token that it does not take. */
function signedOut(about: SsoSignIn): (error: CredentialError) => never {
  return (error) => {
    throw error.code === 'UnauthorizedException' ? loginFirst(about) : error;
  };
}

function loginFirst({ key }: SsoSignIn): CredentialError {
  return new CredentialError(
    'SsoLoginRequired',
    403,
    `Nobody is signed in to ${key}. Type: credd login ${shellWord(key)}`,
  );
}
