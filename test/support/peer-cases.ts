import { once } from 'node:events';
import t from 'tap';
import type { Connection, Look } from '../../src/system/peer-types.js';
import { connectFromProcess, connectHere, listen, needsRoot, otherUid, ownUid } from './loopback.js';

/** A socket as one that looks for peers takes it. */
export const ends = (socket: object) => socket as Connection;

/** What holds however the other end of a connection is found. */
export function tryPeers(look: Look, skip: string | false): void {
  t.test('a client of another user', { skip: skip || needsRoot }, async (t) => {
    const { server } = await connectFromProcess(t, await listen(t), { uid: otherUid });
    t.equal((await look(ends(server)))?.uid, otherUid);
  });

  t.test('IPv6 loopback and IPv4-mapped addresses', { skip }, async (t) => {
    const listener = await listen(t, '::');
    for (const [host, address] of [
      ['::1', '::1'],
      ['127.0.0.1', '::ffff:127.0.0.1'],
      ['::ffff:127.0.0.1', '::ffff:127.0.0.1'],
    ] as const) {
      const { client, server } = await connectHere(t, listener, host);
      t.equal(server.remoteAddress, address);
      t.equal((await look(ends(server)))?.uid, ownUid, `client to ${host}`);
      t.equal((await look(ends(client)))?.uid, ownUid, `server behind ${host}`);
    }
  });

  t.test('a client that has closed proves nothing', { skip }, async (t) => {
    for (const parting of ['socket.end()', 'socket.destroy()']) {
      const { remote, server } = await connectFromProcess(t, await listen(t));
      t.ok(await look(ends(server)), 'proven while open');
      const ended = once(server.resume(), 'end');
      remote.tell(parting);
      await ended;
      t.equal(await look(ends(server)), undefined, parting);
    }
  });
}
