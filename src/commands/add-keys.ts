import { appendSections, sectionHeader } from '../aws/config-append.js';
import { checkAccessKeyId, checkSecretAccessKey } from '../aws/long-term-keys.js';
import { checkRegion } from '../aws/site.js';
import { CredentialError } from '../errors.js';
import type { Settings } from '../settings.js';
import { readAwsFiles, refuseBrokenConfig } from './aws-files.js';
import type { CommandContext } from './command.js';
import type { DaemonClient } from './connect.js';
import { keepKeys, keysUrl } from './kept-keys.js';
import { askUntil, untilTaken } from './prompt.js';

const USUAL_REGION = 'us-east-1';
/**
 * Asks for keys until AWS takes them, keeps them, and writes the profile where there is none. Until then, and after a
 * failure, all is as it was.
 */
export async function askForKeys(
  daemon: DaemonClient,
  profile: string,
  { paths, env }: Settings,
  stderr: CommandContext['stderr'],
): Promise<void> {
  const config = await readAwsFiles(paths);
  const isNew = !config.profiles.has(profile);
  if (isNew) refuseBrokenConfig(config);
  let usual = env.AWS_REGION || env.AWS_DEFAULT_REGION || USUAL_REGION;
  const kept = await untilTaken(async () => {
    const accessKeyId = await askUntil('Access key id: ', checkAccessKeyId);
    const secretAccessKey = await askUntil('Secret access key (not shown): ', checkSecretAccessKey, {
      hidden: true,
    });
    const keys = { accessKeyId, secretAccessKey };
    if (!isNew) return keepKeys(daemon, profile, keys);
    const region = await askUntil(`Region [${usual}]: `, (answer) => checkRegion(answer || usual));
    usual = region;
    const taken = await keepKeys(daemon, profile, { ...keys, region });
    await writeProfile(daemon, profile, region, paths.awsConfig);
    return taken;
  });
  stderr.write(`The keys of ${kept.arn} are in ${kept.place}, for profile "${profile}".\n`);
  if (isNew)
    stderr.write(`Written to ${config.files.config.label}: [${sectionHeader('profile', profile)}]\n`);
}

async function writeProfile(
  daemon: DaemonClient,
  profile: string,
  region: string,
  path: string,
): Promise<void> {
  try {
    await appendSections(path, [{ header: sectionHeader('profile', profile), settings: { region } }]);
  } catch (error) {
    await daemon.ask('DELETE', keysUrl(profile)).catch(() => {});
    throw error;
  }
  await daemon.ask('POST', '/api/reload');
}

/** @throws CredentialError `InvalidName` (400) for a name that not every tool takes, or that a shell wants quoted */
export function checkNewName(name: string): string {
  if (/^[\w.@+/-]{1,128}$/.test(name)) return name;
  throw new CredentialError('InvalidName', 400, 'A profile name is of letters, digits and _.@+/-');
}
