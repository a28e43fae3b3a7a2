import type { Environment } from '../system/paths.js';
import { type AssumeRoleStep, type Chain, chainOf, isLongTerm, type Steps } from './chain.js';
import { credentialSource } from './credential-source.js';
import { mfaOf } from './mfa.js';
import { didYouMean } from './nearest.js';
import { invalidProfile, unknownProfile } from './profile-error.js';
import { durationSeconds, mfaDevice, sessionName } from './role-settings.js';
import { sessionMarks } from './session-marks.js';
import type { ProfileSection, SharedConfig } from './shared-config.js';
import { stsSite } from './site.js';
import { sourceStep } from './source-step.js';
import { hasStaticKeys } from './static-keys.js';

/**
 * Resolves a profile into the steps that lead to its credentials, deciding as botocore does which source wins.
 * @throws CredentialError `UnknownProfile` or `InvalidProfile` (400)
 */
export function resolveProfile(name: string, config: SharedConfig, env: Environment): Chain {
  const profile = config.profiles.get(name);
  if (!profile) throw unknownProfile(name, config);
  const steps = new Resolver(config, env).steps(profile);
  return chainOf(name, steps, stsSite(profile, config, env));
}

class Resolver {
  readonly #config: SharedConfig;
  readonly #env: Environment;
  readonly #visited = new Set<string>();

  constructor(config: SharedConfig, env: Environment) {
    this.#config = config;
    this.#env = env;
  }

  steps(profile: ProfileSection): Steps {
    if (isRole(profile)) return this.#assumed(profile);
    return [sourceStep(profile, 'for itself', this.#config, this.#env)];
  }

  #assumed(profile: ProfileSection): Steps {
    this.#visited.add(profile.name);
    const sourceProfile = profile.text('source_profile');
    const source = profile.text('credential_source');
    if (sourceProfile && source) {
      throw invalidProfile(
        profile,
        'source_profile',
        `The profile "${profile.name}" contains both source_profile and credential_source.`,
        'Remove one of them.',
      );
    }
    if (sourceProfile) return this.#proven(this.#sourceOf(profile, sourceProfile), profile);
    if (source) return this.#proven([credentialSource(profile, source, this.#env)], profile);
    throw invalidProfile(
      profile,
      'role_arn',
      'Partial credentials found in assume-role, missing: source_profile or credential_source',
      'Add source_profile = NAME, the profile whose credentials may assume the role.',
    );
  }

  #sourceOf(profile: ProfileSection, name: string): Steps {
    const source = this.#config.profiles.get(name);
    if (!source) {
      throw invalidProfile(
        profile,
        'source_profile',
        `The source_profile "${name}" referenced in the profile "${profile.name}" does not exist.`,
        `${didYouMean(name, this.#config.profiles.keys())}Add that profile, or correct the name.`,
      );
    }
    if (this.#visited.has(name) && !(name === profile.name && this.#hasKeys(source))) {
      throw invalidProfile(
        profile,
        'source_profile',
        `Infinite loop in credential configuration detected. Attempting to load from profile ${name} which has already been visited. Visited profiles: [${[...this.#visited].map((it) => `'${it}'`).join(', ')}]`,
        'Let one of them get its credentials from elsewhere.',
      );
    }
    // In a later hop static keys beat whatever role the profile names.
    if (isRole(source) && !this.#hasKeys(source)) return this.#assumed(source);
    return [sourceStep(source, 'for a role', this.#config, this.#env)];
  }

  #hasKeys(profile: ProfileSection): boolean {
    return hasStaticKeys(profile) || this.#config.keptKeys?.has(profile.name) === true;
  }

  /**
   * The role on top of its source, with the code where one is due: long-term keys get an MFA session, which all roles
   * of that device share; elsewhere the code goes into AssumeRole. A device that was proven further down is not asked for again.
   */
  #proven(source: Steps, profile: ProfileSection): Steps {
    const role = this.#roleStep(profile);
    const [first, ...roles] = source;
    const mfa = mfaDevice(profile, this.#config);
    if (!mfa || source.some((step) => mfaOf(step)?.serial === mfa.serial)) return [...source, role];
    if (roles.length > 0 || !isLongTerm(first)) return [...source, { ...role, mfa }];
    const sts = stsSite(this.#config.profiles.get(first.profile) ?? profile, this.#config, this.#env);
    return [{ kind: 'session-token', profile: profile.name, of: first, sts, mfa }, role];
  }

  #roleStep(profile: ProfileSection): AssumeRoleStep {
    const roleArn = profile.text('role_arn') ?? '';
    const externalId = profile.text('external_id');
    const marks = sessionMarks(profile);
    return {
      kind: 'assume-role',
      profile: profile.name,
      roleArn,
      sessionName: sessionName(profile, this.#env),
      durationSeconds: durationSeconds(profile),
      ...(externalId ? { externalId } : {}),
      ...(marks ? { narrowing: marks } : {}),
      sts: stsSite(profile, this.#config, this.#env),
    };
  }
}

function isRole(profile: ProfileSection): boolean {
  return profile.has('role_arn') && !profile.has('web_identity_token_file');
}
