import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import t, { type Test } from 'tap';
import { systemClock } from '../../src/system/clock.js';
import { OwnedListenerAgent, ownsListener } from '../../src/system/listener-owner.js';
import { createPeerLookup } from '../../src/system/peer.js';
import {
  connectHere,
  listen,
  needsLinux,
  needsRoot,
  otherUid,
  ownUid,
  stoppedListener,
} from '../support/loopback.js';

const lookup = createPeerLookup(systemClock);
const ours = { uid: ownUid, lookup };

function agentFor(t: Test, listener = ours) {
  const agent = new OwnedListenerAgent(listener);
  t.teardown(() => agent.destroy());
  return agent;
}

async function ask(agent: OwnedListenerAgent, port: number, path = '/'): Promise<string> {
  const [response] = (await once(get({ host: '127.0.0.1', port, path, agent }), 'response')) as [
    IncomingMessage,
  ];
  return text(response);
}

async function serve(t: Test) {
  const seen = { connections: 0, requests: 0, bytes: 0 };
  const server = createServer((request, response) => {
    seen.requests++;
    response.end(request.url);
  });
  server.on('connection', (socket) => {
    seen.connections++;
    socket.on('close', () => {
      seen.bytes += socket.bytesRead;
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  t.teardown(() => server.close().closeAllConnections());
  return { server, seen, port: (server.address() as AddressInfo).port };
}

t.test('our own listener', async (t) => {
  const { client } = await connectHere(t, await listen(t));
  t.equal(await ownsListener(client, ours), true);
  t.equal(await ownsListener(client, { uid: otherUid, lookup }), false, 'root counts for root alone');
});

t.test('requests go over one proven connection', async (t) => {
  const { port, seen } = await serve(t);
  const agent = agentFor(t);
  t.equal(await ask(agent, port, '/one'), '/one');
  t.equal(await ask(agent, port, '/two'), '/two');
  t.same([seen.connections, seen.requests], [1, 2]);
});

t.test('a listener that is not ours gets no byte', async (t) => {
  const { server, port, seen } = await serve(t);
  const closed = once(server, 'connection').then(([socket]) => once(socket, 'close'));
  await t.rejects(ask(agentFor(t, { uid: otherUid, lookup }), port), { code: 'EOWNER' });
  await closed;
  t.same(seen, { connections: 1, requests: 0, bytes: 0 });
});

t.test('a listener of another user', { skip: needsRoot }, async (t) => {
  const { port, goOn } = await stoppedListener(t, { uid: otherUid });
  goOn();
  await t.rejects(ask(agentFor(t), port), { code: 'EOWNER' });
});

t.test('a listener that takes its time to accept', { skip: needsLinux }, async (t) => {
  const { port, goOn } = await stoppedListener(t);
  let pauses = 0;
  const clock = {
    ...systemClock,
    after(ms: number, callback: () => void) {
      if (++pauses === 1) goOn();
      return systemClock.after(ms, callback);
    },
  };
  t.equal(await ask(agentFor(t, { uid: ownUid, lookup: createPeerLookup(clock) }), port, '/late'), '/late');
  t.ok(pauses > 0);
});

t.test('a listener that never accepts', { skip: needsLinux }, async (t) => {
  const { port } = await stoppedListener(t);
  await t.rejects(ask(agentFor(t), port), { code: 'EOWNER' });
  const socket = connect(port, '127.0.0.1');
  t.teardown(() => socket.destroy());
  await once(socket, 'connect');
  t.equal(await ownsListener(socket, ours), false);
});

t.test('nobody listens', async (t) => {
  const { server, port } = await serve(t);
  await new Promise((closed) => server.close(closed));
  await t.rejects(ask(agentFor(t), port), { code: 'ECONNREFUSED' });
});

t.test('a listener that resets the connection while we look', async (t) => {
  const { server, port } = await serve(t);
  const slow: typeof lookup = async (ends) => {
    const peer = await lookup(ends);
    await once(ends as ReturnType<typeof connect>, 'close');
    return peer;
  };
  server.on('connection', (socket) => socket.resetAndDestroy());
  await t.rejects(ask(agentFor(t, { uid: ownUid, lookup: slow }), port), { code: 'ECONNRESET' });
});
