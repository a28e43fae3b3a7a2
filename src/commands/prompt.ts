import { createInterface } from 'node:readline/promises';
import type { CommandContext } from './command.js';

/** A question to the person at the terminal; undefined where she ends the input. */
export async function ask(question: string, stderr: CommandContext['stderr']): Promise<string | undefined> {
  const lines = createInterface({ input: process.stdin, output: stderr });
  // So that Ctrl-C ends the program as it does everywhere else.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const closed = new Promise<undefined>((resolve) => lines.once('close', () => resolve(undefined)));
  try {
    return (await Promise.race([lines.question(question), closed]))?.trim();
  } finally {
    lines.close();
  }
}

/** Yes is what Enter means. */
export async function agrees(question: string, stderr: CommandContext['stderr']): Promise<boolean> {
  const answer = await ask(`${question} [Y/n] `, stderr);
  return answer !== undefined && /^(y(es)?)?$/i.test(answer);
}
