import { once } from 'node:events';
import {
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { CLI, machine, run } from '../support/cli.js';
import { needsLinux } from '../support/loopback.js';
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
  const message = 'credd cannot serve until something is put right. To see what, type: credd service status';
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
  const { port, file, prints, process, ended } = await held(t, '0.0.0.0');
  t.equal(await ask(port), undefined, 'who comes there hears nothing');
  await prints(/cannot serve: .*stoer/);
  writeFileSync(file, '');
  await prints(/cannot serve: .*does not listen on 127\.0\.0\.1/);
  t.equal(await ask(port), undefined);
  process.kill('SIGTERM');
  t.equal((await ended).code, 0);
});

t.test('what stands in the way of the start is said, until it is gone', { skip }, async (t) => {
  for (const name of ['token', 'endpoint', 'leases', 'lock']) {
    const { start, env, path } = machine(t, { config: '' });
    const folder = path('.local', 'state', 'credd', name);
    mkdirSync(folder, { recursive: true });
    const port = freePort();
    const daemon = start(['serve', '--store', 'memory'], { through: throughSocket(port, env) });
    await daemon.prints(/Listening on/);
    t.match(await ask(port, { target: '/healthz' }), { status: 503 }, name);
    await daemon.prints(new RegExp(`cannot serve: .*/${name} is a folder, and a file belongs there`));
    rmSync(folder, { recursive: true });
    t.match(await daemon.ended, { code: 1, stderr: /credd starts again/ }, name);
  }
});

t.test(
  'what only a start finds out is looked at again on "reload"',
  { skip: skip || needsLinux },
  async (t) => {
    const here = machine(t, { config: '' });
    const leases = here.path('.local', 'state', 'credd', 'leases');
    mkdirSync(dirname(leases), { recursive: true });
    // A file that cannot be read, not even by root.
    symlinkSync('/proc/self/mem', leases);
    const port = freePort();
    const env = { ...here.env, NOTIFY_SOCKET: here.path('nobody') };
    const daemon = here.start(['serve', '--store', 'memory'], { through: throughSocket(port, env), env });
    await daemon.prints(/Listening on/);
    t.match(await ask(port, { target: '/healthz' }), { status: 503 });
    await daemon.prints(/cannot serve: cannot read .*leases/);
    rmSync(leases);
    daemon.process.kill('SIGHUP');
    t.match(await daemon.ended, { code: 1, stderr: /credd starts again/ });
  },
);

t.test('another daemon of the same state folder is let go on, and followed', { skip }, async (t) => {
  const here = machine(t, { config: '' });
  const byHand = await here.serve();
  const port = freePort();
  const daemon = here.start(['serve', '--store', 'memory'], { through: throughSocket(port, here.env) });
  await daemon.prints(/Listening on/);
  t.match(await ask(port, { target: '/healthz' }), { status: 503 });
  await daemon.prints(new RegExp(`runs already, process ${byHand.pid}, at ${byHand.url}`));
  t.match((await here.credd(['status'])).stdout, byHand.url);
  await byHand.stop();
  t.match(await daemon.ended, { code: 1, stderr: /credd starts again/ });
});

t.test('"reload" looks at the settings again, and ends nothing', { skip }, async (t) => {
  const here = machine(t, { config: '' });
  const file = here.path('.config', 'credd', 'config.ini');
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, 'stoer = auto\n');
  const port = freePort();
  const env = { ...here.env, NOTIFY_SOCKET: here.path('nobody') };
  const daemon = here.start(['serve', '--store', 'memory'], { through: throughSocket(port, env), env });
  await daemon.prints(/Listening on/);
  t.match(await ask(port), { status: 503 });
  writeFileSync(`${file}.new`, 'port = many\n');
  renameSync(`${file}.new`, file);
  daemon.process.kill('SIGHUP');
  await daemon.prints(/cannot serve: .*many.*is not a port/);
  daemon.process.kill('SIGTERM');
  t.equal((await daemon.ended).code, 0);
});

t.test(
  'of several sockets the one of our name serves, and nobody waits at the others',
  { skip },
  async (t) => {
    const here = machine(t, { config: '' });
    const [port, other] = [freePort(), freePort()];
    const through = (...names: string[]) => [
      ...throughSocket(other, here.env),
      ...['-l', `127.0.0.1:${port}`, `--fdname=${names.join(':')}`],
    ];
    const daemon = here.start(['serve', '--store', 'memory'], { through: through('other', 'credd') });
    await daemon.prints(/Listening on .*\n.*Listening on/);
    t.match(await ask(port, { target: '/healthz' }), { status: 200 });
    t.equal(await ask(other, { target: '/healthz' }), undefined, 'it is closed at once');
    await daemon.prints(/was handed 2 sockets/);
    daemon.process.kill('SIGTERM');
    t.equal((await daemon.ended).code, 0);

    const lost = here.start(['serve', '--store', 'memory'], { through: through('one', 'other') });
    await lost.prints(/Listening on .*\n.*Listening on/);
    t.match(await ask(port, { target: '/healthz' }), { status: 503 });
    t.match(await ask(other, { target: '/healthz' }), { status: 503 });
    await lost.prints(/cannot serve: .*none is named credd.*FileDescriptorName=credd/);
    lost.process.kill('SIGTERM');
    t.equal((await lost.ended).code, 0);
  },
);

t.test('a socket of files is refused, and nobody waits there', { skip }, async (t) => {
  const here = machine(t, { config: '' });
  const path = here.path('socket');
  const through = throughSocket(0, here.env).map((word) => (word === '127.0.0.1:0' ? path : word));
  const daemon = here.start(['serve', '--store', 'memory'], { through });
  await daemon.prints(/Listening on/);
  await once(connect(path).resume(), 'close');
  await daemon.prints(/cannot serve: .*does not listen on 127\.0\.0\.1/);
  daemon.process.kill('SIGTERM');
  t.equal((await daemon.ended).code, 0);
});

t.test('a socket that was promised and is not there', async (t) => {
  const { env, home } = machine(t, { config: '' });
  const serve = [process.execPath, CLI, 'serve', '--port', '0', '--store', 'memory'];
  const promised = ['sh', '-c', 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@"', ...serve];
  t.match(await run(t, promised, { env, cwd: home }).ended, {
    code: 1,
    stderr: /^credd: LISTEN_FDS says .* there is none at descriptor 3.*unset LISTEN_FDS\.\n$/,
  });
});

t.test(
  'where only a child can be without core dumps, it has the socket',
  { skip: skip || needsLinux },
  async (t) => {
    const here = machine(t, { config: '' });
    const port = freePort();
    const node = realpathSync(process.execPath);
    const limited = ['/bin/sh', '-c', 'ulimit -S -c unlimited; PATH=/nowhere exec "$0" "$@"'];
    const through = [...throughSocket(port, here.env), ...limited];
    const daemon = run(t, [...through, node, CLI, 'serve', '--store', 'memory'], {
      env: here.env,
      cwd: here.home,
    });
    await daemon.prints(/Listening on/);
    t.match(await ask(port, { target: '/healthz' }), { status: 200 });
    const pid = readFileSync(here.path('.local', 'state', 'credd', 'lock'), 'utf8').trim();
    t.not(Number(pid), daemon.pid);
    daemon.process.kill('SIGTERM');
    t.equal((await daemon.ended).code, 0);
  },
);
