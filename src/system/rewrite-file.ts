import { open, readFile, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { CredentialError } from '../errors.js';
import { shellWord } from './shell-word.js';
import { temporaryBeside } from './temporary-files.js';

/**
 * Replaces a file of the person's as a whole, with its mode kept and a symlink to it followed, unless it is no longer
 * what was read of it; undefined: it was not there. After an error the old content is still there.
 * @throws CredentialError `FileChanged` (503) or `CannotWrite` (503)
 */
export async function rewriteFile(
  path: string,
  before: Uint8Array | undefined,
  after: Uint8Array,
): Promise<void> {
  let temporary: string | undefined;
  try {
    const target = before ? await realpath(path) : await whereItGoes(path);
    const mode = before ? (await stat(target)).mode : 0o600;
    temporary = temporaryBeside(target);
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(after);
      await file.chmod(mode & 0o777);
      await file.sync();
    } finally {
      await file.close();
    }
    if (!same(await contentOf(target), before)) throw changed(path);
    await rename(temporary, target);
    temporary = undefined;
  } catch (error) {
    if (error instanceof CredentialError) throw error;
    throw new CredentialError(
      'CannotWrite',
      503,
      `${shellWord(path)} cannot be rewritten (${(error as NodeJS.ErrnoException).code}), and is as it was.`,
    );
  } finally {
    if (temporary) await rm(temporary, { force: true });
  }
}

/** A link may be there before what it leads to. */
async function whereItGoes(path: string): Promise<string> {
  const link = await readlink(path).catch(() => '');
  return resolve(dirname(path), link || path);
}

function contentOf(path: string): Promise<Buffer | undefined> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}

function same(one: Buffer | undefined, other: Uint8Array | undefined): boolean {
  return one && other ? one.equals(other) : one === other;
}

function changed(path: string): CredentialError {
  return new CredentialError(
    'FileChanged',
    503,
    `${shellWord(path)} was changed by another program just now, and is left as that wrote it. Try again.`,
  );
}
