import { randomBytes } from 'node:crypto';
import { readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

const TEMPORARY = /^\..+\.[0-9a-f]{12}\.tmp$/;
/** Milliseconds. A younger one may be about to take its place. */
const LONG_WRITTEN = 60_000;

/** A file of its own in the same folder, to be written in full and then put in the place of `path`. */
export function temporaryBeside(path: string): string {
  return join(dirname(path), `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
}

/** Takes away the temporary files of processes that were killed while they wrote. */
export async function sweepLeftovers(folder: string, now: number): Promise<void> {
  const names = await readdir(folder).catch(() => []);
  for (const name of names.filter((it) => TEMPORARY.test(it))) {
    const path = join(folder, name);
    const stats = await stat(path).catch(() => undefined);
    if (stats?.isFile() && now - stats.mtimeMs > LONG_WRITTEN)
      await rm(path, { force: true }).catch(() => {});
  }
}
