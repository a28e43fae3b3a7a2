import { readFile, rm } from 'node:fs/promises';
import { newToken } from '../access/leases.js';
import { startDaemon } from '../daemon.js';
import { CredentialError } from '../errors.js';
import { createLog } from '../log.js';
import { type Flags, readSettings, type Settings } from '../settings.js';
import { openStateFolder } from '../state-check.js';
import { systemClock } from '../system/clock.js';
import { endCoreDumps, withoutCoreDumps } from '../system/core-dumps.js';
import { passedSockets, withoutServiceVariables } from '../system/listening-sockets.js';
import type { Environment } from '../system/paths.js';
import { createPrivateFile, readPrivateFile, writePrivateFile } from '../system/private-files.js';
import { createServiceNotifier } from '../system/service-notify.js';
import { type Command, type CommandContext, text, UsageError } from './command.js';
import { findDaemon } from './connect.js';
import { runChild } from './run-child.js';

export const command: Command = {
  usage: 'serve [--port PORT] [--store auto|keychain|file|memory] [--config FILE]',
  help: `Runs the daemon in the foreground, on 127.0.0.1 alone. It logs to stderr.
To have it always there: credd service install`,
  takes: [0, 0],
  options: {
    port: { type: 'string', value: 'PORT', help: 'where to listen; 8363 unless said otherwise' },
    store: {
      type: 'string',
      value: 'KIND',
      help: 'where sessions outlive the daemon: auto, keychain, file, memory',
    },
    config: {
      type: 'string',
      value: 'FILE',
      help: "credd's own settings, instead of ~/.config/credd/config.ini",
    },
  },
  async run({ values, env, stderr }) {
    if (!endCoreDumps()) return runChild(withoutCoreDumps(thisCommand()), env, stderr);
    process.umask(NOBODY_ELSE);
    const { port, store, config } = values;
    const prepare = () => prepared(env, { port: text(port), store: text(store), config: text(config) });
    // A service manager's SIGHUP means "reload", a terminal's that it is gone.
    const stopped = env.NOTIFY_SOCKET ? stopSignal(['SIGINT', 'SIGTERM']) : stopSignal();
    let settings: Settings;
    try {
      settings = await prepare();
    } catch (error) {
      const [passed] = passedSockets(env, process.pid);
      if (!passed) throw error;
      const { holdSocket } = await import('./hold-socket.js');
      return holdSocket({ fd: passed.fd, trouble: error as Error, prepare, env, stderr, stopped });
    }
    await serve({ settings, stderr, stopped });
    return 0;
  },
};

/**
 * The settings, and a state folder that is in order.
 * @throws CredentialError
 */
export async function prepared(env: Environment, flags: Flags): Promise<Settings> {
  const settings = fromFlags(() => readSettings(env, flags));
  await openStateFolder(settings.paths);
  return settings;
}

/** A flag that will not do is wrong usage; a setting in the file or a variable is a failure. */
function fromFlags<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    const { code, message } = error as CredentialError;
    throw code === 'InvalidFlag' ? new UsageError(message) : error;
  }
}

const NOBODY_ELSE = 0o077;

function thisCommand(): string[] {
  return [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
}

/** Runs the daemon until `stopped`. */
export async function serve(options: {
  settings: Settings;
  stderr: CommandContext['stderr'];
  stopped: Promise<NodeJS.Signals>;
  greet?: (url: string) => void;
}): Promise<void> {
  const { settings, stderr, stopped, greet } = options;
  const { paths, env } = settings;
  const { endpoint, ownerToken } = paths;
  const log = await createLog(settings.logLevel, stderr);
  const [passed] = passedSockets(env, process.pid);
  // Behind a socket that was passed to us nobody else can be; to ask there would be to wait for ourselves.
  const other = passed === undefined && (await anotherRuns(settings));
  const before = other ? await read(endpoint) : '';
  const daemon = await startDaemon({
    settings: { ...settings, env: withoutServiceVariables(env) },
    log,
    clock: systemClock,
    ownerToken: await ownToken(ownerToken),
    port: settings.port,
    fd: passed?.fd,
    needsToken: false,
    resident: true,
    keepsLeases: !other,
  }).catch(async (error) => {
    throw await cannotListen(error, settings);
  });
  const notifier = createServiceNotifier({
    env,
    pid: process.pid,
    clock: systemClock,
    status: () => `${daemon.url}, sessions of ${daemon.sessions} profiles`,
    failed: (reason) => log.warn(reason),
  });
  const reload = async () => {
    await notifier.reloading();
    await daemon.reload();
    await notifier.ready();
  };
  try {
    // A service's stays the same, so that a full disk does not stop it.
    if ((await read(endpoint)) !== daemon.url) await writePrivateFile(endpoint, `${daemon.url}\n`);
    if (other) log.warn(`another credd of yours runs on ${before}: the commands use this one until it stops`);
    log.info(`credd listens on ${daemon.url}`);
    if (notifier.active) process.on('SIGHUP', reload);
    void notifier.ready();
    greet?.(daemon.url);
    const storeFailed = new Promise<never>((_, reject) => {
      const goOn = ({ message }: Error) =>
        log.error(`${message}. Until credd is started again, sessions are kept in memory.`);
      // Whoever waits at a socket that was passed to us would start us again at once.
      daemon.store.then(({ reason }) => log.info(reason), passed ? goOn : reject);
    });
    log.info(`${await Promise.race([stopped, storeFailed])}: credd stops`);
  } finally {
    notifier.close();
    // A socket of the service manager's goes on listening: who asks there next starts us again.
    if (!passed && (await read(endpoint)) === daemon.url) await giveBack(endpoint, before);
    await Promise.all([notifier.stopping(), daemon.stop()]);
    process.off('SIGHUP', reload);
  }
}

/** The next one ends the process at once. */
export function stopSignal(
  signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'],
): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    for (const signal of signals) process.once(signal, resolve);
  });
}

/** To the daemon that the commands used before this one, if there was one. */
async function giveBack(endpoint: string, before: string): Promise<void> {
  if (before) await writePrivateFile(endpoint, `${before}\n`);
  else await rm(endpoint, { force: true });
}

/** Two would write over each other's leases. */
async function anotherRuns(settings: Settings): Promise<boolean> {
  const other = await findDaemon(settings);
  await other?.close();
  return other !== undefined;
}

async function ownToken(path: string): Promise<string> {
  const kept = (await readPrivateFile(path))?.toString().trim();
  if (kept) return kept;
  if (kept === '') await rm(path, { force: true });
  // Of two that start at once, one writes it and both read it.
  await createPrivateFile(path, newToken());
  return ownToken(path);
}

async function read(path: string): Promise<string> {
  return (await readFile(path, 'utf8').catch(() => '')).trim();
}

async function cannotListen(error: NodeJS.ErrnoException, settings: Settings): Promise<Error> {
  const { port } = settings;
  const choose = 'choose another with --port PORT';
  if (error.code === 'EACCES')
    return new CredentialError('PortForbidden', 503, `You may not listen on port ${port}: ${choose}.`);
  if (error.code !== 'EADDRINUSE') return error;
  const pid = await pidOfOurs(settings);
  const taken = pid
    ? `by credd itself, process ${pid}. Use that one (credd status), stop it (kill ${pid})`
    : 'by another program. Stop that';
  return new CredentialError('PortTaken', 503, `Port ${port} is taken ${taken}, or ${choose}.`);
}

async function pidOfOurs(settings: Settings): Promise<number | undefined> {
  const daemon = await findDaemon(settings);
  if (!daemon) return undefined;
  try {
    if (!daemon.url.endsWith(`:${settings.port}`)) return undefined;
    return (await daemon.ask<{ pid: number }>('GET', '/api/status')).pid;
  } catch {
    return undefined;
  } finally {
    await daemon.close();
  }
}
