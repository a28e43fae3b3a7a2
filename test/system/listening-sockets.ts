import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import t from 'tap';
import { passedSockets, withoutServiceVariables } from '../../src/system/listening-sockets.js';
import { machine } from '../support/cli.js';
import { freePort, missing as skip, throughSocket } from '../support/passed-socket.js';

t.test('sockets that are meant for us', async (t) => {
  const env = { LISTEN_PID: '7', LISTEN_FDS: '3', LISTEN_FDNAMES: 'credd::other' };
  t.strictSame(passedSockets(env, 7), [
    { fd: 3, name: 'credd' },
    { fd: 4, name: 'unknown' },
    { fd: 5, name: 'other' },
  ]);
  t.strictSame(passedSockets({ LISTEN_PID: '7', LISTEN_FDS: '1' }, 7), [{ fd: 3, name: 'unknown' }]);
  t.strictSame(passedSockets(env, 8), [], 'those of a parent are not');
  for (const LISTEN_FDS of [undefined, '', '-1', 'x', '1e9']) {
    t.strictSame(passedSockets({ LISTEN_PID: '7', LISTEN_FDS }, 7), []);
  }
});

t.test('what was said to us alone is not passed on', async (t) => {
  const env = {
    LISTEN_PID: '7',
    LISTEN_FDS: '1',
    LISTEN_FDNAMES: 'a',
    NOTIFY_SOCKET: '/x',
    WATCHDOG_USEC: '1',
    WATCHDOG_PID: '7',
  };
  t.strictSame(withoutServiceVariables({ ...env, PATH: '/bin' }), { PATH: '/bin' });
});

t.test('a daemon on a socket that was opened for it', { skip }, async (t) => {
  const here = machine(t, {
    config: '[profile p]\ncredential_process = sh -c "env > seen; ls -l /proc/self/fd >> seen; exit 1"\n',
  });
  const port = freePort();
  const daemon = here.start(['serve', '--store', 'memory'], {
    through: throughSocket(port, here.env),
  });
  await daemon.prints(/Listening on/);
  t.match(await body(port, '/healthz'), { status: 'ok' }, 'the first request starts it');
  await body(port, '/creds/p');
  const seen = readFileSync(here.path('seen'), 'utf8');
  t.notMatch(seen, /LISTEN_/, 'a program of a profile is told nothing of the socket');
  t.notMatch(seen, /\b3 -> socket/, 'and does not hold it');
  daemon.process.kill('SIGTERM');
  t.equal((await daemon.ended).code, 0);
  const endpoint = join(here.home, '.local/state/credd/endpoint');
  t.equal(readFileSync(endpoint, 'utf8'), `http://127.0.0.1:${port}\n`, 'commands go on finding the socket');
});

async function body(port: number, path: string): Promise<unknown> {
  const [answer] = (await once(get({ host: '127.0.0.1', port, path, agent: false }), 'response')) as [
    IncomingMessage,
  ];
  return JSON.parse(await text(answer));
}
