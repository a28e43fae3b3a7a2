import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import t from 'tap';
import { ask, CLI, machine, run } from '../support/cli.js';
import { leaseToken } from '../support/lease-commands.js';
import { everySource } from '../support/sources.js';
import { noTerminal, TERMINAL } from '../support/terminal.js';

const NOTHING = /^$/;
const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);

t.test('what it keeps is private, and goes when it stops', async (t) => {
  const { serve, path } = machine(t);
  const state = (...names: string[]) => path('.local', 'state', 'credd', ...names);
  const daemon = await serve();
  t.equal(mode(state()), '700');
  for (const name of ['token', 'endpoint']) t.equal(mode(state(name)), '600', name);
  t.match(readFileSync(state('token'), 'utf8'), /^[\w-]{43}$/, 'no newline');
  t.equal(readFileSync(state('endpoint'), 'utf8'), `${daemon.url}\n`);
  t.match(await ask(`${daemon.url}/healthz`), { status: 200 });
  const stopped = await daemon.stop();
  t.match(stopped, { code: 0, stdout: NOTHING, stderr: /SIGTERM: credd stops/ });
  t.throws(() => statSync(state('endpoint')), { code: 'ENOENT' });
  const token = readFileSync(state('token'), 'utf8');
  const again = await serve();
  t.equal(readFileSync(state('token'), 'utf8'), token);
  again.process.kill('SIGINT');
  t.match(await again.ended, { code: 0 });
});

t.test('a token that others can read is refused, with what to type', async (t) => {
  const { serve, credd, path } = machine(t, { config: '' });
  const token = path('.local', 'state', 'credd', 'token');
  const daemon = await serve();
  chmodSync(token, 0o644);
  const refused = {
    code: 1,
    stdout: NOTHING,
    stderr: new RegExp(`^credd: other users can get at ${token}:.*chmod 600 ${token}\n$`),
  };
  t.match(await credd(['status']), refused);
  await daemon.stop();
  t.match(await credd(['serve', '--port', '0']), refused);
});

t.test('so is each file that holds or leads to secrets', async (t) => {
  const { credd, path } = machine(t, { config: '' });
  mkdirSync(path('.local', 'state', 'credd'), { recursive: true, mode: 0o700 });
  for (const name of ['leases', 'keys.json', 'audit.jsonl']) {
    const file = path('.local', 'state', 'credd', name);
    writeFileSync(file, '');
    chmodSync(file, 0o644);
    t.match(await credd(['serve', '--port', '0']), {
      code: 1,
      stderr: new RegExp(`^credd: other users can get at ${file}:.*chmod 600 ${file}\n$`),
    });
    chmodSync(file, 0o600);
  }
});

t.test('an empty token, as a full disk leaves it, and an endpoint that is none', async (t) => {
  const { serve, credd, path } = machine(t, { config: '' });
  mkdirSync(path('.local', 'state', 'credd'), { recursive: true });
  const token = path('.local', 'state', 'credd', 'token');
  writeFileSync(token, '', { mode: 0o600 });
  writeFileSync(path('.local', 'state', 'credd', 'endpoint'), 'not a url');
  t.match(await credd(['status']), { code: 0, stdout: /^No daemon is running/ });
  await serve();
  t.match(readFileSync(token, 'utf8'), /^[\w-]{43}$/);
  t.match(await credd(['status']), { code: 0, stdout: /^credd runs at/ });
});

t.test('there is one for each state folder: a second one says which, and what to do', async (t) => {
  const { serve, credd, path } = machine(t);
  const { port, pid, stop } = await serve();
  for (const second of [String(port), '0']) {
    t.match(await credd(['serve', '--port', second, '--store', 'memory']), {
      code: 1,
      stdout: NOTHING,
      stderr: new RegExp(
        `^credd: A credd of yours runs already, process ${pid}, at http://127.0.0.1:${port}, .*credd status.* kill ${pid};`,
      ),
    });
  }
  t.match(await credd(['status']), { stdout: new RegExp(`process ${pid}\n`) }, 'which goes on');
  t.equal((await stop()).code, 0);
  const killed = await serve();
  killed.process.kill('SIGKILL');
  await killed.ended;
  const next = await serve();
  t.equal(
    readFileSync(path('.local', 'state', 'credd', 'lock'), 'utf8'),
    `${next.pid}\n`,
    'one that was killed holds nothing up',
  );
});

t.test('one that comes while another ends waits for it, and no lease is lost or comes back', async (t) => {
  const own = machine(t);
  const { aws, daemonEnv } = await everySource(t, own);
  const serve = () => own.serve([], { env: daemonEnv });
  const first = await serve();
  const taken = await leaseToken(own, ['app']);
  const kept = await leaseToken(own, ['app']);
  aws.faults.set('GetSessionToken', { kind: 'hang' });
  const underWay = ask(`${first.url}/creds/keys`);
  while (aws.count('GetSessionToken') === 0) await new Promise(setImmediate);
  first.process.kill('SIGTERM');
  await first.prints(/credd stops/);
  const next = await serve();
  t.match(await ask(`${next.url}/creds/app`, taken), { status: 200 });
  const leases = JSON.parse(readFileSync(own.path('.local', 'state', 'credd', 'leases'), 'utf8')).leases;
  t.equal(leases.length, 2);
  t.match(await own.credd(['revoke', leases[0].id]), { code: 0 });
  await Promise.all([underWay, first.ended, next.stop()]);
  const third = await serve();
  t.match(await ask(`${third.url}/creds/app`, taken), { status: 401 });
  t.match(await ask(`${third.url}/creds/app`, kept), { status: 200 });
});

t.test('the port is taken: by whom, and what to do', async (t) => {
  const { credd } = machine(t);
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  t.teardown(() => other.close());
  const taken = (other.address() as AddressInfo).port;
  t.match(await credd(['serve'], { env: { CREDD_PORT: String(taken) } }), {
    code: 1,
    stderr: new RegExp(`^credd: Port ${taken} is taken by another program\\. .*--port PORT\\.\n$`),
  });
});

t.test('a state folder that cannot be made', async (t) => {
  const { credd, path } = machine(t);
  writeFileSync(path('file'), '');
  for (const folder of [path('file'), '/dev/null/state']) {
    const ended = await credd(['serve', '--port', '0'], { env: { XDG_STATE_HOME: folder } });
    t.match(ended, { code: 1, stdout: NOTHING, stderr: /^credd: cannot create the folder \/.*\n$/ }, folder);
  }
});

t.test('without HOME the home is that of the account', async (t) => {
  const own = machine(t);
  const env = {
    HOME: undefined,
    XDG_STATE_HOME: own.path('state'),
    XDG_CONFIG_HOME: own.path('config'),
    AWS_CONFIG_FILE: own.path('aws-config'),
    AWS_SHARED_CREDENTIALS_FILE: own.path('aws-credentials'),
  };
  writeFileSync(own.path('aws-config'), '[profile a]\ncredential_process = cat\n');
  const daemon = await own.serve([], { env });
  t.match(await own.credd(['list'], { env }), { code: 0, stdout: /^a +process cat/m });
  t.match(await daemon.stop(), { code: 0 });
});

t.test('a store that cannot be had ends it, and says why', async (t) => {
  const { credd } = machine(t);
  t.match(await credd(['serve', '--port', '0', '--store', 'file']), {
    code: 1,
    stderr: /\ncredd: .*passphrase/i,
  });
});

t.test('the programs of profiles end with it', async (t) => {
  const lifelines = createServer().listen(0, '127.0.0.1');
  await once(lifelines, 'listening');
  t.teardown(() => lifelines.close());
  const { port } = lifelines.address() as AddressInfo;
  const { serve, path, profiles } = machine(t);
  writeFileSync(path('helper.cjs'), `require('node:net').connect(${port}, '127.0.0.1').resume()`);
  profiles(`[profile slow]\ncredential_process = "${process.execPath}" "${path('helper.cjs')}"\n`);
  const daemon = await serve();
  const answer = ask(`${daemon.url}/creds/slow`);
  const [helper] = (await once(lifelines, 'connection')) as [Socket];
  const gone = once(helper.on('error', () => {}).resume(), 'close');
  t.match(await daemon.stop(), { code: 0 });
  t.match(await answer, { status: 503 }, 'whoever waited for it has an answer');
  await gone;
});

t.test('logs: JSON for a program, as much as is wanted', async (t) => {
  const own = machine(t);
  const { daemonEnv } = await everySource(t, own);
  const lines = async (level: string) => {
    const daemon = await own.serve([], { env: { ...daemonEnv, CREDD_LOG_LEVEL: level } });
    await ask(`${daemon.url}/creds/app`);
    await ask(`${daemon.url}/creds/default`);
    const { stdout, stderr } = await daemon.stop();
    t.match(stdout, NOTHING);
    return stderr
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  };
  const info = await lines('info');
  t.match(
    info.find(({ msg }) => /^new session/.test(msg)),
    { level: 30, profile: 'app', time: /^\d{4}-/ },
  );
  t.notOk(info.some(({ level }) => level < 30));
  const debug = await lines('debug');
  t.match(
    debug.find(({ msg }) => /^vended/.test(msg)),
    { level: 20, profile: 'app', caller: 'same-user' },
  );
});

t.test('logs: lines for a person on a terminal', { skip: noTerminal }, async (t) => {
  const own = machine(t);
  const serve = [process.execPath, CLI, 'serve', '--port', '0', '--store', 'memory'];
  const terminal = run(t, ['python3', TERMINAL, ...serve], {
    env: { ...own.env, TERM: 'dumb' },
    cwd: own.home,
  });
  await terminal.prints(/sessions are kept in memory/);
  terminal.process.stdin?.write('\x03');
  const { code, stdout } = await terminal.ended;
  t.equal(code, 0);
  t.match(stdout, /^\[\d\d:\d\d:\d\d\] .*INFO.*credd listens on http/m);
  t.match(stdout, /SIGINT: credd stops/);
  t.notMatch(stdout, /[{}]/);
});
