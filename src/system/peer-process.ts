import { readdir, readFile, readlink } from 'node:fs/promises';
import type { PeerProcess } from './peer-types.js';
import { sharedReading } from './shared-reading.js';

export type ProcessFinder = (inode: string) => Promise<PeerProcess | undefined>;

/** Enough to keep the thread pool busy; more would only get in the way of other file access. */
const AT_ONCE = 8;

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
  const ours = await userNamespace('self');
  if (ours === undefined) return () => undefined;

  const own: string[] = [];
  const foreign: string[] = [];
  await forEach(await pidsNewestFirst(), async (pid) => {
    const namespace = await userNamespace(pid);
    if (namespace !== undefined) (namespace === ours ? own : foreign).push(pid);
  });

  const holders = new Map<string, string>();
  const note = (pid: string) => noteSockets(pid, inodes, holders);
  await forEach(foreign, note);
  await forEach(own, note, () => holders.size === inodes.size);

  const processes = new Map<string, PeerProcess>();
  for (const pid of new Set(holders.values())) {
    // Asked once more, as the pid may have passed to another process, or the process into another namespace.
    const ownNamespace = !foreign.includes(pid) && (await userNamespace(pid)) === ours;
    const program = await programOf(pid);
    if (program !== undefined) processes.set(pid, { pid: Number(pid), program, ownNamespace });
  }
  return (inode) => processes.get(holders.get(inode) ?? '');
}

/** The newest process is the likeliest to have just connected. */
async function pidsNewestFirst(): Promise<string[]> {
  const names = await readdir('/proc');
  return names.filter((name) => /^\d+$/.test(name)).sort((a, b) => Number(b) - Number(a));
}

async function noteSockets(pid: string, inodes: Set<string>, holders: Map<string, string>): Promise<void> {
  const folder = `/proc/${pid}/fd`;
  await forEach(await readdir(folder).catch(() => []), async (descriptor) => {
    const inode = /^socket:\[(\d+)\]$/.exec((await link(`${folder}/${descriptor}`)) ?? '')?.[1];
    if (inode !== undefined && inodes.has(inode) && !holders.has(inode)) holders.set(inode, pid);
  });
}

async function programOf(pid: string): Promise<string | undefined> {
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => undefined);
  return name?.trimEnd();
}

const userNamespace = (pid: string) => link(`/proc/${pid}/ns/user`);

/** Undefined where the process is gone or not ours to look into. */
const link = (path: string) => readlink(path).catch(() => undefined);

/** Visits the items in about their order, a few at a time. */
async function forEach<T>(
  items: T[],
  visit: (item: T) => Promise<void>,
  isDone = () => false,
): Promise<void> {
  const rest = items.values();
  const visitRest = async () => {
    for (const item of rest) {
      if (isDone()) return;
      await visit(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, visitRest));
}
