import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import type { Environment } from '../system/paths.js';
import type { CommandContext } from './command.js';

const FORWARDED: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];
/** A terminal sends these to the child by itself; a second one makes many programs give up their clean-up. */
const FROM_TERMINAL = new Set<NodeJS.Signals>(['SIGINT', 'SIGQUIT', 'SIGHUP']);
/** What POSIX shells answer (XCU 2.8.2): "not found" and "found, but cannot be executed". */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

/** Runs a command in our place: its streams are ours, our signals are its own. Gives its exit code, as a shell would. */
export function runChild(
  [program = '', ...args]: string[],
  env: Environment,
  stderr: CommandContext['stderr'],
): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { env, stdio: 'inherit' });
    const onTerminal = [0, 1, 2].some((fd) => isatty(fd));
    const forward = (signal: NodeJS.Signals) => {
      if (!(onTerminal && FROM_TERMINAL.has(signal))) child.kill(signal);
    };
    for (const signal of FORWARDED) process.on(signal, forward);
    const end = (code: number) => {
      for (const signal of FORWARDED) process.off(signal, forward);
      resolve(code);
    };
    child.on('error', (error: NodeJS.ErrnoException) => {
      const missing = error.code === 'ENOENT';
      const why = missing ? 'there is no such command' : error.message;
      stderr.write(`credd: "${program}" cannot be run: ${why}.\n`);
      end(missing ? NOT_FOUND : NOT_EXECUTABLE);
    });
    child.on('exit', (code, signal) => end(signal ? 128 + constants.signals[signal] : (code ?? 0)));
  });
}
