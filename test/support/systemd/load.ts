import type { Test } from 'tap';
import type { SystemdMachine } from './machine.js';

export interface Seen {
  asked: number;
  answered: number;
  refused: number;
  cut: number;
  lost: number;
  others: string[];
  slowest: number;
}

/** What became of 200 requests a second for `url` while `doing` went on. */
export async function underLoad(
  t: Test,
  machine: SystemdMachine,
  url: string,
  doing: () => Promise<void>,
): Promise<Seen> {
  const end = await machine.script('asker.mjs', url);
  await doing();
  const seen: Seen = JSON.parse(await end());
  t.comment(JSON.stringify({ ...seen, others: [...new Set(seen.others)] }));
  t.ok(seen.answered > 50);
  return seen;
}
