import { readFile } from 'node:fs/promises';
import { putKeysBack, type Removal, takeKeysOut } from '../aws/keys-in-file.js';
import type { ProfileSection } from '../aws/shared-config.js';
import { hasStaticKeys, staticKeys } from '../aws/static-keys.js';
import { CredentialError } from '../errors.js';
import type { Paths } from '../system/paths.js';
import { readIfPresent } from '../system/private-files.js';
import { rewriteFile } from '../system/rewrite-file.js';
import { shellWord } from '../system/shell-word.js';
import { readAwsFiles } from './aws-files.js';
import type { DaemonClient } from './connect.js';
import { keepKeys, keysUrl, listKept, shortened } from './kept-keys.js';

export interface Moved {
  arn: string;
  place: string;
  path: string;
}

/**
 * Moves a profile's long-term keys from its file into the keychain. They leave the file last: after any failure they
 * are still there, and nowhere else.
 * @throws CredentialError
 */
export async function importKeys(
  daemon: DaemonClient,
  profile: string,
  paths: Paths,
  /** Asked last of all; what it throws ends the import. */
  beforeLeaving: () => void,
): Promise<Moved> {
  const { keys } = await listKept(daemon);
  const kept = keys.find((it) => it.profile === profile)?.accessKeyId;
  const { accessKeyId, secretAccessKey, kind } = await keysInFiles(profile, paths, kept);
  if (kept !== undefined && kept !== accessKeyId) throw otherKeysKept(profile, kept);
  const path = kind === 'credentials' ? paths.awsCredentials : paths.awsConfig;
  if (kept !== undefined) await refuseOtherFile(daemon, profile, path);
  const before = await readFile(path);
  const { rest, removal } = takeKeysOut(before, { path, kind, profile });
  const { arn, place } = await keepKeys(daemon, profile, { accessKeyId, secretAccessKey, undo: removal });
  try {
    beforeLeaving();
    await rewriteFile(path, before, rest);
  } catch (error) {
    if (kept === undefined) await daemon.ask('DELETE', keysUrl(profile)).catch(() => {});
    throw error;
  }
  return { arn, place, path };
}

/** The way back into the one that they came from would be lost. */
async function refuseOtherFile(daemon: DaemonClient, profile: string, path: string): Promise<void> {
  const { undo } = await daemon.ask<{ undo?: Removal }>('GET', keysUrl(profile));
  if (!undo || undo.path === path) return;
  throw new CredentialError(
    'KeysNotMovable',
    400,
    `The keys of "${profile}" are kept already, and came from ${undo.path}: remove them from ${path} by hand.`,
  );
}

/** They would be lost. */
function otherKeysKept(profile: string, kept: string): CredentialError {
  const word = shellWord(profile);
  return new CredentialError(
    'OtherKeysKept',
    400,
    `Other keys of "${profile}" are kept already (${shortened(kept)}). To let go of them, type: credd keys remove ${word}, then: credd keys import ${word}`,
  );
}

/** @throws CredentialError `NothingToUndo` (400) where none are kept, or they came from no file or a rotation */
export async function undoImport(daemon: DaemonClient, profile: string): Promise<string> {
  const url = keysUrl(profile);
  const { undo } = await daemon.ask<{ undo?: Removal }>('GET', url).catch((error) => {
    throw error.code === 'NoKeptKeys' ? noneKept(profile) : error;
  });
  if (!undo) {
    throw new CredentialError(
      'NothingToUndo',
      400,
      `The keys of "${profile}" in the keychain are not those that were in a file, but typed or made by a rotation: there is nothing to put back. To write them into a file yourself, show them: credd exec ${shellWord(profile)} --no-session -- env | grep ^AWS_`,
    );
  }
  const now = await readAgain(undo.path);
  await rewriteFile(undo.path, now, putKeysBack(now, undo, profile));
  // The daemon notices the file by itself only a moment later.
  await daemon.ask('POST', '/api/reload');
  await daemon.ask('DELETE', url);
  return undo.path;
}

function noneKept(profile: string): CredentialError {
  return new CredentialError(
    'NothingToUndo',
    400,
    `No keys of "${profile}" are kept: there is nothing to put back. To see whose are, type: credd keys list`,
  );
}

async function readAgain(path: string): Promise<Buffer> {
  const file = await readIfPresent(path);
  if (file) return file;
  throw new CredentialError(
    'FileGone',
    400,
    `${path} is not there any more: make it again, with a section for the profile, then try again. The keys stay in the keychain.`,
  );
}

/** Those in the config file would be used from then on, and nobody would notice. */
function refuseInBoth(section: ProfileSection, paths: Paths): void {
  const other = section.from('config');
  if (!other || !hasStaticKeys(other)) return;
  throw new CredentialError(
    'KeysNotMovable',
    400,
    `Profile "${section.name}" has keys in two files: those in ${paths.awsCredentials} are used, those in ${paths.awsConfig} are not. Remove the latter by hand, then try again.`,
  );
}

async function keysInFiles(profile: string, paths: Paths, kept: string | undefined) {
  const config = await readAwsFiles(paths);
  const section = config.profiles.get(profile);
  for (const kind of ['credentials', 'config'] as const) {
    const keys = section && staticKeys(section, kind);
    if (keys?.sessionToken) {
      throw new CredentialError(
        'KeysNotMovable',
        400,
        `The keys of "${profile}" come with a session token (${section?.where('aws_session_token')}): they are temporary, and end by themselves.`,
      );
    }
    if (keys && kind === 'credentials') refuseInBoth(section, paths);
    if (keys) return { ...keys, kind };
  }
  const instead = kept
    ? `Those that are kept (${shortened(kept)}) serve it.`
    : `To type them in: credd keys add ${shellWord(profile)}`;
  throw new CredentialError(
    'NoStaticKeys',
    400,
    `Profile "${profile}" has no keys in ${paths.awsCredentials}. ${instead}`,
  );
}
