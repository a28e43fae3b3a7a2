import { readFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { CredentialError } from '../errors.js';
import { readSettings, type Settings } from '../settings.js';
import { systemClock } from '../system/clock.js';
import { OwnedListenerAgent } from '../system/listener-owner.js';
import { type Environment, findPaths } from '../system/paths.js';
import { createPeerLookup } from '../system/peer.js';
import { readPrivateFile } from '../system/private-files.js';
import { ownFolder, removeOwnFolder } from './own-folder.js';

/** The daemon, as a command speaks with it. */
export interface DaemonClient {
  url: string;
  /** In this process, and gone with it. */
  own: boolean;
  /** @throws CredentialError as the daemon gave it */
  ask<T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<T>;
  close(): Promise<void>;
}

/** The running daemon, or one in this process that lasts until it is closed. */
export async function connect(settings: Settings): Promise<DaemonClient> {
  return (await findDaemon(settings)) ?? startOwn(settings);
}

/** All that it takes to find a daemon. */
type WithPaths = Pick<Settings, 'paths'>;

/** @throws CredentialError where no daemon runs */
export async function connectToRunning(settings: WithPaths): Promise<DaemonClient> {
  const client = await findDaemon(settings);
  if (client) return client;
  throw new CredentialError(
    'NotRunning',
    503,
    'No daemon is running. Start one in another terminal: credd serve',
  );
}

type Use<T> = (daemon: DaemonClient) => Promise<T>;

/** Use the daemon, and let go of it whatever happens. */
export async function withDaemon<T>(settings: Settings, use: Use<T>): Promise<T> {
  return letGo(await connect(settings), use);
}

/**
 * The same for a command that needs no settings itself. While a daemon goes on with the last good ones, a config.ini
 * that is broken or half-written does not stop it.
 */
export async function withDaemonOf<T>(env: Environment, use: Use<T>): Promise<T> {
  const running = await findDaemon({ paths: findPaths(env) });
  return letGo(running ?? (await startOwn(readSettings(env))), use);
}

/** @throws CredentialError where no daemon runs */
export async function withRunningDaemon<T>(settings: WithPaths, use: Use<T>): Promise<T> {
  return letGo(await connectToRunning(settings), use);
}

async function letGo<T>(daemon: DaemonClient, use: Use<T>): Promise<T> {
  try {
    return await use(daemon);
  } finally {
    await daemon.close();
  }
}

export async function findDaemon({ paths }: WithPaths): Promise<DaemonClient | undefined> {
  const url = (await readFile(paths.endpoint, 'utf8').catch(() => '')).trim();
  if (!URL.canParse(url)) return undefined;
  const token = (await readPrivateFile(paths.ownerToken))?.toString().trim();
  if (!token) return undefined;
  const client = createClient(url, token);
  try {
    await client.ask('GET', '/healthz');
    return client;
  } catch {
    await client.close();
    return undefined;
  }
}

/** The heavy parts are loaded only where no daemon runs. */
async function startOwn(settings: Settings): Promise<DaemonClient> {
  const [{ openStateFolder }, { startDaemon }, { createLog }, { newToken }] = await Promise.all([
    import('../state-check.js'),
    import('../daemon.js'),
    import('../log.js'),
    import('../access/leases.js'),
  ]);
  await openStateFolder(settings.paths).catch((error) => {
    // A disk that takes nothing leaves no trail and no state, but it need not stop a command.
    if (error.code !== 'CannotWrite') throw error;
  });
  const ownerToken = newToken();
  const log = await createLog(settings.env.CREDD_LOG_LEVEL ? settings.logLevel : 'silent', process.stderr);
  const daemon = await startDaemon({
    // So that its token files go with this process even when it is killed.
    settings: { ...settings, paths: { ...settings.paths, runtimeDir: ownFolder(settings) } },
    log,
    clock: systemClock,
    ownerToken,
    port: 0,
    needsToken: true,
  });
  const client = createClient(daemon.url, ownerToken);
  return {
    ...client,
    own: true,
    async close() {
      await client.close();
      await daemon.stop();
      await removeOwnFolder(settings);
    },
  };
}

function createClient(url: string, token: string): DaemonClient {
  const { hostname, port } = new URL(url);
  const agent = new OwnedListenerAgent({
    uid: process.getuid?.() ?? -1,
    lookup: createPeerLookup(systemClock),
  });
  return {
    url,
    own: false,
    ask: (method, path, body) => ask({ agent, hostname, port, method, path, token }, body),
    close: async () => agent.destroy(),
  };
}

interface Asked {
  agent: OwnedListenerAgent;
  hostname: string;
  port: string;
  method: string;
  path: string;
  token: string;
}

function ask<T>({ token, ...options }: Asked, body?: object): Promise<T> {
  return new Promise((resolve, reject) => {
    const sent = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      authorization: token,
      'user-agent': 'credd',
      ...(sent ? { 'content-type': 'application/json' } : {}),
    };
    const asked = request({ ...options, headers }, (answer) => {
      read(answer).then((value) => {
        if (answer.statusCode === 200) resolve(value as T);
        else reject(new CredentialError(value.code, answer.statusCode ?? 500, value.message));
      }, gone);
    });
    const gone = () => reject(noAnswer(options));
    asked.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EOWNER' ? reject(notOurs(error)) : gone(),
    );
    asked.end(sent);
  });
}

async function read(answer: IncomingMessage): Promise<{ code: string; message: string }> {
  return JSON.parse(Buffer.concat(await answer.toArray()).toString());
}

/** The kernel shows every user that it does not know here as this one, so nobody can be proven to be it. */
const NOBODY = 65534;

function notOurs({ message }: Error): CredentialError {
  const advice = process.getuid?.() === NOBODY ? ' credd cannot work as user nobody: use another one.' : '';
  return new CredentialError('NotOurs', 403, `${message}.${advice}`);
}

/** Why is not said: the error may quote an answer. */
function noAnswer({ hostname, port }: { hostname: string; port: string }): CredentialError {
  return new CredentialError(
    'NoAnswer',
    503,
    `The daemon at ${hostname}:${port} did not answer in full; it may have stopped. Try again.`,
  );
}
