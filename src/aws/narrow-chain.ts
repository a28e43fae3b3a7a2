import { CredentialError } from '../errors.js';
import {
  type AssumeRoleStep,
  type Chain,
  chainOf,
  isLongTerm,
  type KeptKeysStep,
  type KeysStep,
  type SessionTokenStep,
  type Step,
  type Steps,
  type WebIdentityStep,
} from './chain.js';
import { isNarrow, type Narrowing } from './narrowing.js';

/** https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html */
const LONGEST_ROLE_SESSION = 43_200;
/** https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html */
const LONGEST_NAME = 32;
const FEDERATED_SECONDS = 12 * 3600;

/** What a person calls the parts, in messages. */
const WORDS: Readonly<Record<keyof Narrowing, string>> = {
  allowed: 'a policy',
  addresses: 'an address',
  durationSeconds: 'a duration',
  sessionName: 'a session name',
  sourceIdentity: 'a source identity',
  tags: 'tags',
  transitiveTags: 'transitive tags',
};

/**
 * The same chain with its last step narrowed.
 * @throws CredentialError `CannotBeNarrowed` (400) where AWS has no way to do it: nothing is left out in silence
 */
export function narrowChain(chain: Chain, narrowing: Narrowing): Chain {
  const last = chain.steps.at(-1);
  if (!last || !isNarrow(narrowing)) return chain;
  const steps = [...chain.steps.slice(0, -1), narrowStep(last, narrowing, chain.profile)];
  return chainOf(chain.profile, steps as unknown as Steps, chain.sts);
}

function narrowStep(step: Step, narrowing: Narrowing, profile: string): Step {
  switch (step.kind) {
    case 'assume-role':
      return narrowRole(step, narrowing, profile);
    case 'web-identity':
      refuse(
        profile,
        narrowing,
        ['sourceIdentity', 'tags', 'transitiveTags'],
        'its web identity token brings its own',
      );
      return narrowRole(step, narrowing, profile);
    case 'session-token':
      if (isLongTerm(step.of)) return narrowKeys(step, step.of, narrowing, profile);
      throw cannot(
        profile,
        step.of.kind === 'process'
          ? 'its credentials come from a program, which gives them only whole'
          : 'its credentials are a session already, and AWS narrows only a new one',
      );
    case 'sso-role':
      throw cannot(
        profile,
        `the role ${step.roleName} comes from Identity Center, which gives it only whole`,
      );
    case 'login':
      throw cannot(profile, 'its credentials are those of aws login, which gives them only whole');
    default:
      throw cannot(profile, 'its credentials come from this machine, which gives them only whole');
  }
}

function narrowRole<T extends AssumeRoleStep | WebIdentityStep>(
  step: T,
  narrowing: Narrowing,
  profile: string,
): T {
  const { durationSeconds = step.durationSeconds, sessionName = step.sessionName, ...limits } = narrowing;
  if (narrowing.durationSeconds !== undefined && durationSeconds > LONGEST_ROLE_SESSION)
    throw invalid(profile, `a session of a role lasts ${LONGEST_ROLE_SESSION} seconds (12h) at most`);
  return { ...step, durationSeconds, sessionName, narrowing: limits };
}

/** Long-term keys: a shorter session is still theirs, all else takes GetFederationToken. */
function narrowKeys(
  step: SessionTokenStep,
  of: KeysStep | KeptKeysStep,
  narrowing: Narrowing,
  profile: string,
): Step {
  const { durationSeconds, sessionName, ...limits } = narrowing;
  refuse(profile, narrowing, ['sourceIdentity', 'transitiveTags'], 'a session of access keys has none');
  if (!isNarrow(limits)) {
    refuse(
      profile,
      narrowing,
      ['sessionName'],
      'a session of access keys has none, unless it is narrowed otherwise too',
    );
    return { ...step, ...(durationSeconds === undefined ? {} : { durationSeconds }) };
  }
  if (step.mfa) throw cannot(profile, 'AWS gives a narrowed session of access keys no MFA');
  if (sessionName && sessionName.length > LONGEST_NAME)
    throw invalid(profile, `the name of a federated session has ${LONGEST_NAME} characters at most`);
  return {
    kind: 'federation-token',
    profile: step.profile,
    of,
    name: sessionName ?? 'credd',
    durationSeconds: durationSeconds ?? FEDERATED_SECONDS,
    narrowing: limits,
    sts: step.sts,
  };
}

function refuse(
  profile: string,
  narrowing: Narrowing,
  parts: readonly (keyof Narrowing)[],
  why: string,
): void {
  for (const part of parts) if (narrowing[part] !== undefined) throw cannot(profile, why, WORDS[part]);
}

function cannot(profile: string, why: string, what?: string): CredentialError {
  return new CredentialError(
    'CannotBeNarrowed',
    400,
    `Profile "${profile}" cannot be ${what ? `given ${what}` : 'narrowed'}: ${why}. Put a role on top: a profile with role_arn = ARN and source_profile = ${profile}, and narrow that.`,
  );
}

function invalid(profile: string, why: string): CredentialError {
  return new CredentialError('InvalidNarrowing', 400, `Profile "${profile}": ${why}.`);
}
