import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Test } from 'tap';
import { type Clock, systemClock } from '../../src/system/clock.js';
import { KeychainStore } from '../../src/system/keychain-store.js';
import { type Keyring, startKeyring } from './keyring.js';

export const service = 'credd-test';
const run = promisify(execFile);

/**
 * Real time, but for the pause after a failure, which ends when the test says so. A keychain that does not hang is
 * waited for, however slow the machine is.
 */
function patientClock(hangs: () => boolean): { clock: Clock; endPause(): void } {
  let endPause = () => {};
  const after: Clock['after'] = (ms, callback) => {
    if (ms < 30_000) return systemClock.after(ms, () => hangs() && callback());
    endPause = callback;
    return () => {};
  };
  return { clock: { ...systemClock, after }, endPause: () => endPause() };
}

function openKeychain(t: Test, { env, isPaused }: Keyring) {
  const lines: string[] = [];
  const { clock, endPause } = patientClock(isPaused);
  const store = new KeychainStore({ service, env, clock, log: (line) => lines.push(line) });
  t.teardown(() => store.close());
  return { store, endPause, lines };
}

export async function withKeyring(t: Test) {
  const keyring = await startKeyring();
  t.teardown(() => keyring.stop());
  return { keyring, ...openKeychain(t, keyring) };
}

interface Running {
  pid: number;
  command: string;
}

/** The keychain processes that `parent` has started, or that there are anywhere. */
export async function keychainProcesses(parent?: number): Promise<Running[]> {
  const { stdout } = await run('ps', ['-A', '-ww', '-o', 'pid=,ppid=,stat=,args=']);
  return stdout
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, ppid, state]) => (!parent || Number(ppid) === parent) && !state?.startsWith('Z'))
    .map(([pid, , , ...args]) => ({ pid: Number(pid), command: args.join(' ') }))
    .filter(({ command }) => command.includes('keychain-process'));
}
