import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { machine } from '../support/cli.js';
import { freePort, missing as skip, throughSocket } from '../support/passed-socket.js';
import { ask } from '../support/raw-http.js';
import { notMountable, smallDisk } from '../support/small-disk.js';

/** A daemon behind a socket that was opened for it, with a broken config.ini. */
async function held(t: Test, address?: string) {
  const here = machine(t, { config: '[profile private-name]\n' });
  const file = here.path('.config', 'credd', 'config.ini');
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, 'stoer = auto\n');
  const port = freePort();
  const daemon = here.start(['serve', '--store', 'memory'], {
    through: throughSocket(port, here.env, address),
  });
  await daemon.prints(/Listening on/);
  return { ...daemon, port, file };
}

t.test('whoever asks hears that credd cannot serve, and nothing of anybody', { skip }, async (t) => {
  const { port, process, prints, ended } = await held(t);
  const long = 'x'.repeat(1_000_000);
  const answers = [
    await ask(port),
    await ask(port, { target: '/healthz', host: 'elsewhere.example' }),
    await ask(port, { target: '/creds/%zz' }),
    await ask(port, {
      target: '/api/status',
      headers: ['Origin: http://elsewhere.example', 'Authorization: x'],
    }),
    await ask(port, { method: 'OPTIONS', headers: ['Access-Control-Request-Method: GET'] }),
    await ask(port, {
      method: 'POST',
      headers: ['Content-Type: application/json', 'Content-Length: 1'],
      body: '{',
    }),
    await ask(port, { method: 'POST', headers: [`Content-Length: ${long.length}`], body: long }),
  ];
  const [first] = answers;
  const message =
    'credd cannot serve: its settings or its state folder need repair. Type: credd service status';
  t.strictSame(JSON.parse(first?.body ?? ''), {
    code: 'CannotServe',
    message,
    Code: 'CannotServe',
    Message: message,
  });
  for (const answer of answers) {
    t.match(answer, { status: 503, body: first?.body });
    t.match(answer?.headers, { 'content-type': /^application\/json$/, 'retry-after': /^\d+$/ });
    t.notOk(Object.keys(answer?.headers ?? {}).some((name) => name.startsWith('access-control')));
  }
  await prints(/cannot serve: .*stoer.*line 1/);
  process.kill('SIGTERM');
  t.equal((await ended).code, 0);
});

t.test('a full disk does not stop a service', { skip: skip || notMountable }, async (t) => {
  const disk = smallDisk(t);
  const { start, env } = machine(t, { config: '[profile p]\n', env: { XDG_STATE_HOME: disk } });
  const port = freePort();
  const serve = async () => {
    const daemon = start(['serve', '--store', 'memory'], { through: throughSocket(port, env) });
    await daemon.prints(/Listening on/);
    t.match(await ask(port, { target: '/healthz' }), { status: 200 });
    daemon.process.kill('SIGTERM');
    t.equal((await daemon.ended).code, 0);
  };
  await serve();
  t.throws(() => writeFileSync(join(disk, 'full'), Buffer.alloc(100_000)), { code: 'ENOSPC' });
  await serve();
});

t.test('what was repaired lets the service manager start it again', { skip }, async (t) => {
  const { port, file, ended } = await held(t);
  t.match(await ask(port), { status: 503 });
  writeFileSync(file, 'store = auto\n');
  t.match(await ended, { code: 1, stderr: /what was wrong has been repaired: credd starts again/ });
});

t.test('what else is wrong is said once the first is repaired', { skip }, async (t) => {
  const { port, file, prints, process, ended } = await held(t);
  t.match(await ask(port), { status: 503 });
  await prints(/cannot serve: .*stoer/);
  writeFileSync(file, 'port = many\n');
  await prints(/cannot serve: .*many.*is not a port/);
  process.kill('SIGTERM');
  t.equal((await ended).code, 0);
});

t.test('a socket that the network can reach is refused, broken settings or not', { skip }, async (t) => {
  const { port, ended } = await held(t, '0.0.0.0');
  await ask(port).catch(() => {});
  t.match(await ended, { code: 1, stderr: /does not listen on 127\.0\.0\.1/ });
});
