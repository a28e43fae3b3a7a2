import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:fs';
import { type FileHandle, open, readFile, writeFile } from 'node:fs/promises';
import type { Environment } from './paths.js';
import { isErrno } from './private-files.js';
import { withSystemPath } from './system-path.js';

/** Held until it is released or this process ends, however it ends: the kernel sees to that. */
export interface ProcessLock {
  release(): Promise<void>;
}

/** open(2) of BSD and macOS, where a file can be locked as it is opened; Node passes it on. */
const O_EXLOCK = 0x20;
const HELD_BY_ANOTHER = 1;

/** Locks the file, and writes our pid into it; undefined where another process holds it. */
export async function takeLock(path: string, env: Environment): Promise<ProcessLock | undefined> {
  const file = await (process.platform === 'linux' ? openLocked(path, env) : openLockedOnBsd(path));
  // A full disk takes no pid, but the lock is ours all the same.
  if (file) await writeFile(path, `${process.pid}\n`).catch(() => {});
  return file && { release: () => file.close() };
}

/** The pid of whoever holds it, if that is known. */
export async function lockHolder(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'latin1').catch(() => '');
  return /^(\d+)\n$/.exec(text)?.[1];
}

async function openLocked(path: string, env: Environment): Promise<FileHandle | undefined> {
  const file = await open(path, constants.O_RDONLY | constants.O_CREAT, 0o600);
  if ((await flock(file.fd, env)) !== HELD_BY_ANOTHER) return file;
  await file.close();
  return undefined;
}

/**
 * Node has no flock(2), but the lock that flock(1) takes is one of the open file, which it shares with us. Where that
 * program is missing, or the file system knows no locks, nothing is kept apart.
 */
async function flock(fd: number, env: Environment): Promise<number | null> {
  const child = spawn('flock', ['-n', '3'], {
    env: withSystemPath(env),
    stdio: ['ignore', 'ignore', 'ignore', fd],
  });
  try {
    const [code] = await once(child, 'exit');
    return code;
  } catch {
    return null;
  }
}

async function openLockedOnBsd(path: string): Promise<FileHandle | undefined> {
  const flags = constants.O_RDONLY | constants.O_CREAT | constants.O_NONBLOCK | O_EXLOCK;
  return open(path, flags, 0o600).catch((error) => {
    if (isErrno(error, 'EAGAIN')) return undefined;
    throw error;
  });
}
