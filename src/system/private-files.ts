import type { Stats } from 'node:fs';
import { chmod, link, mkdir, open, rename, rm, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CredentialError } from '../errors.js';
import { shellWord } from './shell-word.js';
import { temporaryBeside } from './temporary-files.js';

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;

/**
 * Makes sure that `folder` exists and that nobody else can look into it; a mode that lets others in is repaired.
 * @throws CredentialError `NotPrivate` when it belongs to somebody else or is not a folder; `CannotWrite` (503)
 */
export async function ensurePrivateFolder(folder: string): Promise<void> {
  await ensureFolder(folder);
  const stats = await stat(folder);
  if (!stats.isDirectory()) throw notPrivate(`${folder} is in the way: a folder belongs there`);
  if (!isOurs(stats)) {
    throw notPrivate(
      `${folder} belongs to another user: remove it, or type: sudo chown -R "$USER" ${shellWord(folder)}`,
    );
  }
  if ((stats.mode & 0o777) !== FOLDER_MODE)
    await chmod(folder, FOLDER_MODE).catch(cannot('change the mode of', folder));
}

/**
 * Makes sure that `folder` exists; one that is made is for nobody else.
 * @throws CredentialError `CannotWrite` (503).
 */
export async function ensureFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: FOLDER_MODE }).catch(cannot('create the folder', folder));
}

/**
 * Replaces the file as a whole: a reader, or a machine that loses power, sees the old content or the new.
 * After an error the old content is still there and nothing new lies about.
 * @throws CredentialError `CannotWrite` (503).
 */
export async function writePrivateFile(path: string, content: string | Uint8Array): Promise<void> {
  await withTemporaryFile(path, content, (temporary) => rename(temporary, path));
}

/**
 * Whether {@link writePrivateFile} would succeed now, and nothing is changed.
 * @throws CredentialError `CannotWrite` (503).
 */
export async function checkWritable(path: string): Promise<void> {
  await ensureFolder(dirname(path));
  await withTemporaryFile(path, Buffer.alloc(4096), async () => {});
}

/** Removes the file where there is one. @throws CredentialError `CannotWrite` (503). */
export async function removeFile(path: string): Promise<void> {
  // Not `rm`, which says of a file that may not be removed that it is no folder.
  await unlink(path).catch((error) => {
    if (!isErrno(error, 'ENOENT')) cannot('remove', path)(error);
  });
}

/** Like {@link writePrivateFile}, but only where there is no such file: of several processes one gets `true`. */
export async function createPrivateFile(path: string, content: string | Uint8Array): Promise<boolean> {
  return withTemporaryFile(path, content, async (temporary) => {
    try {
      await link(temporary, path);
      return true;
    } catch (error) {
      if (isErrno(error, 'EEXIST')) return false;
      throw error;
    }
  });
}

/**
 * The content, or undefined where there is no such file.
 * @throws CredentialError `NotPrivate` when others can read or change it: what it held is no secret any more.
 */
export async function readPrivateFile(path: string): Promise<Buffer | undefined> {
  return readIfPresent(path, (stats) => {
    if (!isOurs(stats)) throw notPrivate(`${path} belongs to another user: put a file of your own there`);
    if (stats.mode & 0o077) {
      throw notPrivate(
        `other users can get at ${path}: change what is in it, then type: chmod 600 ${shellWord(path)}`,
      );
    }
  });
}

/** The content, or undefined where there is no such file; `check` sees the owner and mode of what is then read. */
export async function readIfPresent(
  path: string,
  check?: (stats: Stats) => void,
): Promise<Buffer | undefined> {
  const file = await open(path, 'r').catch((error: unknown) => {
    if (isErrno(error, 'ENOENT')) return undefined;
    return cannot('read', path)(error);
  });
  if (!file) return undefined;
  try {
    check?.(await file.stat());
    return await file.readFile().catch(cannot('read', path));
  } finally {
    await file.close();
  }
}

export function isOurs(stats: Stats): boolean {
  return process.getuid === undefined || stats.uid === process.getuid();
}

export function isErrno(error: unknown, code: string): boolean {
  return (error as NodeJS.ErrnoException).code === code;
}

export function notPrivate(message: string): CredentialError {
  return new CredentialError('NotPrivate', 400, message);
}

async function withTemporaryFile<T>(
  path: string,
  content: string | Uint8Array,
  publish: (temporary: string) => Promise<T>,
): Promise<T> {
  const temporary = temporaryBeside(path);
  try {
    await writeDurably(temporary, content);
    return await publish(temporary);
  } catch (error) {
    return cannot('write', path)(error);
  } finally {
    // Where it cannot even be looked for, there is none.
    await rm(temporary, { force: true }).catch(() => {});
  }
}

async function writeDurably(path: string, content: string | Uint8Array): Promise<void> {
  const file = await open(path, 'wx', FILE_MODE);
  try {
    await file.chmod(FILE_MODE); // an odd umask may have taken our own rights
    await file.writeFile(content);
    await file.sync(); // a rename may reach the disk before the content does
  } finally {
    await file.close();
  }
}

function cannot(verb: string, path: string): (error: unknown) => never {
  return (error) => {
    const code = (error as NodeJS.ErrnoException).code;
    const why = code ? (REASONS[code] ?? code) : (error as Error).message;
    throw new CredentialError(
      verb === 'read' ? 'CannotRead' : 'CannotWrite',
      503,
      `cannot ${verb} ${path}: ${why}`,
      {
        cause: error,
      },
    );
  };
}

const REASONS: Record<string, string> = {
  ENOSPC: 'the disk is full; free some space',
  EDQUOT: 'your disk quota is used up; free some space',
  EROFS: 'the file system is read-only',
  EACCES: 'permission denied; look at the owner and mode of the file and its folders',
  EPERM: 'permission denied; look at the owner and mode of the file and its folders',
  ENOENT: 'its folder is gone',
  ENOTDIR: 'a file is where a folder belongs',
  EEXIST: 'a file is where a folder belongs',
  EISDIR: 'a folder is where a file belongs',
};
