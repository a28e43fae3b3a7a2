import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CredentialError } from './errors.js';
import type { Paths } from './system/paths.js';
import { ensurePrivateFolder, isErrno, isOurs, notPrivate } from './system/private-files.js';
import { olderThan } from './system/rotated-file.js';
import { shellWord } from './system/shell-word.js';
import { adoptStateFolder, versionFile } from './system/state-version.js';

const OTHERS_MAY_WRITE = 0o022;
const OTHERS_MAY_ANYTHING = 0o077;

/**
 * Makes the state folder ready for whoever works with it, a daemon or a command that works alone.
 * @throws CredentialError `NotPrivate`, `NewerState` or `StateDamaged` (400): it is not to be trusted, or not to be
 * touched; `CannotWrite` (503)
 */
export async function openStateFolder(paths: Paths): Promise<void> {
  // First: a command goes on without a state folder where the disk takes none, but not with settings that others wrote.
  await checkSteering(paths.configFile);
  await ensurePrivateFolder(paths.stateDir);
  await checkState(paths);
  await adoptStateFolder(paths.stateDir);
}

/**
 * Looks at the owner and mode of credd's files that are there.
 * @throws CredentialError `NotPrivate` that names the file and the `chmod`
 */
async function checkState(paths: Paths): Promise<void> {
  const { ownerToken, leases, audit, keptKeys, sessions, stateDir, endpoint, lock } = paths;
  const own = [ownerToken, leases, audit, olderThan(audit), keptKeys, versionFile(stateDir)];
  await Promise.all([...own, endpoint, lock].map(isNoFolder));
  const secret = [...own, ...(await filesIn(sessions))];
  await Promise.all([
    ...secret.map((path) => check(path, OTHERS_MAY_ANYTHING, 'get at', '600')),
    checkSteering(endpoint),
  ]);
}

/** What says how credd works, or where it is, others may read. */
function checkSteering(path: string): Promise<void> {
  return check(path, OTHERS_MAY_WRITE, 'change', 'go-w');
}

async function check(path: string, loose: number, verb: string, chmod: string): Promise<void> {
  const stats = await statIfPresent(path);
  if (!stats) return;
  // What root gives a person, such as a settings file for all, root could have changed anyway.
  if (!isOurs(stats) && stats.uid !== 0)
    throw notPrivate(`${path} belongs to another user: put a file of your own there`);
  if (stats.isFile() && stats.mode & loose)
    throw notPrivate(
      `other users can ${verb} ${path}: look at what is in it, then type: chmod ${chmod} ${shellWord(path)}`,
    );
}

async function isNoFolder(path: string): Promise<void> {
  if ((await statIfPresent(path))?.isDirectory())
    throw new CredentialError(
      'StateDamaged',
      400,
      `${path} is a folder, and a file belongs there: move it away.`,
    );
}

async function filesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).map((name) => join(folder, name));
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return [];
    throw error;
  }
}

async function statIfPresent(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}
