import { CredentialError } from '../errors.js';
import type { Environment } from '../system/paths.js';
import { shellWord } from '../system/shell-word.js';
import type { LoginStep, Site, SsoRoleStep } from './chain.js';
import { ConfigSection } from './config-section.js';
import { didYouMean } from './nearest.js';
import { resolveProfile } from './profile.js';
import { invalidProfile } from './profile-error.js';
import type { SharedConfig } from './shared-config.js';
import { siteOf } from './site.js';

/** One sign-in at IAM Identity Center, shared by every profile that names it. */
export interface SsoSignIn {
  /** The sso-session's name, or the start URL for the legacy form: it names the token's file. */
  key: string;
  /** Undefined for the legacy form, whose tokens cannot be renewed. */
  session?: string;
  startUrl: string;
  region: string;
  /** As the config file has them; undefined where it names none. */
  scopes?: readonly string[];
  /** No file names it yet. */
  isNew?: true;
  oidc: Site;
  portal: Site;
}

export function keyOf(step: SsoRoleStep): string {
  return step.session ?? step.startUrl;
}

/**
 * The sign-in behind a profile, or the sso-session or start URL of that name.
 * @throws CredentialError where there is none, or the profile is broken
 */
export function findSignIn(name: string, config: SharedConfig, env: Environment): SsoSignIn {
  if (config.profiles.has(name)) {
    const step = resolveProfile(name, config, env).steps[0];
    if (step.kind === 'sso-role') return ofProfile(step, config, env);
    if (!config.ssoSessions.has(name)) throw step.kind === 'login' ? signsInByCli(step) : noSignIn(name);
  }
  if (config.ssoSessions.has(name)) return ofSession(name, config, env);
  const legacy = allSignIns(config, env).find(({ key }) => key === name);
  if (legacy) return legacy;
  const names = [...config.profiles.keys(), ...config.ssoSessions.keys()];
  const known = names.length > 0;
  throw new CredentialError(
    'UnknownSignIn',
    400,
    `There is no profile and no sso-session "${name}". ${didYouMean(name, names)}Type: credd ${known ? 'list' : 'setup'}`,
  );
}

/** The sign-in that is meant where none is named: that of the default profile, or the only one. */
export function onlySignIn(config: SharedConfig, env: Environment): SsoSignIn {
  const all = allSignIns(config, env);
  const fallback =
    all.find((it) => it.key === defaultKey(config, env)) ?? (all.length === 1 ? all[0] : undefined);
  if (fallback) return fallback;
  if (all.length === 0) {
    throw new CredentialError(
      'NoSignIn',
      400,
      'No profile signs in at IAM Identity Center. Type: credd setup',
    );
  }
  const names = all.map(({ key }) => shellWord(key)).join(', ');
  throw new CredentialError('WhichSignIn', 400, `There are several sign-ins. Name one of them: ${names}`);
}

/** Every sign-in that the config file names; a broken one is left out. */
export function allSignIns(config: SharedConfig, env: Environment): SsoSignIn[] {
  const found = new Map<string, SsoSignIn>();
  const add = (find: () => SsoSignIn | undefined) => {
    const signIn = ifWhole(find);
    if (signIn && !found.has(signIn.key)) found.set(signIn.key, signIn);
  };
  for (const name of config.ssoSessions.keys()) add(() => ofSession(name, config, env));
  for (const name of config.profiles.keys()) {
    add(() => {
      const step = resolveProfile(name, config, env).steps[0];
      return step.kind === 'sso-role' ? ofProfile(step, config, env) : undefined;
    });
  }
  return [...found.values()];
}

/** A sign-in that no file names yet. */
export function newSignIn(
  { session, startUrl, region }: { session: string; startUrl: string; region: string },
  config: SharedConfig,
  env: Environment,
): SsoSignIn {
  const section = new ConfigSection(session, []);
  return { key: session, session, startUrl, isNew: true, ...sites(region, section, config, env) };
}

function ofProfile(step: SsoRoleStep, config: SharedConfig, env: Environment): SsoSignIn {
  if (step.session !== undefined) return ofSession(step.session, config, env, step.profile);
  const section = config.profiles.get(step.profile) as ConfigSection;
  return { key: step.startUrl, startUrl: step.startUrl, ...sites(step.sso.region, section, config, env) };
}

/** Endpoints and the like stand in profiles: those of one that uses the session count for it too. */
function ofSession(name: string, config: SharedConfig, env: Environment, profile?: string): SsoSignIn {
  const section = config.ssoSessions.get(name) as ConfigSection;
  const startUrl = section.text('sso_start_url');
  const region = section.text('sso_region');
  if (!startUrl || !region) {
    const missing = startUrl ? 'sso_region' : 'sso_start_url';
    throw invalidProfile(section, '', `The sso-session "${name}" has no ${missing}`, 'Add it there.');
  }
  const user =
    config.profiles.get(profile ?? '') ??
    [...config.profiles.values()].find((it) => it.text('sso_session') === name) ??
    section;
  const scopes = section
    .text('sso_registration_scopes')
    ?.split(',')
    .flatMap((it) => it.trim() || []);
  return {
    key: name,
    session: name,
    startUrl,
    ...(scopes ? { scopes } : {}),
    ...sites(region, user, config, env),
  };
}

function sites(region: string, section: ConfigSection, config: SharedConfig, env: Environment) {
  return {
    region,
    oidc: siteOf('sso_oidc', region, section, config, env),
    portal: siteOf('sso', region, section, config, env),
  };
}

function defaultKey(config: SharedConfig, env: Environment): string | undefined {
  return config.profiles.has('default')
    ? ifWhole(() => findSignIn(env.AWS_PROFILE || 'default', config, env))?.key
    : undefined;
}

function ifWhole<T>(find: () => T): T | undefined {
  try {
    return find();
  } catch (error) {
    if (error instanceof CredentialError) return undefined;
    throw error;
  }
}

function noSignIn(profile: string): CredentialError {
  return new CredentialError(
    'NoSignIn',
    400,
    `Profile "${profile}" does not sign in at IAM Identity Center: there is nothing to sign in to. Type: credd list`,
  );
}

function signsInByCli({ profile }: LoginStep): CredentialError {
  const name = shellWord(profile);
  return new CredentialError(
    'NoSignIn',
    400,
    `Profile "${profile}" signs in at the console, by the AWS CLI. Type: aws login --profile ${name} - or, to sign out: aws logout --profile ${name}`,
  );
}
