import { readFile, readlink } from 'node:fs/promises';
import { createServer } from 'node:net';
import { endianness } from 'node:os';
import { CredentialError } from '../errors.js';
import type { Environment } from './paths.js';

/** A socket that the service manager opened for us, so that requests queue while credd starts. */
export interface PassedSocket {
  fd: number;
  /** `FileDescriptorName=` of its unit, or `unknown`. */
  name: string;
}

/** Where we are to listen. */
export interface OwnSocket {
  fd: number;
  port: number;
  /** The descriptors of all others, which are not for us. */
  others: number[];
}

/** They hold the pid of the process that the others of their kind are meant for. */
export const MEANT_FOR_US = ['LISTEN_PID', 'WATCHDOG_PID'] as const;

const FIRST_PASSED = 3;
const OWN_NAME = 'credd';
/** What was said to this process alone; a child that inherited it would take it for its own. */
const OWN_VARIABLES = new Set([
  'LISTEN_PID',
  'LISTEN_FDS',
  'LISTEN_FDNAMES',
  'NOTIFY_SOCKET',
  'WATCHDOG_PID',
  'WATCHDOG_USEC',
]);

/** By the rules of sd_listen_fds_with_names(3): none unless they are meant for the process `pid`. */
export function passedSockets(env: Environment, pid: number): PassedSocket[] {
  if (env.LISTEN_PID !== String(pid) || !/^\d{1,4}$/.test(env.LISTEN_FDS ?? '')) return [];
  const names = env.LISTEN_FDNAMES ? env.LISTEN_FDNAMES.split(':') : [];
  return Array.from({ length: Number(env.LISTEN_FDS) }, (_, index) => ({
    fd: FIRST_PASSED + index,
    name: names[index] || 'unknown',
  }));
}

/**
 * The one that is ours: the first of our name, else the only one. Undefined where none was passed.
 * @throws CredentialError `NoSocket` or `NotLoopback` (400): the socket unit is not as it should be
 */
export async function ownSocket(passed: readonly PassedSocket[]): Promise<OwnSocket | undefined> {
  const own = passed.find(({ name }) => name === OWN_NAME) ?? passed[0];
  if (!own) return undefined;
  if (own.name !== OWN_NAME && passed.length > 1) throw noneIsOurs(passed.length);
  if (!(await isSocket(own.fd))) throw noSocket(own.fd);
  const port = await loopbackPort(own.fd);
  if (port === undefined) throw notLoopback();
  const others = passed.filter((it) => it !== own).map(({ fd }) => fd);
  return { fd: own.fd, port, others };
}

/** The port on 127.0.0.1 at which the descriptor listens; undefined where it does not, or is no such socket. */
export async function loopbackPort(fd: number): Promise<number | undefined> {
  const inode = await inodeOf(fd);
  if (!inode) return undefined;
  // A row: number, local and remote address, state (0A: it listens), queues, timer, retransmits, uid, timeout, inode.
  const row = new RegExp(`^ *\\d+: ${LOOPBACK}:(\\w{4}) \\S+ 0A (?:\\S+ +){5}${inode} `, 'm');
  const [, port] = row.exec(await readFile('/proc/net/tcp', 'latin1').catch(() => '')) ?? [];
  return port === undefined ? undefined : Number.parseInt(port, 16);
}

export async function isSocket(fd: number): Promise<boolean> {
  return (await inodeOf(fd)) !== undefined;
}

async function inodeOf(fd: number): Promise<string | undefined> {
  const target = await readlink(`/proc/self/fd/${fd}`).catch(() => '');
  return /^socket:\[(\d+)\]$/.exec(target)?.[1];
}

/** The kernel prints an address in the machine's own byte order. */
const LOOPBACK = endianness() === 'LE' ? '0100007F' : '7F000001';

/** Closes each connection at once: what is not for us is not to leave anybody waiting. The function ends that. */
export function turnAway(fd: number): () => void {
  const server = createServer((socket) => socket.destroy());
  // Where it is no socket for connections there is nobody to turn away.
  server.on('error', () => {});
  server.listen({ fd });
  return () => server.close();
}

function noneIsOurs(count: number): CredentialError {
  return new CredentialError(
    'NoSocket',
    400,
    `credd was handed ${count} sockets, and none is named credd. Set FileDescriptorName=credd in credd.socket.`,
  );
}

function noSocket(fd: number): CredentialError {
  return new CredentialError(
    'NoSocket',
    400,
    `LISTEN_FDS says that credd was handed a socket, but there is none at descriptor ${fd}. To start credd by hand, unset LISTEN_FDS.`,
  );
}

function notLoopback(): CredentialError {
  return new CredentialError(
    'NotLoopback',
    400,
    'The socket that credd was handed does not listen on 127.0.0.1. Set ListenStream=127.0.0.1:8363, and no other, in credd.socket.',
  );
}

/** The environment for everything that is run from here. */
export function withoutServiceVariables(env: Environment): Environment {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !OWN_VARIABLES.has(name)));
}
