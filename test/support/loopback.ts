import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';

export const ownUid = process.getuid?.() ?? -1;
/** Any uid is a user to the kernel, whether or not it has an account. */
export const otherUid = 54321;

export const needsLinux = process.platform !== 'linux' && 'Linux only';
export const needsRoot = ownUid !== 0 && 'run as root to try a second user';
export const needsNamespaces =
  spawnSync('unshare', ['-U', 'true']).status !== 0 &&
  'needs user namespaces: sysctl kernel.unprivileged_userns_clone=1, or run as root';

export interface Listener {
  port: number;
  /** The server's end of the next connection. */
  accepted(): Promise<Socket>;
}

/** A server that keeps its end open even when the client has closed. */
export async function listen(t: Test, host = '127.0.0.1'): Promise<Listener> {
  const server = createServer({ allowHalfOpen: true });
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket.on('error', () => {})));
  await once(server.listen(0, host), 'listening');
  t.teardown(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return {
    port: (server.address() as AddressInfo).port,
    accepted: async () => (await once(server, 'connection'))[0],
  };
}

/** Both ends of a connection within this process. */
export async function connectHere(t: Test, { port, accepted }: Listener, host = '127.0.0.1') {
  const accepting = accepted();
  const client = connect({ port, host, allowHalfOpen: true });
  t.teardown(() => client.destroy());
  await once(client, 'connect');
  return { client, server: await accepting };
}

export interface As {
  uid?: number;
  /** A program that runs the command that follows it. */
  through?: string[];
}

export interface Remote {
  process: ChildProcess;
  /** Sends one line to the process, which runs it as JavaScript; `socket` is its connection. */
  tell(code: string): void;
  /** The next line that it prints. */
  hears(): Promise<string>;
}

/** Another process that runs some JavaScript, then what it is told, until the test is over. */
export async function runScript(t: Test, script: string, { uid, through = [] }: As = {}): Promise<Remote> {
  const listenToUs = `require('readline').createInterface({ input: process.stdin })
    .on('line', (line) => eval(line)).on('close', () => process.exit());`;
  const [command = '', ...args] = [...through, process.execPath, '-e', `${script};${listenToUs}`];
  const child = spawn(command, args, { uid, cwd: '/', env: {}, stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'close');
  t.teardown(() => {
    child.kill('SIGKILL');
    return ended;
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    process: child,
    tell: (code) => child.stdin.write(`${code}\n`),
    hears: async () => (await lines.next()).value,
  };
}

/** Another process that connects, and our end of its connection. */
export async function connectFromProcess(
  t: Test,
  listener: Listener,
  { host = '127.0.0.1', ...as }: As & { host?: string } = {},
) {
  const accepting = listener.accepted();
  const target = JSON.stringify({ host, port: listener.port, allowHalfOpen: true });
  const remote = await runScript(t, `const socket = require('net').connect(${target}).resume()`, as);
  return { remote, server: await accepting };
}

/** Another process that listens but, being stopped, accepts nothing until it gets SIGCONT. */
export async function stoppedListener(t: Test, as: As = {}) {
  const remote = await runScript(
    t,
    `const server = require('http').createServer((request, response) => response.end(request.url));
     server.listen(0, '127.0.0.1', () => console.log(server.address().port))`,
    as,
  );
  const port = Number(await remote.hears());
  remote.process.kill('SIGSTOP');
  return { port, remote, goOn: () => remote.process.kill('SIGCONT') };
}
