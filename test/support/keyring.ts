import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { Environment } from '../../src/system/paths.js';

const run = promisify(execFile);
const PASSWORD = 'correct horse';
const LOGIN = '/org/freedesktop/secrets/collection/login';

/** What a test with a real keyring lacks here, and the command that brings it; false where nothing is missing. */
export const missing: string | false = whatIsMissing();

/** A D-Bus session of its own, in a temporary home. */
export interface Bus {
  env: Environment;
  /** All its connections are lost. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** gnome-keyring on such a bus, unlocked. */
export interface Keyring {
  env: Environment;
  lock(): Promise<void>;
  /** Leaves it on the bus, but it answers nothing. */
  pause(): void;
  isPaused(): boolean;
  resume(): void;
  /** Takes it off the bus; the items stay. */
  stopDaemon(): Promise<void>;
  /** Brings it back, unlocked. */
  startDaemon(): Promise<void>;
  /** As when a person logs out and in again. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export async function startBus(): Promise<Bus> {
  const home = await mkdtemp(join(tmpdir(), 'credd-'));
  await mkdir(join(home, 'run'), { mode: 0o700 });
  const address = `unix:path=${join(home, 'bus')}`;
  const config = join(home, 'bus.conf');
  await writeFile(config, busConfig(address));
  let bus = await startBusDaemon(config);
  return {
    env: {
      PATH: process.env.PATH,
      HOME: home,
      XDG_RUNTIME_DIR: join(home, 'run'),
      XDG_DATA_HOME: join(home, 'data'),
      DBUS_SESSION_BUS_ADDRESS: address,
    },
    async restart() {
      await end(bus);
      bus = await startBusDaemon(config);
    },
    async stop() {
      await end(bus);
      await rm(home, { recursive: true, force: true });
    },
  };
}

export async function startKeyring(): Promise<Keyring> {
  const bus = await startBus();
  const { env } = bus;
  let daemon = await startDaemon(env);
  let paused = false;
  const stopDaemon = () => end(daemon);
  const start = async () => {
    daemon = await startDaemon(env);
  };
  return {
    env,
    async lock() {
      await call(
        env,
        '/org/freedesktop/secrets',
        'org.freedesktop.Secret.Service.Lock',
        `array:objpath:${LOGIN}`,
      );
    },
    pause() {
      paused = daemon.kill('SIGSTOP');
    },
    isPaused: () => paused,
    resume() {
      paused = !daemon.kill('SIGCONT');
    },
    stopDaemon,
    startDaemon: start,
    async restart() {
      await stopDaemon();
      await bus.restart();
      await start();
    },
    async stop() {
      await stopDaemon();
      await bus.stop();
    },
  };
}

async function startBusDaemon(config: string): Promise<ChildProcess> {
  const bus = spawn('dbus-daemon', ['--nofork', '--print-address=1', `--config-file=${config}`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  await once(bus.stdout, 'data');
  return bus;
}

async function startDaemon(env: Environment): Promise<ChildProcess> {
  const daemon = spawn('gnome-keyring-daemon', ['--foreground', '--unlock', '--components=secrets'], {
    env,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  daemon.stdin.end(PASSWORD);
  while (!(await isUnlocked(env))) {
    if (daemon.exitCode !== null) throw new Error(`gnome-keyring-daemon ended with ${daemon.exitCode}`);
  }
  return daemon;
}

async function isUnlocked(env: Environment): Promise<boolean> {
  const property = ['string:org.freedesktop.Secret.Collection', 'string:Locked'];
  return call(env, LOGIN, 'org.freedesktop.DBus.Properties.Get', ...property).then(
    (answer) => answer.includes('boolean false'),
    () => false,
  );
}

async function call(env: Environment, path: string, method: string, ...values: string[]): Promise<string> {
  const to = ['--session', '--print-reply', '--dest=org.freedesktop.secrets', path, method];
  return (await run('dbus-send', [...to, ...values], { env })).stdout;
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Without service folders: nothing is started on demand, so what a test takes away stays away. */
function busConfig(address: string): string {
  return `<busconfig><type>session</type><listen>${address}</listen><policy context="default">
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>`;
}

function whatIsMissing(): string | false {
  const commands = ['gnome-keyring-daemon', 'dbus-daemon', 'dbus-send'];
  if (!commands.every(isInstalled)) return 'apt-get install -y gnome-keyring dbus libsecret-1-0';
  try {
    createRequire(import.meta.url)('keytar');
    return false;
  } catch {
    return 'apt-get install -y libsecret-1-dev && npm rebuild keytar';
  }
}

function isInstalled(command: string): boolean {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
