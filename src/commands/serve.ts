import { readFile, rm } from 'node:fs/promises';
import { newToken } from '../access/leases.js';
import { startDaemon } from '../daemon.js';
import { CredentialError } from '../errors.js';
import { createLog } from '../log.js';
import { readSettings, type Settings } from '../settings.js';
import { systemClock } from '../system/clock.js';
import {
  createPrivateFile,
  ensurePrivateFolder,
  readPrivateFile,
  writePrivateFile,
} from '../system/private-files.js';
import { type Command, type CommandContext, text } from './command.js';

export const command: Command = {
  usage: 'serve [--port PORT] [--store auto|keychain|file|memory] [--config FILE]',
  help: 'Runs the daemon in the foreground, on 127.0.0.1 alone. It logs to stderr.',
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
    const { port, store, config } = values;
    const settings = readSettings(env, { port: text(port), store: text(store), config: text(config) });
    await serve(settings, stderr);
    return 0;
  },
};

/** Runs the daemon until a signal stops it. */
export async function serve(
  settings: Settings,
  stderr: CommandContext['stderr'],
  greet: (url: string) => void = () => {},
): Promise<void> {
  const { paths } = settings;
  const log = await createLog(settings.logLevel, stderr);
  await ensurePrivateFolder(paths.stateDir);
  const ownerToken = await readOwnerToken(paths.ownerToken);
  const daemon = await startDaemon({
    settings,
    log,
    clock: systemClock,
    ownerToken,
    port: settings.port,
    needsToken: false,
  }).catch(async (error) => {
    throw error.code === 'EADDRINUSE' ? await portTaken(settings) : error;
  });
  await writePrivateFile(paths.endpoint, `${daemon.url}\n`);
  await writePrivateFile(paths.pid, `${process.pid}\n`);
  greet(daemon.url);
  const stopped = stopSignal();
  try {
    const failed = daemon.store.then(({ reason }) => log.info(reason)).then(() => stopped);
    log.info(`${await failed}: credd stops`);
  } finally {
    await rm(paths.endpoint, { force: true });
    await rm(paths.pid, { force: true });
    await daemon.stop();
  }
}

async function readOwnerToken(path: string): Promise<string> {
  const kept = await readPrivateFile(path);
  if (kept?.length) return kept.toString();
  await createPrivateFile(path, newToken());
  return readOwnerToken(path);
}

function stopSignal(): Promise<NodeJS.Signals> {
  // Unless somebody listens for it, SIGUSR1 opens Node's inspector, which shows every secret.
  process.on('SIGUSR1', () => {});
  return new Promise((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
}

async function portTaken({ port, paths }: Settings): Promise<CredentialError> {
  const url = (await readFile(paths.endpoint, 'utf8').catch(() => '')).trim();
  const pid = (await readFile(paths.pid, 'utf8').catch(() => '')).trim();
  const who = url.endsWith(`:${port}`) && pid ? `by credd itself, process ${pid}` : 'by another program';
  const then = url.endsWith(`:${port}`) && pid ? 'Use that one (credd status), or stop it' : 'Stop that';
  return new CredentialError(
    'PortTaken',
    503,
    `Port ${port} is taken ${who}. ${then}, or choose another: credd serve --port PORT`,
  );
}
