import { readFile, stat } from 'node:fs/promises';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { CredentialError } from '../../errors.js';
import { withPort } from '../../settings/edit.js';
import { invalid, parseSettingsFile } from '../../settings/file.js';
import { DEFAULT_PORT, type Settings } from '../../settings.js';
import type { ServiceFile, ServiceManager } from '../../system/service/manager.js';
import type { CommandContext } from '../command.js';
import { findDaemon } from '../connect.js';

const START_PATIENCE = 15_000;

export interface ChosenPort {
  port: number;
  /** config.ini as it is to be, where it has to say so. */
  settingsFile?: ServiceFile;
}

/** How many ports beyond the wanted one are tried: in order, so that a dry run and an install choose the same. */
const NEAR = 50;

/**
 * The port of the settings; or, where that is another user's or another program's, the next free one, for config.ini.
 * @throws CredentialError `RunsAlready` where our own daemon was started by hand, on this port or another
 */
export async function choosePort(
  settings: Settings,
  job: { manager: ServiceManager; dryRun: boolean; stderr: CommandContext['stderr'] },
): Promise<ChosenPort> {
  const { manager, dryRun, stderr } = job;
  const { port, env } = settings;
  const { configFile } = settings.paths;
  if (port === 0) throw noPort(env.CREDD_PORT ? 'CREDD_PORT' : configFile);
  // Where there is no service manager to ask, what would be done can be printed all the same.
  const holds = (it: number) => manager.holds(it).catch((error) => (dryRun ? false : Promise.reject(error)));
  const usable = async (it: number) => (await holds(it)) || (await isFree(it));
  const running = await findDaemon(settings);
  await running?.close();
  if (running && !(await holds(Number(new URL(running.url).port)))) {
    throw new CredentialError(
      'RunsAlready',
      503,
      `A credd that you started yourself runs at ${running.url}. End it (Ctrl-C where "credd serve" runs), then install the service.`,
    );
  }
  if (await usable(port)) return { port };
  const free = await firstOf(port + 1, Math.min(port + NEAR, 65_535), usable);
  const taken = `Port ${port} is taken by another user or program, so credd takes ${free}`;
  if (env.CREDD_PORT) {
    stderr.write(`${taken}.\n`);
    return { port: free };
  }
  stderr.write(`${taken}, and ${configFile} says so.\n`);
  return { port: free, settingsFile: { path: configFile, text: await withOurPort(configFile, free) } };
}

async function firstOf(
  from: number,
  to: number,
  usable: (port: number) => Promise<boolean>,
): Promise<number> {
  for (let port = from; port <= to; port++) if (await usable(port)) return port;
  throw new CredentialError(
    'PortTaken',
    503,
    `Port ${from - 1} and those after it are taken. Choose another: CREDD_PORT=PORT credd service install`,
  );
}

async function withOurPort(path: string, port: number): Promise<string> {
  const device = await stat(path).then(
    (it) => !it.isFile(),
    () => false,
  );
  const text = withPort(device ? '' : await readFile(path, 'utf8').catch(() => ''), port);
  if (!device && parseSettingsFile(text, path).port === port) return text;
  throw invalid(
    `credd cannot write the port into ${path}: write port = ${port} at its top yourself, or type: CREDD_PORT=${port} credd service install`,
  );
}

function noPort(where: string): CredentialError {
  return invalid(
    `port 0 (${where}) is another port at each start, and a service needs one that stays. Type: CREDD_PORT=${DEFAULT_PORT} credd service install`,
  );
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Waits until the service answers, which the first request may have to start. */
export async function answered(
  settings: Settings,
  port: number,
): Promise<{ url: string; reason: string | undefined }> {
  const deadline = Date.now() + START_PATIENCE;
  while (Date.now() < deadline) {
    const daemon = (await isHealthy(port)) ? await findDaemon(settings) : undefined;
    if (daemon?.url.endsWith(`:${port}`)) {
      const { store } = await daemon.ask<{ store: { reason?: string } }>('GET', '/api/status');
      await daemon.close();
      return { url: daemon.url, reason: store.reason };
    }
    await daemon?.close();
    await pause(200);
  }
  throw new CredentialError(
    'NoAnswer',
    503,
    `The service was started, but does not answer on port ${port} as it should. Type: credd service status`,
  );
}

function isHealthy(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path: '/healthz', agent: false, timeout: START_PATIENCE }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    })
      .on('timeout', () => resolve(false))
      .on('error', () => resolve(false));
  });
}
