import { CredentialError } from '../errors.js';
import { shellWord } from '../system/shell-word.js';
import type { KeysStep } from './chain.js';
import { invalidProfile } from './profile-error.js';
import type { ProfileSection } from './shared-config.js';
import { parseTime } from './time.js';

/** Under these names portals and tools write when pasted keys end. */
const EXPIRATIONS = [
  'aws_expiration',
  'aws_session_expiration',
  'aws_credentials_expiration',
  'aws_session_token_expiration',
  'x_security_token_expires',
  'x_principal_expires',
  'expiration',
];

export function hasStaticKeys(profile: ProfileSection): boolean {
  return profile.has('aws_access_key_id') || profile.has('aws_secret_access_key');
}

/** @throws CredentialError `KeysInFile` (400): they would go before any that are kept in the keychain */
export function refuseKeysInFile(profile: ProfileSection): void {
  if (!hasStaticKeys(profile)) return;
  throw new CredentialError(
    'KeysInFile',
    400,
    `Profile "${profile.name}" has keys in a file already (${profile.where('aws_access_key_id')}). To move them into the keychain, type: credd keys import ${shellWord(profile.name)}`,
  );
}

/** What goes before keys in the keychain. */
const OTHER_SOURCES = [
  'web_identity_token_file',
  'sso_role_name',
  'sso_account_id',
  'login_session',
  'credential_process',
];

/** @throws CredentialError `KeysNotUsed` (400): where the profile gets its credentials otherwise, kept keys would lie idle */
export function refuseOtherSource(profile: ProfileSection): void {
  const other = OTHER_SOURCES.find((key) => profile.has(key));
  if (other === undefined) return;
  throw new CredentialError(
    'KeysNotUsed',
    400,
    `Profile "${profile.name}" gets its credentials otherwise (${other}, ${profile.where(other)}), and keys in the keychain would not be used. Give them a profile of their own: credd keys add NAME`,
  );
}

/**
 * The keys that one of the two files holds for the profile, or either where none is named.
 * As for botocore a secret without an id is not there.
 * @throws CredentialError `InvalidProfile` where an id stands without its secret
 */
export function staticKeys(profile: ProfileSection, file?: 'credentials' | 'config'): KeysStep | undefined {
  const section = file ? profile.from(file) : profile;
  const accessKeyId = section?.text('aws_access_key_id');
  const secretAccessKey = section?.text('aws_secret_access_key');
  if (!section || !accessKeyId) return undefined;
  if (!secretAccessKey) throw partialKeys(section, 'aws_access_key_id', 'aws_secret_access_key');
  // Some tools wrote the token as `aws_security_token`.
  const sessionToken = section.text('aws_session_token') ?? section.text('aws_security_token');
  const expiration = sessionToken ? expirationOf(section) : undefined;
  return {
    kind: 'keys',
    profile: profile.name,
    origin: 'access key',
    accessKeyId,
    secretAccessKey,
    ...(sessionToken ? { sessionToken } : {}),
    ...(expiration ? { expiration } : {}),
  };
}

export function partialKeys(section: ProfileSection, present: string, missing: string) {
  const provider = section.get(present)?.file === 'config' ? 'config-file' : 'shared-credentials-file';
  return invalidProfile(
    section,
    present,
    `Partial credentials found in ${provider}, missing: ${missing}`,
    `Add it beside the ${present} of "${section.name}".`,
  );
}

function expirationOf(section: ProfileSection): number | undefined {
  for (const key of EXPIRATIONS) {
    const time = parseTime(section.text(key));
    if (time !== undefined) return time;
  }
  return undefined;
}
