import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';
import type { Machine } from '../support/cli.js';
import { bearer, ready } from '../support/lease-commands.js';
import { ask } from '../support/raw-http.js';

/** An exec that goes on until its stdin ends, and the variable that its command has. */
async function execHolding(own: Machine, variable: string) {
  const running = own.start(['exec', 'app', '--', 'sh', '-c', `echo "has $${variable}"; cat`]);
  const [, value = ''] = await running.prints(/has (\S+)/);
  return { running, value };
}

t.test('a lease of exec ends with the command, and with a holder that was killed', async (t) => {
  const own = await ready(t);
  const daemon = await own.serve();
  const { running, value: token } = await execHolding(own, 'AWS_CONTAINER_AUTHORIZATION_TOKEN');
  const fetch = (port: number) => ask(port, { target: '/creds/app', headers: bearer(token) });
  t.match((await own.credd(['leases'])).stdout, new RegExp(`app +process ${running.pid} +with its holder`));
  t.match(await fetch(daemon.port), { status: 200 });
  t.equal((await daemon.stop()).code, 0);

  const second = await own.serve();
  t.match(await fetch(second.port), { status: 200 }, 'a restart does not cut off a running program');
  await second.stop();
  running.process.kill('SIGKILL');
  await running.ended;
  const third = await own.serve();
  t.match(await fetch(third.port), { status: 401 });
  t.match(JSON.parse(readFileSync(own.state('leases'), 'utf8')), { leases: [] });
});

t.test('exec cleans up after itself where the daemon has gone', async (t) => {
  const own = await ready(t);
  const daemon = await own.serve();
  const { running, value: file } = await execHolding(own, 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE');
  await daemon.stop();
  t.ok(existsSync(file));
  running.process.stdin?.end();
  t.equal((await running.ended).code, 0);
  t.notOk(existsSync(file));
});
