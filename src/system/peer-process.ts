import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import type { PeerProcess } from './peer-types.js';
import { sharedReading } from './shared-reading.js';

export type ProcessFinder = (inode: string) => Promise<PeerProcess | undefined>;

/** Milliseconds. */
const LONGEST_TURN = 2;

/**
 * Finds the process that holds a socket, by the links in `/proc/<pid>/fd`. Those who ask at the same time share one
 * walk through all processes. Undefined where no holder can be seen.
 */
export function createProcessFinder(): ProcessFinder {
  const wanted = new Set<string>();
  const walk = sharedReading(() => {
    const inodes = new Set(wanted);
    wanted.clear();
    return processesHolding(inodes);
  });

  return async (inode) => {
    wanted.add(inode);
    const holderOf = await walk();
    return holderOf(inode);
  };
}

/**
 * Every process outside our user namespace (a rootless container, a sandbox) is looked through before those inside it,
 * so that `ownNamespace` speaks for all holders that can be seen, while a search among our own may stop at the first.
 */
async function processesHolding(inodes: Set<string>): Promise<(inode: string) => PeerProcess | undefined> {
  const ours = userNamespace('self');
  if (ours === undefined) return () => undefined;

  const turn = takingTurns();
  const own: string[] = [];
  const foreign: string[] = [];
  for (const pid of pidsNewestFirst()) {
    const namespace = userNamespace(pid);
    if (namespace !== undefined) (namespace === ours ? own : foreign).push(pid);
    await turn();
  }

  const holders = new Map<string, string>();
  const note = async (pid: string) => {
    for (const inode of socketsOf(pid)) {
      if (inodes.has(inode) && !holders.has(inode)) holders.set(inode, pid);
      await turn();
    }
  };
  for (const pid of foreign) await note(pid);
  for (const pid of own) {
    if (holders.size === inodes.size) break;
    await note(pid);
  }

  const processes = new Map<string, PeerProcess>();
  for (const pid of new Set(holders.values())) {
    // Asked once more, as the pid may have passed to another process, or the process into another namespace.
    const ownNamespace = !foreign.includes(pid) && userNamespace(pid) === ours;
    const program = programOf(pid);
    if (program !== undefined) processes.set(pid, { pid: Number(pid), program, ownNamespace });
  }
  return (inode) => processes.get(holders.get(inode) ?? '');
}

/** The newest process is the likeliest to have just connected. */
function pidsNewestFirst(): string[] {
  const names = readdirSync('/proc');
  return names.filter((name) => /^\d+$/.test(name)).sort((a, b) => Number(b) - Number(a));
}

/** The inode of every socket that it holds; '' for what is no socket. */
function* socketsOf(pid: string): Generator<string> {
  const folder = `/proc/${pid}/fd`;
  for (const descriptor of seen(() => readdirSync(folder)) ?? []) {
    yield /^socket:\[(\d+)\]$/.exec(link(`${folder}/${descriptor}`) ?? '')?.[1] ?? '';
  }
}

/** To be awaited after each small step of long work, for others to go on every 2 ms. */
function takingTurns(): () => Promise<void> | undefined {
  let begun = performance.now();
  return () => {
    if (performance.now() - begun < LONGEST_TURN) return undefined;
    return setImmediate().then(() => {
      begun = performance.now();
    });
  };
}

const programOf = (pid: string) => seen(() => readFileSync(`/proc/${pid}/comm`, 'utf8'))?.trimEnd();

const userNamespace = (pid: string) => link(`/proc/${pid}/ns/user`);

const link = (path: string) => seen(() => readlinkSync(path));

/**
 * Undefined where the process is gone or not ours to look into. Synchronous, as a link of `/proc` is read in microseconds,
 * and in the thread pool in several times that.
 */
function seen<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
