import { CredentialError } from '../errors.js';
import type { Clock } from '../system/clock.js';
import type { Environment } from '../system/paths.js';
import { assumeRole } from './assume-role.js';
import type { KeysStep, SsoRoleStep, Step } from './chain.js';
import type { AwsClients } from './clients.js';
import { credentialProcess } from './credential-process.js';
import type { Credentials } from './credentials.js';
import { federationToken } from './federation-token.js';
import { createLoginSessions } from './login-session.js';
import { machineCredentials } from './machine.js';
import { mfaProof } from './mfa.js';
import { ADDRESS_URL, createOwnAddress } from './own-address.js';
import { sessionToken } from './session-token.js';
import { ssoRole } from './sso-role.js';
import { webIdentity } from './web-identity.js';

/**
 * Obtains the credentials of one step; `source` are those of the step before it, where there is one, and `code` is
 * what a person read from the MFA device.
 * @throws CredentialError
 */
export type Provide = (step: Step, source?: Credentials, code?: string) => Promise<Credentials>;

/** Does something with the access token of the step's sign-in. */
export type WithSsoToken = <T>(step: SsoRoleStep, use: (accessToken: string) => Promise<T>) => Promise<T>;

export function createProvider(parts: {
  clients: AwsClients;
  clock: Clock;
  env: Environment;
  withSsoToken: WithSsoToken;
  /** Who says which address this machine has. */
  addressUrl?: string | undefined;
  loginCache?: string;
  /** Ends the programs of profiles that still run. */
  stopped?: AbortSignal;
  /** Reads long-term keys from the keychain. */
  keptKeys?: (profile: string) => Promise<Credentials>;
  /** For the log. */
  warn?: (message: string) => void;
}): Provide {
  const { clients, clock, env, withSsoToken, stopped, addressUrl = ADDRESS_URL } = parts;
  const { loginCache = '', keptKeys = noKeychain, warn = () => {} } = parts;
  const loginSession = createLoginSessions({ clients, clock, folder: loginCache, warn });
  const ownAddress = createOwnAddress(addressUrl, clients);

  const provide: Provide = async (step, source, code) => {
    switch (step.kind) {
      case 'keys':
        return keys(step, clock.now());
      case 'kept-keys':
        return keptKeys(step.name);
      case 'process':
        return credentialProcess(step, env, clock, stopped);
      case 'session-token':
        return sessionToken(
          step,
          await provide(step.of),
          clients,
          clock,
          await mfaProof(step, code, env, clock, stopped),
        );
      case 'federation-token':
        return federationToken(step, await provide(step.of), clients, ownAddress);
      case 'sso-role':
        return withSsoToken(step, (accessToken) => ssoRole(step, accessToken, clients));
      case 'login':
        return loginSession(step);
      case 'web-identity':
        return webIdentity(step, clients, ownAddress);
      case 'container':
      case 'instance':
        return machineCredentials(step, env);
      case 'assume-role':
        if (!source) throw new TypeError('a role is assumed from something');
        return assumeRole(step, source, clients, ownAddress, await mfaProof(step, code, env, clock, stopped));
    }
  };
  return provide;
}

async function noKeychain(): Promise<never> {
  throw new TypeError('a step with kept keys comes from a keychain');
}

function keys(step: KeysStep, now: number): Credentials {
  const { accessKeyId, secretAccessKey, sessionToken, expiration } = step;
  if (expiration !== undefined && expiration <= now) {
    throw new CredentialError(
      'ExpiredToken',
      403,
      `Profile "${step.profile}": its session token has expired, as the file says: paste fresh ones.`,
    );
  }
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken ? { sessionToken } : {}),
    ...(expiration ? { expiration } : {}),
  };
}
