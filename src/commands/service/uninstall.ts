import { access } from 'node:fs/promises';
import { shellWord } from '../../system/shell-word.js';
import { findDaemon } from '../connect.js';
import { remove } from './files.js';
import { type Job, servicePaths, tell } from './job.js';

/** What systemctl and launchctl say of a service that they do not run. */
const STOPPED_ALREADY = /not loaded|not exist|no such process|not find/i;

export async function uninstall(job: Job): Promise<number> {
  const { paths, manager, dryRun, stdout, stderr } = job;
  const present: string[] = [];
  for (const path of await servicePaths(job)) if (await exists(path)) present.push(path);
  if (present.length === 0)
    stdout.write('credd is not installed as a service: there is nothing to remove.\n');
  else {
    for (const step of manager.beforeRemoval) {
      await tell(job, [step]).catch((error: Error) => {
        // Without its files nobody could stop what still runs.
        if (!STOPPED_ALREADY.test(error.message)) throw error;
        stderr.write(`${error.message}\n`);
      });
    }
    // The commands go on finding a "credd serve" that stood in the way of the service.
    const other = dryRun ? undefined : await findDaemon({ paths }).catch(() => undefined);
    await other?.close();
    for (const path of [...present, ...manager.ownFiles, ...(other ? [] : [paths.endpoint])]) {
      if (dryRun) stdout.write(`rm -f ${shellWord(path)}\n`);
      else await remove(path);
    }
    await tell(job, manager.afterRemoval);
    if (!dryRun)
      stdout.write('credd is no longer a service. Its sessions and settings stay where they are.\n');
  }
  for (const sentence of await manager.remains()) stderr.write(`${sentence}\n`);
  return 0;
}

function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
