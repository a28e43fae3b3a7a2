import { type ChildProcess, spawn } from 'node:child_process';
import type { Clock } from '../system/clock.js';
import type { Environment } from '../system/paths.js';

const MOST_OUTPUT = 1024 * 1024;
const MOST_STDERR = 1000;
/** How long after a program's end its output is awaited from a child of its own that holds the pipe open. */
const LAST_WORDS = 500;
const STOPPED = 'credd stopped meanwhile';

/**
 * Runs a program without a shell, and gives what it printed. A program that is given up is killed with all that it
 * started.
 * @throws Error that says in words why there is no output; what was printed to stdout is not in it
 */
export function runProgram(options: {
  program: string;
  args: readonly string[];
  env: Environment;
  clock: Clock;
  /** Milliseconds. */
  timeout: number;
  /** When nobody waits for what it prints any more. */
  stopped?: AbortSignal | undefined;
  /** Whether the error may repeat what was printed to stderr. */
  repeatsStderr: boolean;
}): Promise<string> {
  const { program, args, env, clock, timeout, stopped, repeatsStderr } = options;
  return new Promise((resolve, reject) => {
    if (stopped?.aborted) throw new Error(STOPPED);
    // In a group of its own, which can be killed as a whole: a wrapper script's children would go on otherwise.
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const timers: (() => void)[] = [];
    let stdout = '';
    let stderr = '';

    function settle(): void {
      stopped?.removeEventListener('abort', stop);
      for (const cancel of timers) cancel();
      // There are no pipes where the machine had none left to give.
      child.stdout?.destroy();
      child.stderr?.destroy();
    }
    function giveUp(why: string): void {
      killGroup(child);
      settle();
      reject(new Error(why));
    }
    function stop(): void {
      giveUp(STOPPED);
    }
    function ended(code: number | null, signal: NodeJS.Signals | null): void {
      settle();
      const said = repeatsStderr ? lines(stderr) : [];
      if (code === 0) resolve(stdout);
      else reject(new Error([`it ended with ${signal ?? `exit code ${code}`}`, ...said].join(': ')));
    }

    child.on('error', (error: NodeJS.ErrnoException) => giveUp(notStarted(program, error)));
    if (!child.pid) return;
    stopped?.addEventListener('abort', stop);
    timers.push(clock.after(timeout, () => giveUp(`it gave no answer within ${timeout / 1000} s`)));
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (stdout.length > MOST_OUTPUT) giveUp('it printed more than 1 MB');
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(0, MOST_STDERR);
    });
    child.on('exit', (code, signal) => timers.push(clock.after(LAST_WORDS, () => ended(code, signal))));
    child.on('close', ended);
  });
}

function notStarted(program: string, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT') return `there is no program ${program}`;
  if (code === 'EACCES') return `${program} may not be executed`;
  return `it cannot be run (${message})`;
}

/** On one line, and without what a terminal would take for commands. */
function lines(stderr: string): string[] {
  const text = stderr
    .split(/[\p{Cc}\s]+/u)
    .join(' ')
    .trim();
  return text ? [text] : [];
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid) process.kill(-pid, 'SIGKILL');
  } catch {
    // It ended by itself in the meantime.
  }
}
