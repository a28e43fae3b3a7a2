import { existsSync } from 'node:fs';
import { readFile, realpath, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CredentialError } from '../../errors.js';
import { ensureFolder } from '../../system/private-files.js';
import { rewriteFile } from '../../system/rewrite-file.js';
import type { ServiceFile } from '../../system/service/manager.js';
import { shellWord } from '../../system/shell-word.js';

/** A file that an install writes, and what was there. */
export interface Change {
  path: string;
  before: Buffer | undefined;
  after: Buffer;
}

/** What is not as it is to be. */
export async function changesTo(files: readonly ServiceFile[]): Promise<Change[]> {
  const changes = await Promise.all(
    files.map(async ({ path, text }) => ({
      path,
      before: await readFile(path).catch(() => undefined),
      after: Buffer.from(text),
    })),
  );
  return changes.filter(({ before, after }) => !before?.equals(after));
}

/**
 * Writes all of them, or none.
 * @throws CredentialError `CannotWrite` or `FileChanged` (503)
 */
export async function writeAll(changes: readonly Change[]): Promise<void> {
  const written: Change[] = [];
  try {
    for (const change of changes) {
      await write(change);
      written.push(change);
    }
  } catch (error) {
    await takeBack(written);
    throw error;
  }
}

/** As it was before. */
export async function takeBack(changes: readonly Change[]): Promise<void> {
  for (const { path, before, after } of changes) {
    if (before) await rewriteFile(path, after, before);
    else await remove(path);
  }
}

/** @throws CredentialError `CannotWrite` (503) */
export async function remove(path: string): Promise<void> {
  await rm(path, { force: true }).catch(async ({ code }: NodeJS.ErrnoException) => {
    const message = `${path} cannot be removed (${code}).`;
    throw new CredentialError('CannotWrite', 503, `${message} ${await wayOut(path, message)}`.trim());
  });
}

async function write({ path, before, after }: Change): Promise<void> {
  try {
    await ensureFolder(dirname(path));
    await rewriteFile(path, before, after);
  } catch (error) {
    const { code, statusCode, message } = error as CredentialError;
    if (code !== 'CannotWrite') throw error;
    const nothing = `${message.replace(/\.?$/, '.')} Nothing was changed.`;
    throw new CredentialError(code, statusCode, `${nothing} ${await wayOut(path, message)}`.trim());
  }
}

async function wayOut(path: string, message: string): Promise<string> {
  if ((await realpath(path).catch(() => '')) === '/dev/null')
    return `It is masked: it leads to /dev/null. To have it back, type: rm ${shellWord(path)}`;
  if (/ENOSPC|EDQUOT/.test(message)) return 'The disk is full: make room there, and try again.';
  return /EACCES|EPERM|permission denied/.test(message) ? toMakeItOwn(dirname(path)) : '';
}

function toMakeItOwn(folder: string): string {
  if (!existsSync(folder)) return toMakeItOwn(dirname(folder));
  const word = shellWord(folder);
  return `See whose the folder is: ls -ld ${word} and make it yours: sudo chown "$USER" ${word} && chmod u+rwx ${word}`;
}
