import { readFile } from 'node:fs/promises';
import { get } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { dirname } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { CredentialError } from '../errors.js';
import { withPort } from '../settings/edit.js';
import { parseSettingsFile } from '../settings/file.js';
import type { Settings } from '../settings.js';
import { ensurePrivateFolder, writePrivateFile } from '../system/private-files.js';
import type { ServiceManager } from '../system/service-manager.js';
import type { CommandContext } from './command.js';
import { findDaemon } from './connect.js';

const START_PATIENCE = 15_000;

/**
 * The port of the settings; or, where that is another user's or another program's, a free one, which is written to
 * config.ini.
 * @throws CredentialError `PortTaken` where it is our own daemon, started by hand
 */
export async function choosePort(
  settings: Settings,
  job: { manager: ServiceManager; dryRun: boolean; stderr: CommandContext['stderr'] },
): Promise<number> {
  const { manager, dryRun, stderr } = job;
  const { port } = settings;
  const holds = manager.holds(port);
  // Where there is no service manager to ask, what would be done can be printed all the same.
  if (await (dryRun ? holds.catch(() => false) : holds)) return port;
  const free = await freePort(port);
  if (free === port) return port;
  const own = await findDaemon(settings);
  await own?.close();
  if (own?.url.endsWith(`:${port}`)) {
    throw new CredentialError(
      'PortTaken',
      503,
      `A credd that you started yourself listens on port ${port}. End it (Ctrl-C where "credd serve" runs), then install the service.`,
    );
  }
  const { configFile } = settings.paths;
  stderr.write(
    `Port ${port} is taken by another user or program, so credd takes ${free}${settings.env.CREDD_PORT ? '' : `, and ${configFile} says so`}.\n`,
  );
  if (!dryRun && !settings.env.CREDD_PORT) await writePort(configFile, free);
  return free;
}

async function writePort(path: string, port: number): Promise<void> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const changed = withPort(text, port);
  if (parseSettingsFile(changed, path).port !== port) throw new Error('the port was not written');
  await ensurePrivateFolder(dirname(path));
  await writePrivateFile(path, changed);
}

/** The wanted one where it is free. */
async function freePort(wanted: number): Promise<number> {
  return (await bound(wanted)) ?? (await bound(0)) ?? wanted;
}

function bound(port: number): Promise<number | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
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
