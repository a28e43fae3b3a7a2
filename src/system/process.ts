import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A process that cannot be mistaken for a later one with the same pid, not even after a reboot. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startedAt: string;
}

/** When a process began, as text that is only good for comparing. Undefined when it is not running. */
export async function processStart(
  pid: number,
  platform: NodeJS.Platform = process.platform,
): Promise<string | undefined> {
  if (!Number.isSafeInteger(pid) || pid < 1) return undefined;
  try {
    return await (platform === 'linux' ? startInProc(pid) : startByPs(pid));
  } catch {
    return undefined;
  }
}

export async function isRunning(
  { pid, startedAt }: ProcessIdentity,
  platform?: NodeJS.Platform,
): Promise<boolean> {
  return (await processStart(pid, platform)) === startedAt;
}

/** Field 22 of proc_pid_stat(5), in clock ticks since boot, and the boot it counts from. */
async function startInProc(pid: number): Promise<string | undefined> {
  const [stat, boot] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'latin1'),
    readFile('/proc/sys/kernel/random/boot_id', 'latin1'),
  ]);
  // The second field is the program's name in parentheses, which may itself hold parentheses and spaces.
  const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = fields[18];
  return hasEnded(state) || !ticks ? undefined : `${boot.trim()} ${ticks}`;
}

async function startByPs(pid: number): Promise<string | undefined> {
  // Without a fixed zone the same moment reads differently once daylight saving begins.
  const env = { PATH: '/bin:/usr/bin', LC_ALL: 'C', TZ: 'UTC' };
  const { stdout } = await run('ps', ['-o', 'stat=', '-o', 'lstart=', '-p', String(pid)], {
    env,
    timeout: 2000,
  });
  const [state = '', ...date] = stdout.trim().split(/\s+/);
  return hasEnded(state) || date.length === 0 ? undefined : date.join(' ');
}

/** A zombie has ended, though its parent has not asked yet. */
const hasEnded = (state: string) => /^[ZXx]/.test(state);
