import { type Daemon, startDaemon } from '../daemon.js';
import { CredentialError } from '../errors.js';
import { createLog } from '../log.js';
import type { Settings } from '../settings.js';
import { systemClock } from '../system/clock.js';
import { endCoreDumps, withoutCoreDumps } from '../system/core-dumps.js';
import { passedSockets, turnAway, withoutServiceVariables } from '../system/listening-sockets.js';
import { createServiceNotifier } from '../system/service/notify.js';
import { type Command, type CommandContext, text } from './command.js';
import { type Prepared, prepare, removeEndpoint, writeEndpoint } from './prepare.js';
import { runChild } from './run-child.js';

/** How often it is looked whether what is wrong has been repaired. Milliseconds. */
const LOOK_AGAIN = 1000;
/** Where it takes a whole start to find out. */
const START_AGAIN = 30_000;

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
    const passed = passedSockets(env, process.pid);
    if (!endCoreDumps()) return runChild(withoutCoreDumps(thisCommand(), env), env, stderr, passed);
    process.umask(NOBODY_ELSE);
    // A service manager's SIGHUP means "reload", a terminal's that it is gone.
    const stopped = env.NOTIFY_SOCKET ? stopSignal(['SIGINT', 'SIGTERM']) : stopSignal();
    if (env.NOTIFY_SOCKET) process.on('SIGHUP', () => {});
    const { port, store, config } = values;
    const ready = () => prepare(env, { port: text(port), store: text(store), config: text(config) });
    const hold = async (trouble: unknown, lookEvery: number) => {
      if (passed.length === 0) throw trouble;
      const { holdSockets } = await import('./hold-sockets.js');
      return holdSockets({ passed, trouble: trouble as Error, ready, lookEvery, env, stderr, stopped });
    };
    let prepared: Prepared;
    try {
      prepared = await ready();
    } catch (error) {
      return hold(error, LOOK_AGAIN);
    }
    let served: Served;
    try {
      served = await start(prepared, stderr);
    } catch (error) {
      return hold(error, START_AGAIN);
    }
    await keepServing(served, stopped);
    return 0;
  },
};

const NOBODY_ELSE = 0o077;

function thisCommand(): string[] {
  return [process.execPath, ...process.execArgv, ...process.argv.slice(1)];
}

/** Runs the daemon until `stopped`. */
export async function serve(
  prepared: Prepared,
  stderr: CommandContext['stderr'],
  stopped: Promise<NodeJS.Signals>,
  greet: (url: string) => void,
): Promise<void> {
  await keepServing(await start(prepared, stderr), stopped, greet);
}

interface Served extends Prepared {
  daemon: Daemon;
  log: Awaited<ReturnType<typeof createLog>>;
}

/** After an error it is as if nothing had been begun. */
async function start(prepared: Prepared, stderr: CommandContext['stderr']): Promise<Served> {
  const { settings, ownerToken, socket, lock } = prepared;
  try {
    const log = await createLog(settings.logLevel, stderr);
    const daemon = await startDaemon({
      settings: { ...settings, env: withoutServiceVariables(settings.env) },
      log,
      clock: systemClock,
      ownerToken,
      port: settings.port,
      fd: socket?.fd,
      needsToken: false,
      resident: true,
      keepsLeases: true,
    });
    return { ...prepared, daemon, log };
  } catch (error) {
    await lock.release();
    throw cannotListen(error as NodeJS.ErrnoException, settings);
  }
}

async function keepServing(
  { settings, socket, lock, daemon, log }: Served,
  stopped: Promise<NodeJS.Signals>,
  greet?: (url: string) => void,
): Promise<void> {
  const { paths, env } = settings;
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
  const others = socket?.others.map(turnAway) ?? [];
  try {
    await writeEndpoint(paths, daemon.url);
    log.info(`credd listens on ${daemon.url}`);
    if (others.length > 0)
      log.warn(
        `credd was handed ${others.length + 1} sockets: it listens at one, and closes what comes at the others`,
      );
    if (notifier.active) process.on('SIGHUP', reload);
    void notifier.ready();
    greet?.(daemon.url);
    const storeFailed = new Promise<never>((_, reject) => {
      const goOn = ({ message }: Error) =>
        log.error(`${message}. Until credd is started again, sessions are kept in memory.`);
      // Whoever waits at a socket that was passed to us would start us again at once.
      daemon.store.then(({ reason }) => log.info(reason), socket ? goOn : reject);
    });
    log.info(`${await Promise.race([stopped, storeFailed])}: credd stops`);
  } finally {
    notifier.close();
    // A socket of the service manager's goes on listening: who asks there next starts us again.
    if (!socket) await removeEndpoint(paths, daemon.url);
    await Promise.all([notifier.stopping(), daemon.stop()]);
    for (const end of others) end();
    process.off('SIGHUP', reload);
    await lock.release();
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

function cannotListen(error: NodeJS.ErrnoException, { port }: Settings): Error {
  const choose = 'choose another with --port PORT';
  if (error.code === 'EACCES')
    return new CredentialError('PortForbidden', 503, `You may not listen on port ${port}: ${choose}.`);
  if (error.code !== 'EADDRINUSE') return error;
  return new CredentialError(
    'PortTaken',
    503,
    `Port ${port} is taken by another program. Stop that, or ${choose}.`,
  );
}
