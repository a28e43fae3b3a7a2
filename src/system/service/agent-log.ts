import { copyFile, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock.js';
import type { Environment } from '../paths.js';

export const AGENT = 'dev.credd.agent';

const MOST_BYTES = 5_000_000;
const EVERY = 24 * 3600_000;

/** Where launchd appends what the agent prints, and what was there before. */
export function agentLogs(home: string): { log: string; before: string } {
  const log = join(home, 'Library', 'Logs', 'credd.log');
  return { log, before: `${log}.1` };
}

/** launchd never shortens its log, so the agent itself does: now, and once a day. Gives what ends that. */
export function keepAgentLogSmall(options: { env: Environment; home: string; clock: Clock }): () => void {
  const { env, home, clock } = options;
  if (env.XPC_SERVICE_NAME !== AGENT) return () => {};
  let stopped = false;
  let cancel = () => {};
  async function look(): Promise<void> {
    await shorten(home);
    if (!stopped) cancel = clock.after(EVERY, look);
  }
  void look();
  return () => {
    stopped = true;
    cancel();
  };
}

/** In place, as launchd has it open. What cannot be done today may be done tomorrow. */
async function shorten(home: string): Promise<void> {
  const { log, before } = agentLogs(home);
  try {
    if ((await stat(log)).size <= MOST_BYTES) return;
    await copyFile(log, before);
    await truncate(log);
  } catch {}
}
