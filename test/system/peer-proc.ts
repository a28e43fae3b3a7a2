import { type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Readable } from 'node:stream';
import t from 'tap';
import { createProcLook } from '../../src/system/peer-proc.js';
import {
  connectFromProcess,
  connectHere,
  listen,
  needsLinux,
  needsNamespaces,
  ownUid,
  stoppedListener,
} from '../support/loopback.js';
import { ends, tryPeers } from '../support/peer-cases.js';

const look = createProcLook();

tryPeers(look, needsLinux);

t.test('a client in this process', { skip: needsLinux }, async (t) => {
  const { client, server } = await connectHere(t, await listen(t));
  const peer = await look(ends(server));
  t.equal(peer?.uid, ownUid);
  t.match(await peer?.process(), { pid: process.pid, program: 'node', ownNamespace: true });
  t.equal((await look(ends(client)))?.uid, ownUid, 'the server, seen from the client');
});

t.test('a client in another process of the same user', { skip: needsLinux }, async (t) => {
  const { remote, server } = await connectFromProcess(t, await listen(t));
  const peer = await look(ends(server));
  t.equal(peer?.uid, ownUid);
  t.match(await peer?.process(), { pid: remote.process.pid, ownNamespace: true });
});

t.test('an IPv4 listener with a client on an IPv6 socket', { skip: needsLinux }, async (t) => {
  const { server } = await connectHere(t, await listen(t), '::ffff:127.0.0.1');
  t.equal(server.remoteAddress, '127.0.0.1');
  t.equal((await look(ends(server)))?.uid, ownUid);
});

t.test('a connection that nobody has accepted yet proves nothing', { skip: needsLinux }, async (t) => {
  const { client, server } = await connectHere(t, await listen(t));
  const { port } = await stoppedListener(t);
  const waiting = connect(port, '127.0.0.1');
  t.teardown(() => waiting.destroy());
  await once(waiting, 'connect');
  t.equal(await look(ends(waiting)), undefined);
  t.ok(await look(ends(client)));
  t.ok(await look(ends(server)));
});

t.test('other connections are not mixed up with this one', { skip: needsLinux }, async (t) => {
  const { server } = await connectHere(t, await listen(t));
  const { localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 } = server;
  const connection = { localAddress, localPort, remoteAddress, remotePort };
  t.ok(await look(connection));
  t.equal(await look({ ...connection, remoteAddress: '127.0.0.2' }), undefined);
  t.equal(await look({ ...connection, localAddress: '127.0.0.2' }), undefined);
  t.equal(await look({ ...connection, localAddress: '::1', remoteAddress: '::1' }), undefined);
  t.equal(await look({ ...connection, localPort: remotePort }), undefined);
  t.equal(await look({ ...connection, remoteAddress: 'fe80::1%lo' }), undefined);
});

t.test('rows that are no proof', async (t) => {
  const folder = t.testdir({ tcp: '' });
  const look = createProcLook(folder);
  const local = { localAddress: '127.0.0.1', localPort: 8363, remoteAddress: '127.0.0.1', remotePort: 40000 };
  const address = Buffer.from(new Uint32Array(new Uint8Array([127, 0, 0, 1]).buffer).buffer).readUInt32LE();
  const host = address.toString(16).toUpperCase().padStart(8, '0');
  const row = (state: string, uid: string, inode: string, end = '\n') =>
    `  sl  header\n   0: ${host}:9C40 ${host}:20AB ${state} 00000000:00000000 00:00000000 00000000 ${uid.padStart(5)}        0 ${inode} 2 0000 20 0 0 10 -1${end}`;
  const uidOf = async (table: string) => {
    await writeFile(`${folder}/tcp`, table);
    return (await look(local))?.uid;
  };
  t.equal(await uidOf(row('01', '1000', '777')), 1000);
  t.equal(await uidOf(row('01', '0', '777')), 0);
  t.equal(await uidOf(row('01', '0', '0')), undefined, 'no inode');
  t.equal(await uidOf(row('04', '1000', '777')), undefined, 'not established');
  t.equal(await uidOf(row('01', '65534', '777')), undefined, 'a user of another namespace');
  t.equal(await uidOf(row('01', '-1', '777')), undefined);
  t.equal(await uidOf(row('01', '1000', 'x')), undefined);
  t.equal(await uidOf(row('01', '1000', '777', '')), undefined, 'torn');
  t.equal(await uidOf(row('01', '1000', '777').slice(0, 60)), undefined, 'torn');
  t.equal(await uidOf(''), undefined);
  t.equal(await createProcLook(`${folder}/missing`)(local), undefined, 'unreadable');
});

t.test('a process in a user namespace of its own', { skip: needsLinux || needsNamespaces }, async (t) => {
  for (const through of [
    ['unshare', '-U'],
    ['unshare', '-Ur'],
  ]) {
    const { remote, server } = await connectFromProcess(t, await listen(t), { through });
    const peer = await look(ends(server));
    t.equal(peer?.uid, ownUid, 'has our uid');
    t.match(await peer?.process(), { pid: remote.process.pid, ownNamespace: false }, through.join(' '));
  }
});

t.test(
  'one holder in another user namespace is enough to spoil it',
  { skip: needsLinux || needsNamespaces },
  async (t) => {
    const { client, server } = await connectHere(t, await listen(t));
    const peer = await look(ends(server));
    t.match(await peer?.process(), { ownNamespace: true });

    const stdio: StdioOptions = ['pipe', 'pipe', 'inherit', client];
    const sandbox = spawn('unshare', ['-U', 'sh', '-c', 'echo ready; cat'], { stdio });
    t.teardown(() => sandbox.kill('SIGKILL'));
    await once(sandbox.stdout as Readable, 'data');
    t.match(await peer?.process(), { ownNamespace: false });
  },
);

t.test('a socket that no process is seen to hold', { skip: needsLinux }, async (t) => {
  const { client, server } = await connectHere(t, await listen(t));
  const peer = await look(ends(server));
  client.destroy();
  await once(client, 'close');
  t.equal(await peer?.process(), undefined);
});

t.test('many clients at once', { skip: needsLinux }, async (t) => {
  const listener = await listen(t);
  const pairs = [];
  for (let i = 0; i < 50; i++) pairs.push(await connectHere(t, listener));
  const peers = await Promise.all(pairs.map(({ server }) => look(ends(server))));
  const processes = await Promise.all(peers.map((peer) => peer?.process()));
  t.same(
    processes.map((holder) => holder?.pid),
    pairs.map(() => process.pid),
  );
});
