import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import fastify from 'fastify';
import t, { type Test } from 'tap';
import { closeGently } from '../../src/http/drain.js';
import { drivenClock } from '../support/driven-clock.js';

async function serve(t: Test) {
  const app = fastify({ keepAliveTimeout: 75_000, forceCloseConnections: 'idle', return503OnClosing: false });
  const clock = drivenClock();
  const seen = { answeredAll: 0, cut: 0 };
  const waiting: (() => void)[] = [];
  closeGently(app, clock, {
    answerAll() {
      seen.answeredAll++;
      for (const end of waiting) end();
    },
    cut: (count) => {
      seen.cut += count;
    },
  });
  app.get('/', async () => 'here');
  app.get('/slow', () => new Promise((done) => waiting.push(() => done('at last'))));
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = app.server.address() as AddressInfo;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const ask = async (path: string) => {
    const [answer] = (await once(get({ host: '127.0.0.1', port, path, agent }), 'response')) as [
      IncomingMessage,
    ];
    return { body: await text(answer), connection: answer.headers.connection };
  };
  const slow = async () => {
    const answer = ask('/slow');
    while (waiting.length === 0) await new Promise((done) => setImmediate(done));
    return answer;
  };
  return { app, clock, seen, waiting, ask, slow, port };
}

const turns = async (count = 20) => {
  for (let turn = 0; turn < count; turn++) await new Promise((done) => setImmediate(done));
};

t.test('a kept-alive client is told before its connection ends', async (t) => {
  const { app, clock, ask, seen } = await serve(t);
  t.match(await ask('/'), { body: 'here', connection: 'keep-alive' });
  const closed = app.close();
  await turns();
  t.match(await ask('/'), { body: 'here', connection: 'close' });
  clock.advance(250);
  await closed;
  t.strictSame(seen, { answeredAll: 0, cut: 0 });
});

t.test('a client that does not come back holds up nothing', async (t) => {
  const { app, clock, ask } = await serve(t);
  await ask('/');
  const closed = app.close();
  await turns();
  clock.advance(250);
  await closed;
  t.pass('closed');
});

t.test('an answer under way is finished, and its connection then ends', async (t) => {
  const { app, clock, slow, waiting, seen } = await serve(t);
  const answer = slow();
  await turns();
  const closed = app.close();
  await turns();
  clock.advance(250);
  await turns();
  waiting[0]?.();
  t.match(await answer, { body: 'at last', connection: 'close' }, 'and its client told not to use it again');
  await turns();
  clock.advance(50);
  await closed;
  t.strictSame(seen, { answeredAll: 0, cut: 0 });
});

t.test('who waits too long gets what there is', async (t) => {
  const { app, clock, slow, seen } = await serve(t);
  const answer = slow();
  await turns();
  const closed = app.close();
  await turns();
  clock.advance(1200);
  t.match(await answer, { body: 'at last' });
  clock.advance(300);
  await turns();
  clock.advance(50);
  await closed;
  t.strictSame(seen, { answeredAll: 1, cut: 0 });
});

t.test('a connection on which nothing is asked is cut in the end', async (t) => {
  const { app, clock, port, seen } = await serve(t);
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  await turns();
  const closed = app.close();
  await turns();
  clock.advance(1599);
  await turns();
  t.equal(seen.cut, 0);
  clock.advance(1);
  await Promise.all([once(socket.resume(), 'close'), closed]);
  t.equal(seen.cut, 1);
});
