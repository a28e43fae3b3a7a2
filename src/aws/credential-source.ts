import { CredentialError } from '../errors.js';
import type { Environment } from '../system/paths.js';
import type { SourceStep } from './chain.js';
import { invalidProfile } from './profile-error.js';
import type { ProfileSection } from './shared-config.js';

/** What `credential_source` names: credentials that credd itself was started with or on. */
export function credentialSource(profile: ProfileSection, source: string, env: Environment): SourceStep {
  switch (source.toLowerCase()) {
    case 'environment':
      return environmentKeys(profile, env);
    case 'ecscontainer':
      return { kind: 'container', profile: profile.name };
    case 'ec2instancemetadata':
      return { kind: 'instance', profile: profile.name };
    default:
      throw invalidProfile(
        profile,
        'credential_source',
        `The credential source "${source}" referenced in profile "${profile.name}" is not valid.`,
        'Use Environment, EcsContainer or Ec2InstanceMetadata.',
      );
  }
}

function environmentKeys(profile: ProfileSection, env: Environment): SourceStep {
  const accessKeyId = env.AWS_ACCESS_KEY_ID;
  const secretAccessKey = env.AWS_SECRET_ACCESS_KEY;
  const sessionToken = env.AWS_SESSION_TOKEN || env.AWS_SECURITY_TOKEN;
  if (!accessKeyId || !secretAccessKey) {
    throw new CredentialError(
      'CredentialSourceFailed',
      400,
      `Profile "${profile.name}": credential_source = Environment (${profile.where('credential_source')}), but credd was started without AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Start it with them.`,
    );
  }
  return {
    kind: 'keys',
    profile: profile.name,
    origin: 'keys in the environment',
    accessKeyId,
    secretAccessKey,
    ...(sessionToken ? { sessionToken } : {}),
  };
}
