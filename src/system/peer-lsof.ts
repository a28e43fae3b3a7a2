import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Look, PeerProcess } from './peer-types.js';
import { sharedReading } from './shared-reading.js';

const run = promisify(execFile);

/** One line per field: p pid, c command, u uid, n name; f is always there. */
const ARGUMENTS = ['-w', '-nP', '+c0', '-a', '-iTCP', '-sTCP:ESTABLISHED', '-Fpcun'];
/** lsof is looked for where systems keep it, wherever our own PATH may lead. */
const ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin', LC_ALL: 'C' };

interface Holder {
  pid: number;
  uid: number;
  program: string;
}

/**
 * Finds the peer with lsof: on macOS, where an ordinary user is shown only his own processes, and on other systems
 * without Linux's `/proc`. These have no user namespaces, so that the user is all there is to compare.
 */
export function createLsofLook(): Look {
  const listing = sharedReading(readListing);

  return async ({ localAddress, localPort, remoteAddress, remotePort }) => {
    const name = `${endpoint(remoteAddress, remotePort)}->${endpoint(localAddress, localPort)}`;
    const holders = (await listing()).get(name) ?? [];
    const [first] = holders;
    if (!first || holders.some(({ uid }) => uid !== first.uid)) return undefined;

    const { uid, pid, program } = first;
    const process: PeerProcess = { pid, program, ownNamespace: true };
    return { uid, process: async () => process };
  };
}

async function readListing(): Promise<Map<string, Holder[]>> {
  const options = { env: ENVIRONMENT, timeout: 2000, killSignal: 'SIGKILL', maxBuffer: 2 ** 26 } as const;
  const { stdout } = await run('lsof', ARGUMENTS, options).catch(asNothingFound);
  return parseListing(stdout);
}

/** lsof's status is 1 when something was not found, too. */
function asNothingFound(error: { code?: unknown; stdout?: string }): { stdout: string } {
  if (error.code === 1 && error.stdout !== undefined) return { stdout: error.stdout };
  throw error;
}

/** Who holds which connection, by lsof's name for it, `local->remote`. */
export function parseListing(fields: string): Map<string, Holder[]> {
  const connections = new Map<string, Holder[]>();
  let holder: Partial<Holder> = {};
  for (const line of fields.split('\n')) {
    const value = line.slice(1);
    if (line[0] === 'p') holder = { pid: Number(value) };
    if (line[0] === 'c') holder.program = value;
    if (line[0] === 'u') holder.uid = Number(value);
    if (line[0] === 'n' && isComplete(holder))
      connections.set(plain(value), [...(connections.get(plain(value)) ?? []), holder]);
  }
  return connections;
}

function isComplete(holder: Partial<Holder>): holder is Holder {
  return Number.isInteger(holder.pid) && Number.isInteger(holder.uid) && holder.program !== undefined;
}

const endpoint = (address: string, port: number) =>
  plain(address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`);

/** IPv4-mapped addresses as plain IPv4: lsof and Node differ about them. */
const plain = (name: string) => name.replaceAll(/\[::ffff:([\d.]+)\]/g, '$1');
