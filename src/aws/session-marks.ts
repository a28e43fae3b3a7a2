import { CredentialError } from '../errors.js';
import type { Narrowing } from './narrowing.js';
import { checkNarrowing, tagTwice } from './narrowing-check.js';
import { invalidProfile } from './profile-error.js';
import type { ProfileSection } from './shared-config.js';

/** The source identity and the tags of a role profile, under the names that aws-vault gave them. */
export function sessionMarks(profile: ProfileSection): Narrowing | undefined {
  const sourceIdentity = profile.text('source_identity');
  const tags = profile.text('session_tags');
  const transitive = profile.text('transitive_session_tags');
  if (!sourceIdentity && !tags && !transitive) return undefined;
  return {
    ...checked(profile, 'source_identity', () => (sourceIdentity ? { sourceIdentity } : {})),
    ...checked(profile, 'session_tags', () => (tags ? { tags: tagsIn(tags) } : {})),
    ...checked(profile, 'transitive_session_tags', () =>
      transitive ? { transitiveTags: listIn(transitive) } : {},
    ),
  };
}

/** A web identity brings its tags and its source identity in its token. */
export function refuseMarks(profile: ProfileSection): void {
  for (const key of ['source_identity', 'session_tags', 'transitive_session_tags']) {
    if (!profile.has(key)) continue;
    throw invalidProfile(
      profile,
      key,
      `The profile "${profile.name}" has ${key}, which AssumeRoleWithWebIdentity does not take`,
      'Remove it, have it put into the token, or move it to a role on top of this profile.',
    );
  }
}

/**
 * `key=value,key=value`
 * @throws CredentialError `InvalidNarrowing` (400) where one key has two values
 */
export function tagsIn(text: string): Record<string, string> {
  const seen = new Set<string>();
  const pairs = listIn(text).map((pair) => {
    const [name = '', ...value] = pair.split('=');
    const key = name.trim();
    if (seen.has(key)) throw tagTwice(key);
    seen.add(key);
    return [key, value.length > 0 ? value.join('=').trim() : undefined];
  });
  return Object.fromEntries(pairs);
}

export function listIn(text: string): string[] {
  return text
    .split(',')
    .map((it) => it.trim())
    .filter((it) => it !== '');
}

function checked(profile: ProfileSection, key: string, read: () => Narrowing): Narrowing {
  try {
    return checkNarrowing(read());
  } catch (error) {
    if (!(error instanceof CredentialError)) throw error;
    throw invalidProfile(
      profile,
      key,
      `The profile "${profile.name}": ${error.message.replace(/\.$/, '')}`,
      'Correct it.',
    );
  }
}
