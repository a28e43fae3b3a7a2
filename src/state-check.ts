import type { Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Paths } from './system/paths.js';
import { isErrno, isOurs, notPrivate } from './system/private-files.js';
import { olderThan } from './system/rotated-file.js';
import { shellWord } from './system/shell-word.js';

const OTHERS_MAY_WRITE = 0o022;
const OTHERS_MAY_ANYTHING = 0o077;

/**
 * Looks at the owner and mode of credd's files that are there.
 * @throws CredentialError `NotPrivate` that names the file and the `chmod`
 */
export async function checkState(paths: Paths): Promise<void> {
  const secret = [paths.ownerToken, paths.leases, paths.keptKeys, paths.audit, olderThan(paths.audit)];
  const steering = [paths.endpoint, paths.configFile];
  await Promise.all([
    ...secret.map((path) => check(path, OTHERS_MAY_ANYTHING, 'get at', '600')),
    ...steering.map((path) => check(path, OTHERS_MAY_WRITE, 'change', 'go-w')),
  ]);
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

async function statIfPresent(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}
