import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { MEANT_FOR_US } from './listening-sockets.js';
import type { Environment } from './paths.js';

const SHELL = '/bin/sh';

/**
 * A crash must not leave this process's memory on disk, with every secret in it. False where only another process can
 * be kept from it: one that is started as {@link withoutCoreDumps} says.
 */
export function endCoreDumps(): boolean {
  return coreLimit() === '0' || limitOwn();
}

/** The same command, in a shell that gives up core dumps first; what the service manager handed to us is then for it. */
export function withoutCoreDumps(command: readonly string[], env: Environment): string[] {
  const ours = MEANT_FOR_US.filter((name) => env[name] === String(process.pid));
  return [
    SHELL,
    '-c',
    `ulimit -c 0 && ${ours.map((name) => `${name}=$$ `).join('')}exec "$0" "$@"`,
    ...command,
  ];
}

function coreLimit(): string {
  try {
    const [, soft = '0'] =
      /^Max core file size +(\w+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? [];
    return soft;
  } catch {
    return spawnSync(SHELL, ['-c', 'ulimit -c'], { encoding: 'utf8' }).stdout?.trim() || '0';
  }
}

function limitOwn(): boolean {
  if (process.platform !== 'linux') return false;
  return spawnSync('prlimit', ['--core=0', '--pid', `${process.pid}`], { stdio: 'ignore' }).status === 0;
}
