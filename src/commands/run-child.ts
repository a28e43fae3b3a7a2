import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import type { PassedSocket } from '../system/listening-sockets.js';
import type { Environment } from '../system/paths.js';
import type { CommandContext } from './command.js';
import { notRun } from './not-run.js';

const FORWARDED: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];
/** A terminal sends these to the child by itself; a second one makes many programs give up their clean-up. */
const FROM_TERMINAL = new Set<NodeJS.Signals>(['SIGINT', 'SIGQUIT', 'SIGHUP']);

/**
 * Runs a command in our place: its streams are ours, our signals are its own, and so are `sockets` that were passed to
 * us. Gives its exit code, as a shell would.
 */
export async function runChild(
  [program = '', ...args]: string[],
  env: Environment,
  stderr: CommandContext['stderr'],
  sockets: readonly PassedSocket[] = [],
): Promise<number> {
  try {
    return await run(program, args, env, sockets);
  } catch (error) {
    const { code, why } = notRun(program, error as NodeJS.ErrnoException, env);
    stderr.write(`credd: "${program}" cannot be run: ${why}.\n`);
    return code;
  }
}

/** Some of what prevents a start Node throws, and some it emits. */
function run(
  program: string,
  args: string[],
  env: Environment,
  sockets: readonly PassedSocket[],
): Promise<number> {
  return new Promise((resolve, reject) => {
    const stdio = [0, 1, 2, ...sockets.map(({ fd }) => fd)];
    const child = spawn(program, args, { env, stdio });
    const onTerminal = [0, 1, 2].some((fd) => isatty(fd));
    const forward = (signal: NodeJS.Signals) => {
      if (!(onTerminal && FROM_TERMINAL.has(signal))) child.kill(signal);
    };
    for (const signal of FORWARDED) process.on(signal, forward);
    const end = (settle: () => void) => {
      for (const signal of FORWARDED) process.off(signal, forward);
      settle();
    };
    child.on('error', (error) => end(() => reject(error)));
    child.on('exit', (code, signal) =>
      end(() => resolve(signal ? 128 + constants.signals[signal] : (code ?? 0))),
    );
  });
}
