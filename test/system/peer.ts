import { once } from 'node:events';
import t from 'tap';
import { systemClock } from '../../src/system/clock.js';
import { createPeerLookup } from '../../src/system/peer.js';
import type { Peer } from '../../src/system/peer-types.js';
import { connectFromProcess, connectHere, listen, needsRoot, otherUid, ownUid } from '../support/loopback.js';

const peer: Peer = { uid: 7, process: async () => undefined };
const ends = { localAddress: '127.0.0.1', localPort: 1, remoteAddress: '127.0.0.1', remotePort: 2 };
const instantClock = (paused: (ms: number) => void) => ({
  ...systemClock,
  after(ms: number, callback: () => void) {
    paused(ms);
    setImmediate(callback);
    return () => {};
  },
});

t.test('this platform knows who is at the other end', async (t) => {
  const lookup = createPeerLookup(systemClock);
  const { client, server } = await connectHere(t, await listen(t));
  t.equal((await lookup(server))?.uid, ownUid);
  t.equal((await lookup(client))?.uid, ownUid);
  t.equal((await (await lookup(server))?.process())?.pid, process.pid);
});

t.test('another user is told from ourselves', { skip: needsRoot }, async (t) => {
  const { server } = await connectFromProcess(t, await listen(t), { uid: otherUid });
  t.equal((await createPeerLookup(systemClock)(server))?.uid, otherUid);
});

t.test('an end that is not there yet is looked for again', async (t) => {
  const answers = [undefined, undefined, peer];
  const pauses: number[] = [];
  const lookup = createPeerLookup(
    instantClock((ms) => pauses.push(ms)),
    async () => answers.shift(),
  );
  t.equal(await lookup(ends), peer);
  t.same(pauses, [1, 2]);
});

t.test('the search gives up when patience is spent', async (t) => {
  let spent = 0;
  const clock = instantClock((ms) => {
    spent += ms;
  });
  const lookup = createPeerLookup(clock, async () => undefined);
  t.equal(await lookup(ends, 1000), undefined);
  t.ok(spent >= 1000 && spent < 1100, `${spent} ms`);
});

t.test('a failing look is no proof, and is not repeated', async (t) => {
  let looks = 0;
  const lookup = createPeerLookup(systemClock, async () => {
    looks++;
    throw new Error('lsof is missing');
  });
  t.equal(await lookup(ends), undefined);
  t.equal(looks, 1);
});

t.test('a socket without addresses is not looked for', async (t) => {
  const { server } = await connectHere(t, await listen(t));
  server.destroy();
  await once(server, 'close');
  const lookup = createPeerLookup(systemClock, async () => peer);
  t.equal(await lookup(server), undefined);
});

t.test('a socket that is destroyed while we look keeps its addresses for us', async (t) => {
  const { server } = await connectHere(t, await listen(t));
  const asked: unknown[] = [];
  const lookup = createPeerLookup(
    instantClock(() => server.destroy()),
    async (connection) => (asked.push(connection) === 2 ? peer : undefined),
  );
  t.equal(await lookup(server), peer);
  t.same(asked[1], asked[0]);
});
