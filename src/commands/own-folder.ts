import { readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import type { Settings } from '../settings.js';
import { processStart } from '../system/process.js';

const PREFIX = `exec-${hostname()}-`;

/** For the files that go with this process. A home may be shared with other hosts, whose processes have pids too. */
export function ownFolder({ paths }: Settings): string {
  return join(paths.runtimeDir, `${PREFIX}${process.pid}`);
}

export async function removeOwnFolder(settings: Settings): Promise<void> {
  await rm(ownFolder(settings), { recursive: true, force: true });
}

/** Takes away what processes left behind that were killed. */
export async function sweepFolders({ paths }: Settings): Promise<void> {
  for (const name of await readdir(paths.runtimeDir)) {
    if (!name.startsWith(PREFIX) || (await processStart(Number(name.slice(PREFIX.length))))) continue;
    await rm(join(paths.runtimeDir, name), { recursive: true, force: true });
  }
}
