import { spawnSync } from 'node:child_process';
import t from 'tap';
import { createLsofLook, parseListing } from '../../src/system/peer-lsof.js';
import { connectFromProcess, listen, ownUid } from '../support/loopback.js';
import { ends, tryPeers } from '../support/peer-cases.js';

const needsLsof = spawnSync('lsof', ['-v']).error !== undefined && 'apt-get install lsof';
const look = createLsofLook();

tryPeers(look, needsLsof);

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
