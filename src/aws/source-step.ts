import type { CredentialError } from '../errors.js';
import type { Environment } from '../system/paths.js';
import {
  isLongTerm,
  type KeptKeysStep,
  type KeysStep,
  type LoginStep,
  type ProcessStep,
  type Site,
  type SourceStep,
  type SsoRoleStep,
} from './chain.js';
import type { ConfigSection } from './config-section.js';
import { invalidProfile, withoutCredentials } from './profile-error.js';
import { durationSeconds, mfaDevice, sessionName } from './role-settings.js';
import { refuseMarks } from './session-marks.js';
import type { ProfileSection, SharedConfig } from './shared-config.js';
import { regionOf, siteOf, stsSite } from './site.js';
import { partialKeys, staticKeys } from './static-keys.js';

/**
 * Which of the credentials that a profile names are used, in botocore's order: web identity, SSO, keys in the
 * credentials file, login session, process, keys in the config file, and after them all the keys in the keychain.
 */
export function sourceStep(
  profile: ProfileSection,
  use: 'for a role' | 'for itself',
  config: SharedConfig,
  env: Environment,
): SourceStep {
  const sts = stsSite(profile, config, env);
  const served = (of: KeysStep | KeptKeysStep | ProcessStep): SourceStep => {
    if (use === 'for a role') return of;
    const mfa = isLongTerm(of) ? mfaDevice(profile, config) : undefined;
    return { kind: 'session-token', profile: profile.name, of, sts, ...(mfa ? { mfa } : {}) };
  };

  if (profile.has('web_identity_token_file')) return webIdentityStep(profile, sts, env);
  if (profile.has('sso_account_id') || profile.has('sso_role_name')) return ssoRoleStep(profile, config, env);
  const stored = staticKeys(profile, 'credentials');
  if (stored) return served(stored);
  if (profile.has('login_session')) return loginStep(profile, config, env);
  const command = profile.text('credential_process');
  if (command) return served({ kind: 'process', profile: profile.name, command });
  const configured = staticKeys(profile, 'config');
  if (configured) return served(configured);
  const kept = config.keptKeys?.get(profile.name);
  if (kept) {
    const { accessKeyId } = kept;
    return served({ kind: 'kept-keys', profile: profile.name, name: profile.name, accessKeyId });
  }
  throw noSource(profile, use);
}

/** The nearest thing to a source is what the person is told of. */
function noSource(profile: ProfileSection, use: 'for a role' | 'for itself'): CredentialError {
  if (profile.has('aws_secret_access_key')) {
    return partialKeys(profile, 'aws_secret_access_key', 'aws_access_key_id');
  }
  if (profile.has('sso_session') || profile.has('sso_start_url')) {
    return missingSettings(profile, 'SSO', ['sso_role_name', 'sso_account_id']);
  }
  return withoutCredentials(profile, use === 'for a role');
}

function webIdentityStep(profile: ProfileSection, sts: Site, env: Environment): SourceStep {
  refuseMarks(profile);
  return {
    kind: 'web-identity',
    profile: profile.name,
    roleArn: required(profile, profile, ['role_arn'], 'web identity').role_arn,
    sessionName: sessionName(profile, env),
    durationSeconds: durationSeconds(profile),
    tokenFile: profile.text('web_identity_token_file') ?? '',
    sts,
  };
}

function ssoRoleStep(profile: ProfileSection, config: SharedConfig, env: Environment): SsoRoleStep {
  const name = profile.text('sso_session');
  const session = name === undefined ? undefined : ssoSession(profile, name, config);
  const said = required(
    profile,
    session ?? profile,
    ['sso_role_name', 'sso_account_id', 'sso_start_url', 'sso_region'],
    'SSO',
  );
  return {
    kind: 'sso-role',
    profile: profile.name,
    ...(name === undefined ? {} : { session: name }),
    startUrl: said.sso_start_url,
    accountId: said.sso_account_id,
    roleName: said.sso_role_name,
    sso: siteOf('sso', said.sso_region, profile, config, env),
  };
}

function ssoSession(profile: ProfileSection, name: string, config: SharedConfig): ConfigSection {
  const session = config.ssoSessions.get(name);
  if (!session) {
    throw invalidProfile(
      profile,
      'sso_session',
      `The specified sso-session does not exist: "${name}"`,
      `Add [sso-session ${name}] with sso_start_url and sso_region, or correct the name.`,
    );
  }
  for (const key of session.keys()) {
    const own = profile.text(key);
    const shared = session.text(key);
    if (own !== undefined && shared !== undefined && own !== shared) {
      throw invalidProfile(
        profile,
        key,
        `The value for ${key} is inconsistent between profile (${own}) and sso-session (${shared}).`,
        'Remove it from the profile.',
      );
    }
  }
  return session;
}

/** The settings that must all be there; what the profile does not say itself may come from `shared`. */
function required<Key extends string>(
  profile: ProfileSection,
  shared: ConfigSection,
  keys: readonly Key[],
  what: string,
): Record<Key, string> {
  const found = keys.map((key) => [key, profile.text(key) ?? shared.text(key)] as const);
  const missing = found.filter(([, value]) => value === undefined).map(([key]) => key);
  if (missing.length > 0) {
    throw missingSettings(profile, what, missing);
  }
  return Object.fromEntries(found) as Record<Key, string>;
}

function missingSettings(profile: ProfileSection, what: string, missing: readonly string[]): CredentialError {
  return invalidProfile(
    profile,
    '',
    `The profile "${profile.name}" is configured to use ${what} but is missing required configuration: ${missing.join(', ')}`,
    `Add ${missing.length > 1 ? 'them' : 'it'} there.`,
  );
}

function loginStep(profile: ProfileSection, config: SharedConfig, env: Environment): LoginStep {
  const signin = siteOf('signin', regionOf(profile, env), profile, config, env);
  return { kind: 'login', profile: profile.name, session: profile.text('login_session') ?? '', signin };
}
