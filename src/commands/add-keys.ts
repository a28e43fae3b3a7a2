import { appendSections, sectionHeader } from '../aws/config-append.js';
import {
  checkAccessKeyId,
  checkRegion,
  checkSecretAccessKey,
  type LongTermKeys,
} from '../aws/long-term-keys.js';
import { CredentialError } from '../errors.js';
import { segmentOf } from '../http/segment.js';
import type { Settings } from '../settings.js';
import { readAwsFiles, refuseBrokenConfig } from './aws-files.js';
import type { CommandContext } from './command.js';
import type { DaemonClient } from './connect.js';
import { askUntil } from './prompt.js';

const USUAL_REGION = 'us-east-1';
/** Other keys would fare no better. */
const FINAL = new Set(['NoKeychain', 'StoreUnavailable', 'CannotWrite', 'KeysInFile', 'NoAnswer']);

interface Kept {
  arn: string;
  /** Where the keys are now. */
  place: string;
}

/** What the keychain holds. */
export interface KeptList {
  keys: { profile: string; accessKeyId: string; since: number; previous?: string }[];
}

/** @throws CredentialError `NoKeychain` (403), before anybody is asked for keys that nothing would keep */
export async function placeOfKeys(daemon: DaemonClient): Promise<string> {
  const { kind } = await daemon.ask<{ kind: string }>('GET', '/api/key-store');
  return kind === 'file' ? 'the encrypted store' : 'the keychain';
}

/** AWS has to take them first. */
export async function keepKeys(
  daemon: DaemonClient,
  profile: string,
  keys: LongTermKeys,
  region?: string,
): Promise<Kept> {
  const body = region === undefined ? keys : { ...keys, region };
  const { arn } = await daemon.ask<{ arn: string }>('POST', urlOf(profile), body);
  return { arn, place: await placeOfKeys(daemon) };
}

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
  await daemon.ask('POST', '/api/reload');
  const config = await readAwsFiles(paths);
  const isNew = !config.profiles.has(profile);
  if (isNew) refuseBrokenConfig(config);
  let usual = env.AWS_REGION || env.AWS_DEFAULT_REGION || USUAL_REGION;
  const kept = await untilTaken(stderr, async () => {
    const accessKeyId = await askUntil('Access key id: ', checkAccessKeyId);
    const secretAccessKey = await askUntil('Secret access key (not shown): ', checkSecretAccessKey, {
      hidden: true,
    });
    const keys = { accessKeyId, secretAccessKey };
    if (!isNew) return keepKeys(daemon, profile, keys);
    const region = await askUntil(`Region [${usual}]: `, (answer) => checkRegion(answer || usual));
    usual = region;
    const taken = await keepKeys(daemon, profile, keys, region);
    await writeProfile(daemon, profile, region, paths.awsConfig);
    return taken;
  });
  stderr.write(`The keys of ${kept.arn} are in ${kept.place}, for profile "${profile}".\n`);
  if (isNew)
    stderr.write(`Written to ${config.files.config.label}: [${sectionHeader('profile', profile)}]\n`);
}

async function untilTaken<T>(stderr: CommandContext['stderr'], attempt: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof CredentialError) || error.code === 'Cancelled' || FINAL.has(error.code))
        throw error;
      stderr.write(`\n${error.message}\nOnce more, or Ctrl-C.\n\n`);
    }
  }
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
    await daemon.ask('DELETE', urlOf(profile)).catch(() => {});
    throw error;
  }
  await daemon.ask('POST', '/api/reload');
}

/** @throws CredentialError `InvalidName` (400) for a name that not every tool takes, or that a shell wants quoted */
export function checkNewName(name: string): string {
  if (/^[\w.@+/-]{1,128}$/.test(name)) return name;
  throw new CredentialError('InvalidName', 400, 'A profile name is of letters, digits and _.@+/-');
}

export function urlOf(profile: string): string {
  return `/api/keys/${segmentOf(profile)}`;
}

/** Enough to tell keys apart. */
export function shortened(id: string): string {
  return id.length > 12 ? `${id.slice(0, 4)}…${id.slice(-4)}` : `…${id.slice(-2)}`;
}
