import { resolve } from 'node:path';
import type { Test } from 'tap';
import { CLI, lacks, type Machine, type RunOptions, run } from './cli.js';

export const TERMINAL = resolve('test/support/terminal.py');

/** Why a test on a terminal is skipped; false where it can be run. */
export const noTerminal = lacks('python3', 'apt-get install -y python3');

/** credd on a real pseudo-terminal. */
export function onTerminal(t: Test, { env, home }: Machine, args: string[], options: RunOptions = {}) {
  const running = run(t, ['python3', TERMINAL, process.execPath, CLI, ...args], {
    cwd: home,
    ...options,
    env: { ...env, ...options.env },
  });
  let seen = 0;
  /** Waits for what matches in all that was shown since the last wait. */
  const shows = async (pattern: RegExp) => {
    for (;;) {
      const found = pattern.exec(running.stdout().slice(seen));
      if (found) {
        seen += found.index + found[0].length;
        return found;
      }
      const more = new Promise((next) => running.process.stdout?.once('data', next));
      if (typeof (await Promise.race([more, running.ended])) !== 'string')
        throw new Error(`it ended and never showed ${pattern}: ${running.stdout()}`);
    }
  };
  const type = (keys: string) => void running.process.stdin?.write(keys);
  return {
    ...running,
    shows,
    type,
    async answer(question: RegExp, answer: string) {
      await shows(question);
      type(`${answer}\r`);
    },
  };
}
