import { statSync } from 'node:fs';
import t from 'tap';
import { bearer, leaseToken, ready } from '../support/lease-commands.js';
import { ask, RawConnection, requestText } from '../support/raw-http.js';

t.test('the trail: who took what, over a restart, and as it happens', async (t) => {
  const own = await ready(t);
  const daemon = await own.serve();
  const token = await leaseToken(own, ['app']);
  // Who has gone before he is looked for is not known.
  const connection = new RawConnection(daemon.port);
  t.teardown(() => connection.close());
  const request = { target: '/creds/app', headers: [...bearer(token), 'User-Agent: a-test/1'] };
  t.match(await connection.send(requestText(daemon.port, request)).answer(), { status: 200 });
  const another = requestText(daemon.port, { target: '/creds/keys', headers: bearer(token) });
  t.match(await connection.send(another).answer(), { status: 401 });
  const entries = async (...args: string[]) =>
    (await own.credd(['audit', '--json', ...args])).stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  const [lease] = JSON.parse((await own.credd(['leases', '--json'])).stdout);
  const uid = process.getuid?.();
  t.match(await entries(), [
    { profile: 'app', agent: 'credd', uid, outcome: '200' },
    { profile: 'app', agent: 'a-test/1', uid, lease: lease.id, outcome: '200', pid: process.pid },
    { profile: 'keys', uid, outcome: 'Unauthorized', pid: process.pid },
  ]);
  t.match(await entries('--profile', 'keys'), [{ profile: 'keys' }]);
  t.match(
    (await own.credd(['audit'])).stdout,
    /^TIME .*\n.*vended.*\n.*app .*vended .*a-test\/1\n.*keys .*Unauthorized/,
  );
  t.match((await own.credd(['status'])).stdout, new RegExp(`^app .*\\(${process.pid}\\)`, 'm'));

  const following = own.start(['audit', '--follow', '--profile', 'app']);
  await following.prints(/a-test\/1/);
  await ask(daemon.port, { target: '/creds/app', headers: ['Origin: http://evil.test', 'User-Agent: page'] });
  await following.prints(/FromAPage .*page/);
  await daemon.stop();
  t.equal(statSync(own.state('audit.jsonl')).mode & 0o777, 0o600);
  t.equal((await entries()).length, 4, 'without a daemon too');
});
