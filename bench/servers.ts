import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { type SimulatedAws, startSimulatedAws } from '../src/demo/aws.js';

export const CLI = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
const ACCOUNT = '123456789012';

/** A home with profiles of a simulated AWS; nothing of the person's own is read. */
export interface World {
  aws: SimulatedAws;
  home: string;
  env: NodeJS.ProcessEnv;
  close(): Promise<void>;
}

export async function makeWorld(profiles = 1): Promise<World> {
  const aws = await startSimulatedAws({
    world: {
      users: [{ accountId: ACCOUNT, name: 'bench', accessKeyId: 'AKIABENCH', secretAccessKey: 'bench' }],
      roleFor: (arn) => ({ arn, trusts: [ACCOUNT] }),
    },
  });
  const home = await mkdtemp(join(tmpdir(), 'credd-bench-'));
  const config = Array.from(
    { length: profiles },
    (_, index) =>
      `[profile role-${index}]\nrole_arn = arn:aws:iam::${ACCOUNT}:role/role-${index}\nsource_profile = keys\nregion = eu-west-1\nendpoint_url = ${aws.url}\n\n`,
  ).join('');
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    AWS_CONFIG_FILE: join(home, 'config'),
    AWS_SHARED_CREDENTIALS_FILE: join(home, 'credentials'),
    CREDD_STORE_PASSPHRASE_FILE: join(home, 'passphrase'),
    CREDD_LOG_LEVEL: 'warn',
  };
  await writeFile(env.AWS_CONFIG_FILE, config);
  await writeFile(
    env.AWS_SHARED_CREDENTIALS_FILE,
    '[keys]\naws_access_key_id = AKIABENCH\naws_secret_access_key = bench\n',
    { mode: 0o600 },
  );
  await writeFile(env.CREDD_STORE_PASSPHRASE_FILE, 'bench', { mode: 0o600 });
  return {
    aws,
    home,
    env,
    async close() {
      await aws.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

export interface Server {
  url: string;
  child: ChildProcess;
  stop(): Promise<void>;
}

export async function startCredd(
  { env, home }: World,
  store: string,
): Promise<Server & { ownerToken: string }> {
  const port = await freePort();
  const server = await startServer([CLI, 'serve', '--port', String(port), '--store', store], env, port);
  const ownerToken = await readFile(join(home, '.local', 'state', 'credd', 'token'), 'utf8');
  return { ...server, ownerToken };
}

/** A socket that is open while nobody runs: its first request starts credd. Undefined where systemd's tool is missing. */
export async function startActivated({ env }: World, store: string): Promise<Server | undefined> {
  if (spawnSync('systemd-socket-activate', ['--version']).error) return undefined;
  const port = await freePort();
  const passed = Object.keys(env).flatMap((name) => ['-E', name]);
  const child = spawn(
    'systemd-socket-activate',
    ['-l', `127.0.0.1:${port}`, ...passed, process.execPath, CLI, 'serve', '--store', store],
    { env, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  await new Promise((listening) => child.stderr.once('data', listening));
  child.stderr.resume();
  return { url: `http://127.0.0.1:${port}`, child, stop: () => stopped(child) };
}

function stopped(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill();
  });
}

/** One of the bare servers beside this file; `args` follow its port. */
export async function startBare(script: string, ...args: string[]): Promise<Server> {
  const port = await freePort();
  const path = fileURLToPath(new URL(script, import.meta.url));
  return startServer([path, String(port), ...args], process.env, port);
}

async function startServer(args: string[], env: NodeJS.ProcessEnv, port: number): Promise<Server> {
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
  const url = `http://127.0.0.1:${port}`;
  await firstBody(`${url}/healthz`);
  return {
    url,
    child,
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve());
        child.kill();
      }),
  };
}

/** The body of a 200. Not by `fetch`, which says of itself what only a page in a browser should. */
export function body(url: string, headers: Record<string, string> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { headers, agent: false }, (answer) => {
      text(answer).then((received) => {
        if (answer.statusCode === 200) resolve(received);
        else reject(new Error(received));
      }, reject);
    }).on('error', reject);
  });
}

/** Asks until somebody listens. */
export async function firstBody(url: string, headers: Record<string, string> = {}): Promise<string> {
  for (;;) {
    try {
      return await body(url, headers);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ECONNREFUSED') throw error;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new TypeError('a TCP server has a port');
  return address.port;
}

/** In MB; by `/proc`, else by `ps`. */
export function resident(pid: number | undefined): number {
  try {
    const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return Math.round(Number(kilobytes) / 1024);
  } catch {
    return Math.round(Number(spawnSync('ps', ['-o', 'rss=', '-p', String(pid)]).stdout) / 1024);
  }
}
