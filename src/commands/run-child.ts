import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { CredentialError } from '../errors.js';
import type { Environment } from '../system/paths.js';

const FORWARDED: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];
/** A terminal sends these to the child by itself. */
const FROM_TERMINAL = new Set<NodeJS.Signals>(['SIGINT', 'SIGQUIT']);

/** Runs a command in our place: its streams are ours, our signals are its own. Gives its exit code, as a shell would. */
export function runChild([program = '', ...args]: string[], env: Environment): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: 'inherit' });
    const forward = (signal: NodeJS.Signals) => {
      if (!(process.stdin.isTTY && FROM_TERMINAL.has(signal))) child.kill(signal);
    };
    for (const signal of FORWARDED) process.on(signal, forward);
    const settle = () => {
      for (const signal of FORWARDED) process.off(signal, forward);
    };
    child.on('error', (error: NodeJS.ErrnoException) => {
      settle();
      const why = error.code === 'ENOENT' ? 'there is no such command' : error.message;
      reject(new CredentialError('CannotRun', 500, `"${program}" cannot be run: ${why}.`));
    });
    child.on('exit', (code, signal) => {
      settle();
      resolve(signal ? 128 + constants.signals[signal] : (code ?? 0));
    });
  });
}
