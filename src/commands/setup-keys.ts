import type { ProfileSection } from '../aws/shared-config.js';
import { CredentialError } from '../errors.js';
import type { Settings } from '../settings.js';
import { shellWord } from '../system/shell-word.js';
import { askForKeys, checkNewName } from './add-keys.js';
import { readAwsFiles } from './aws-files.js';
import type { CommandContext } from './command.js';
import type { DaemonClient } from './connect.js';
import { listKept, placeOfKeys } from './kept-keys.js';
import { askUntil } from './prompt.js';

/** From an access key to a profile that works. */
export async function setUpKeys(
  daemon: DaemonClient,
  settings: Settings,
  { stderr }: Pick<CommandContext, 'stderr'>,
): Promise<void> {
  await placeOfKeys(daemon);
  const { profiles } = await readAwsFiles(settings.paths);
  const { keys } = await listKept(daemon);
  const profile = await askUntil('Profile name [default]: ', (answer) => {
    const name = checkNewName(answer || 'default');
    const where = keys.some(({ profile }) => profile === name)
      ? 'the keychain'
      : credentialsOf(profiles.get(name));
    if (where === undefined) return name;
    throw new CredentialError(
      'NameTaken',
      400,
      `Profile "${name}" has credentials already (${where}): choose another name.`,
    );
  });
  await askForKeys(daemon, profile, settings, stderr);
  const word = shellWord(profile);
  stderr.write(
    `\nTo see that it works: credd whoami ${word}\nTo work with it:      credd exec ${word} -- COMMAND\n`,
  );
}

/** Where a profile says how it gets credentials, be it right or wrong. */
function credentialsOf(profile: ProfileSection | undefined): string | undefined {
  const naming = /^(aws_|role_arn|source_profile|credential_|sso_|web_identity_|login_session)/;
  const key = [...(profile?.keys() ?? [])].find((it) => naming.test(it));
  return key && profile?.where(key);
}
