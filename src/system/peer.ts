import type { Clock } from './clock.js';
import { createLsofLook } from './peer-lsof.js';
import { createProcLook } from './peer-proc.js';
import type { Connection, Ends, Look, Peer } from './peer-types.js';

export type { Ends, Peer, PeerProcess } from './peer-types.js';

/**
 * Who is at the other end of a connection within this machine. Undefined means no proof, whatever the reason;
 * never rejects. `patience`, in milliseconds, is how long to look again for an end that is not there yet.
 */
export type PeerLookup = (ends: Ends, patience?: number) => Promise<Peer | undefined>;

/**
 * The client of an accepted connection is in the kernel's table from the start, but a listing that is read while other
 * connections come and go can miss a row.
 */
const PATIENCE = 20;
const LONGEST_PAUSE = 50;

export function createPeerLookup(clock: Clock, look: Look = platformLook()): PeerLookup {
  return async (ends, patience = PATIENCE) => {
    const connection = connectionOf(ends);
    if (!connection) return undefined;
    try {
      return await lookPatiently(connection, patience);
    } catch {
      return undefined;
    }
  };

  async function lookPatiently(connection: Connection, patience: number): Promise<Peer | undefined> {
    let peer = await look(connection);
    for (let pause = 1, spent = 0; !peer && spent < patience; pause = Math.min(2 * pause, LONGEST_PAUSE)) {
      await new Promise<void>((resume) => clock.after(pause, resume));
      spent += pause;
      peer = await look(connection);
    }
    return peer;
  }
}

function platformLook(): Look {
  return process.platform === 'linux' ? createProcLook() : createLsofLook();
}

/** A copy: a socket forgets its addresses when it is destroyed. Undefined for one that never had them. */
function connectionOf({ localAddress, localPort, remoteAddress, remotePort }: Ends): Connection | undefined {
  if (!localAddress || !localPort || !remoteAddress || !remotePort) return undefined;
  return { localAddress, localPort, remoteAddress, remotePort };
}
