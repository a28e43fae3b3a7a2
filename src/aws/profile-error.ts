import { CredentialError } from '../errors.js';
import { shellWord } from '../system/shell-word.js';
import { didYouMean } from './nearest.js';
import type { ProfileSection, SharedConfig } from './shared-config.js';

/** A profile that cannot work as it is written; `said` is in AWS's own words where AWS has words for it. */
export function invalidProfile(profile: ProfileSection, key: string, said: string, advice: string) {
  return new CredentialError('InvalidProfile', 400, `${said} (${profile.where(key)}). ${advice}`);
}

export function unknownProfile(name: string, { profiles, files, problems }: SharedConfig) {
  const { config, credentials } = files;
  const broken = problems.find(({ severity }) => severity === 'error');
  const read = broken ? ` in what could be read (${broken.where}: ${broken.message})` : '';
  const known =
    profiles.size === 0 && !broken
      ? `There are no profiles in ${config.label} or ${credentials.label} yet. Type: credd setup`
      : `${didYouMean(name, profiles.keys())}Type: credd list`;
  return new CredentialError('UnknownProfile', 400, `There is no profile "${name}"${read}. ${known}`);
}

export function withoutCredentials(profile: ProfileSection, isSource: boolean) {
  return invalidProfile(
    profile,
    '',
    isSource
      ? `The source profile "${profile.name}" must have credentials.`
      : `Profile "${profile.name}" has no credentials`,
    `Add role_arn, sso_session, credential_process or keys to it, or type: credd keys add ${shellWord(profile.name)}`,
  );
}
