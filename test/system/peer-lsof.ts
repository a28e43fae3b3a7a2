import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import t from 'tap';
import { createLsofLook, parseListing } from '../../src/system/peer-lsof.js';
import type { Connection } from '../../src/system/peer-types.js';
import { connectFromProcess, connectHere, listen, needsRoot, otherUid, ownUid } from '../support/loopback.js';

const needsLsof = spawnSync('lsof', ['-v']).error !== undefined && 'apt-get install lsof';
const look = createLsofLook();
const ends = (socket: object) => socket as Connection;

t.test('a client in another process of the same user', { skip: needsLsof }, async (t) => {
  const { remote, server } = await connectFromProcess(t, await listen(t));
  const peer = await look(ends(server));
  t.equal(peer?.uid, ownUid);
  t.same(await peer?.process(), { pid: remote.process.pid, program: 'node', ownNamespace: true });
});

t.test('the two directions of one connection are told apart', { skip: needsLsof }, async (t) => {
  const { remote, server } = await connectFromProcess(t, await listen(t));
  const { localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 } = server;
  const theirs = await look({ localAddress, localPort, remoteAddress, remotePort });
  const ours = await look({
    localAddress: remoteAddress,
    localPort: remotePort,
    remoteAddress: localAddress,
    remotePort: localPort,
  });
  t.equal((await theirs?.process())?.pid, remote.process.pid);
  t.equal((await ours?.process())?.pid, process.pid);
});

t.test('a client of another user', { skip: needsLsof || needsRoot }, async (t) => {
  const { server } = await connectFromProcess(t, await listen(t), { uid: otherUid });
  t.equal((await look(ends(server)))?.uid, otherUid);
});

t.test('IPv6 loopback and IPv4-mapped addresses', { skip: needsLsof }, async (t) => {
  const listener = await listen(t, '::');
  for (const host of ['::1', '127.0.0.1', '::ffff:127.0.0.1']) {
    const { client, server } = await connectHere(t, listener, host);
    t.equal((await look(ends(server)))?.uid, ownUid, `client to ${host}`);
    t.equal((await look(ends(client)))?.uid, ownUid, `server behind ${host}`);
  }
});

t.test('a client that has closed proves nothing', { skip: needsLsof }, async (t) => {
  for (const parting of ['socket.end()', 'socket.destroy()']) {
    const { remote, server } = await connectFromProcess(t, await listen(t));
    t.ok(await look(ends(server)), 'proven while open');
    const ended = once(server.resume(), 'end');
    remote.tell(parting);
    await ended;
    t.equal(await look(ends(server)), undefined, parting);
  }
});

t.test('the listing as text', async (t) => {
  const connection = '127.0.0.1:50418->127.0.0.1:8363';
  t.same(
    [...parseListing(`p12\ncCode\\x20Helper\nu501\nf21\nn${connection}\nf22\nn[::1]:1->[::1]:2\n`)],
    [
      [connection, [{ pid: 12, program: 'Code\\x20Helper', uid: 501 }]],
      ['[::1]:1->[::1]:2', [{ pid: 12, program: 'Code\\x20Helper', uid: 501 }]],
    ],
  );
  t.same(
    [...parseListing(`p12\ncnode\nu501\nf21\nn[::ffff:127.0.0.1]:50418->[::ffff:127.0.0.1]:8363\n`).keys()],
    [connection],
  );
  t.equal(
    parseListing(`p12\nu501\nf21\nn${connection}\np13\ncnode\nf21\nn${connection}\n`).size,
    0,
    'incomplete',
  );
  t.equal(parseListing(`p12\ncnode\nux\nf21\nn${connection}\n`).size, 0, 'no number');
  t.equal(parseListing('').size, 0);
});
