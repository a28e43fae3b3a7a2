import { join } from 'node:path';
import { CredentialError } from '../errors.js';
import { readIfPresent, writePrivateFile } from './private-files.js';

/** Turns a state folder of the version that is its index into one of the next. */
export type Migration = (folder: string) => Promise<void>;

/** From 0, before there was a version file, to 1: the layout is the same. */
const MIGRATIONS: readonly Migration[] = [async () => {}];

/** Where the version of a state folder stands. */
export const versionFile = (folder: string) => join(folder, 'version');

/**
 * Brings a private state folder to the layout that this credd knows; what an earlier one left is kept.
 * @throws CredentialError `NewerState` or `StateDamaged` (400); the folder is then as it was.
 */
export async function adoptStateFolder(
  folder: string,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<void> {
  const path = versionFile(folder);
  const found = (await readIfPresent(path))?.toString().trim() ?? '0';
  const known = migrations.length;
  if (!/^\d{1,6}$/.test(found))
    throw new CredentialError(
      'StateDamaged',
      400,
      `${path} does not hold a version. If it was damaged, remove that one file and start credd again.`,
    );
  if (Number(found) > known) {
    throw new CredentialError(
      'NewerState',
      400,
      `${folder} was written by a newer credd (its version is ${found}, this one knows ${known}). Install the newer credd again, or move that folder away to start anew.`,
    );
  }
  for (let version = Number(found); version < known; version++) {
    await migrations[version]?.(folder);
    // After each: one that fails half-way is taken up where it stopped.
    await writePrivateFile(path, `${version + 1}\n`);
  }
}
