import { readFile, rm } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { newToken } from '../access/leases.js';
import { CredentialError } from '../errors.js';
import { type Flags, readSettings, type Settings } from '../settings.js';
import { openStateFolder } from '../state-check.js';
import { type OwnSocket, ownSocket, passedSockets } from '../system/listening-sockets.js';
import type { Environment, Paths } from '../system/paths.js';
import { createPrivateFile, readPrivateFile, writePrivateFile } from '../system/private-files.js';
import { lockHolder, type ProcessLock, takeLock } from '../system/process-lock.js';
import { sweepLeftovers } from '../system/temporary-files.js';
import { UsageError } from './command.js';
import { findDaemon } from './connect.js';

/** All that may stand in the way of a daemon, done before it listens. */
export interface Prepared {
  settings: Settings;
  ownerToken: string;
  /** The one that the service manager opened for us, if any. */
  socket: OwnSocket | undefined;
  /** While it is held no other daemon works with this state folder. */
  lock: ProcessLock;
}

/** Milliseconds: as long as another one takes to end. */
const ENDING = 2500;
const LOOK_EVERY = 100;

/** @throws CredentialError that says what is wrong and what to do */
export async function prepare(env: Environment, flags: Flags): Promise<Prepared> {
  const settings = fromFlags(() => readSettings(env, flags));
  const { paths } = settings;
  await openStateFolder(paths);
  const socket = await ownSocket(passedSockets(env, process.pid));
  if (!socket) await noService(settings);
  const lock = await onlyDaemon(settings);
  try {
    const ownerToken = await ownToken(paths.ownerToken);
    if (socket) await writeEndpoint(paths, urlOf(socket.port));
    for (const folder of [paths.stateDir, paths.sessions]) await sweepLeftovers(folder, Date.now());
    return { settings, ownerToken, socket, lock };
  } catch (error) {
    await lock.release();
    throw error;
  }
}

/** For the commands; one that is as it should be stays, so that a full disk does not stop a service. */
export async function writeEndpoint({ endpoint }: Paths, url: string): Promise<void> {
  if ((await readEndpoint(endpoint)) !== url) await writePrivateFile(endpoint, `${url}\n`);
}

/** Unless it is another's by now. */
export async function removeEndpoint({ endpoint }: Paths, url: string): Promise<void> {
  if ((await readEndpoint(endpoint)) === url) await rm(endpoint, { force: true });
}

const urlOf = (port: number) => `http://127.0.0.1:${port}`;

/** A flag that will not do is wrong usage; a setting in the file or a variable is a failure. */
function fromFlags<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    const { code, message } = error as CredentialError;
    throw code === 'InvalidFlag' ? new UsageError(message) : error;
  }
}

/** A service that runs no more may still have its socket, where to ask starts it. */
async function noService(settings: Settings): Promise<void> {
  await (await onlyDaemon(settings)).release();
  const service = await findDaemon(settings);
  await service?.close();
  if (service) throw await runsAlready(settings.paths);
}

/** Two would write over each other's leases. One that is about to end, and so is at no endpoint any more, is waited for. */
async function onlyDaemon({ paths, env }: Settings): Promise<ProcessLock> {
  for (let waited = 0; waited <= ENDING; waited += LOOK_EVERY) {
    const lock = await takeLock(paths.lock, env);
    if (lock) return lock;
    if (await readEndpoint(paths.endpoint)) break;
    await pause(LOOK_EVERY);
  }
  throw await runsAlready(paths);
}

async function runsAlready(paths: Paths): Promise<CredentialError> {
  const [pid, url] = await Promise.all([lockHolder(paths.lock), readEndpoint(paths.endpoint)]);
  const which = `${pid ? `, process ${pid}` : ''}${url ? `, at ${url}` : ''}`;
  const end = pid ? `kill ${pid}` : 'Ctrl-C where it runs';
  return new CredentialError(
    'RunsAlready',
    503,
    `A credd of yours runs already${which}, and two would write over each other's leases. Use that one (credd status), or end it: ${end}; a service: credd service uninstall.`,
  );
}

async function ownToken(path: string): Promise<string> {
  const kept = (await readPrivateFile(path))?.toString().trim();
  if (kept) return kept;
  if (kept === '') await rm(path, { force: true });
  // Of two that start at once, one writes it and both read it.
  await createPrivateFile(path, newToken());
  return ownToken(path);
}

async function readEndpoint(path: string): Promise<string> {
  return (await readFile(path, 'utf8').catch(() => '')).trim();
}
