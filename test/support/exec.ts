import { resolve } from 'node:path';
import type { Machine } from './cli.js';

/** Shows what the container-credentials endpoint answers to the variables that it is run with. */
export const FETCH = [process.execPath, resolve('test/support/fetch.mjs')];

/** The variables within `credd exec`. */
export async function variables(
  { credd }: Machine,
  args: string[],
  env = {},
): Promise<Record<string, string>> {
  const script = 'console.log(JSON.stringify(process.env))';
  const { code, stdout, stderr } = await credd(['exec', ...args, '--', process.execPath, '-e', script], {
    env,
  });
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}
