import { once } from 'node:events';
import t from 'tap';
import { createSameUser } from '../../src/access/same-user.js';
import { systemClock } from '../../src/system/clock.js';
import { createPeerLookup, type PeerLookup } from '../../src/system/peer.js';
import {
  connectFromProcess,
  connectHere,
  listen,
  needsLinux,
  needsNamespaces,
  needsRoot,
  otherUid,
  ownUid,
} from '../support/loopback.js';

const lookup = createPeerLookup(systemClock);
const sameUser = createSameUser({ uid: ownUid, lookup });

t.test('a process of the same user', async (t) => {
  const { server } = await connectFromProcess(t, await listen(t));
  t.equal(await sameUser.isOwner(server), true);
  t.equal(await sameUser.isSameUser(server), true);
});

t.test('a process of another user', { skip: needsRoot }, async (t) => {
  const { server } = await connectFromProcess(t, await listen(t), { uid: otherUid });
  t.equal(await sameUser.isOwner(server), false);
  t.equal(await sameUser.isSameUser(server), false);
});

t.test('root, asking another user', { skip: needsRoot }, async (t) => {
  const theirs = createSameUser({ uid: otherUid, lookup });
  const { server } = await connectFromProcess(t, await listen(t));
  t.equal(await theirs.isOwner(server), true);
  t.equal(await theirs.isSameUser(server), false);
});

t.test(
  'a sandbox with our uid may use a token, but not go without',
  { skip: needsLinux || needsNamespaces },
  async (t) => {
    const { server } = await connectFromProcess(t, await listen(t), { through: ['unshare', '-Ur'] });
    t.equal(await sameUser.isOwner(server), true);
    t.equal(await sameUser.isSameUser(server), false);
  },
);

t.test('a client that has closed is nobody, and so not root', async (t) => {
  for (const uid of [ownUid, otherUid]) {
    const { remote, server } = await connectFromProcess(t, await listen(t));
    const ended = once(server.resume(), 'end');
    remote.tell('socket.destroy()');
    await ended;
    const policy = createSameUser({ uid, lookup });
    t.equal(await policy.isOwner(server), false);
    t.equal(await policy.isSameUser(server), false);
  }
});

t.test('a connection is looked up once, and then the answer is at hand', async (t) => {
  const { server } = await connectHere(t, await listen(t));
  let lookups = 0;
  let searches = 0;
  const counting: PeerLookup = async () => {
    lookups++;
    return {
      uid: ownUid,
      process: async () => {
        searches++;
        return { pid: 1, program: 'curl', ownNamespace: true };
      },
    };
  };
  const { watch, isOwner, isSameUser } = createSameUser({ uid: ownUid, lookup: counting });
  watch(server);
  t.type(isOwner(server), Promise);
  t.same(await Promise.all([isOwner(server), isOwner(server)]), [true, true]);
  t.equal(isOwner(server), true);
  t.equal(searches, 0, 'no search for the process before somebody needs it');
  t.same(await Promise.all([isSameUser(server), isSameUser(server)]), [true, true]);
  t.equal(isSameUser(server), true);
  t.same([lookups, searches], [1, 1]);
});

t.test('a lookup that fails is remembered as no', async (t) => {
  const { server } = await connectHere(t, await listen(t));
  let lookups = 0;
  const { watch, isOwner, isSameUser } = createSameUser({
    uid: ownUid,
    async lookup() {
      lookups++;
      throw new Error('broken');
    },
  });
  watch(server);
  t.equal(await isOwner(server), false);
  t.equal(isOwner(server), false);
  t.equal(await isSameUser(server), false);
  t.equal(lookups, 1);
});

t.test('a search for the process that fails or finds nothing is a no', async (t) => {
  for (const process of [async () => undefined, async () => Promise.reject(new Error('broken'))]) {
    const { server } = await connectHere(t, await listen(t));
    const policy = createSameUser({ uid: ownUid, lookup: async () => ({ uid: ownUid, process }) });
    t.equal(await policy.isSameUser(server), false);
    t.equal(policy.isSameUser(server), false);
    t.equal(await policy.isOwner(server), true);
  }
});
