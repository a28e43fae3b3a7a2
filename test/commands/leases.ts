import { chownSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { CLI, lacks, type Machine, machine, run } from '../support/cli.js';
import { needsLinux, needsNamespaces, needsRoot, otherUid, runScript } from '../support/loopback.js';
import { ask, RawConnection, requestText } from '../support/raw-http.js';
import { everySource } from '../support/sources.js';

const NOTHING = /^$/;

async function ready(t: Test) {
  const own = machine(t);
  await everySource(t, own);
  const state = (name: string) => own.path('.local', 'state', 'credd', name);
  return { ...own, state };
}

async function variablesOf({ credd }: Machine, args: string[]): Promise<Record<string, string>> {
  const { code, stdout, stderr } = await credd([...args, '--shell', 'dotenv']);
  if (code !== 0) throw new Error(stderr);
  return Object.fromEntries(stdout.split('\n').map((line) => line.split(/=(.*)/).slice(0, 2)));
}

async function leaseToken(own: Machine, args: string[]): Promise<string> {
  return (await variablesOf(own, ['lease', ...args])).AWS_CONTAINER_AUTHORIZATION_TOKEN ?? '';
}

/** An exec that goes on until its stdin ends, and the variable that its command has. */
async function execHolding(own: Machine, variable: string) {
  const running = own.start(['exec', 'app', '--', 'sh', '-c', `echo "has $${variable}"; cat`]);
  const [, value = ''] = await running.prints(/has (\S+)/);
  return { running, value };
}

const bearer = (token: string) => [`Authorization: ${token}`];

t.test('a lease: shown, good for one profile, and revoked', async (t) => {
  const own = await ready(t);
  const { port } = await own.serve();
  const status = async (token: string, target: string) =>
    (await ask(port, { target, headers: bearer(token) }))?.status;
  const variables = await variablesOf(own, ['lease', 'app', '--ttl', '1h']);
  const token = variables.AWS_CONTAINER_AUTHORIZATION_TOKEN ?? '';
  const file = variables.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE ?? '';
  t.equal(variables.AWS_CONTAINER_CREDENTIALS_FULL_URI, `http://127.0.0.1:${port}/creds/app`);
  t.equal(readFileSync(file, 'utf8'), token);
  t.match((await own.credd(['leases'])).stdout, /^LEASE .*\n[0-9a-f]{12} {2}app +- +in 59 min +never\n$/);
  t.equal(await status(token, '/creds/app'), 200);
  for (const path of [
    '/creds/keys',
    '/creds/nope',
    '/api/leases',
    '/api/status',
    '/',
    '/healthz',
    '/metrics',
  ])
    t.equal(await status(token, path), 401, path);

  const [lease] = JSON.parse((await own.credd(['leases', '--json'])).stdout);
  t.match(lease, { profile: 'app', lastUsedAt: Number });
  await own.credd(['lease', 'keys']);
  t.match(await own.credd(['revoke', '']), { code: 2, stderr: /credd revoke LEASE/ });
  t.match(await own.credd(['revoke', 'x']), { code: 1, stderr: /no lease "x".*Type: credd leases/ });
  t.match(await own.credd(['revoke']), { code: 2, stderr: /credd revoke LEASE/ });
  t.match(await own.credd(['revoke', lease.id.slice(0, 11)]), {
    code: 0,
    stderr: /of profile "app" has ended/,
  });
  t.equal(await status(token, '/creds/app'), 401, 'its next fetch is refused');
  t.notOk(existsSync(file));
  t.match(await own.credd(['revoke', '--all']), { code: 0, stderr: /of profile "keys" has ended/ });
  t.match(await own.credd(['leases']), { stdout: /^There are no leases/ });
});

t.test('revoke --all ends them all, also where the disk does not take it', async (t) => {
  const own = await ready(t);
  const { port } = await own.serve();
  const tokens = [
    await leaseToken(own, ['app', '--container']),
    await leaseToken(own, ['keys', '--container']),
  ];
  rmSync(own.state('leases'));
  mkdirSync(own.state('leases'));
  t.match(await own.credd(['revoke', '--all']), {
    code: 1,
    stderr: /^(credd: Lease \w{12} has ended, but that cannot be noted \(.*\)\. Until .* restart .*\n){2}$/,
  });
  for (const [n, token] of tokens.entries()) {
    const target = ['/creds/app', '/creds/keys'][n] ?? '';
    t.match(await ask(port, { target, headers: bearer(token) }), { status: 401 });
  }
});

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

t.test('env, lease, leases, revoke and audit --follow insist on a running daemon', async (t) => {
  const own = await ready(t);
  for (const args of [['env', 'app'], ['lease', 'app'], ['leases'], ['revoke', 'x'], ['audit', '--follow']])
    t.match(await own.credd(args), { code: 1, stdout: NOTHING, stderr: /No daemon is running/ });
  t.match(await own.credd(['lease', 'app', '--endpoint', 'http://x']), {
    code: 2,
    stderr: /with --container/,
  });
  for (const url of ['x', 'ftp://x', 'http://x/y', 'http://x/?q'])
    t.match(await own.credd(['lease', 'app', '--container', '--endpoint', url]), {
      code: 2,
      stderr: /not an address/,
    });
});

t.test('a second daemon beside the first leaves its leases alone', async (t) => {
  const own = await ready(t);
  await own.serve();
  await leaseToken(own, ['app']);
  const before = readFileSync(own.state('leases'), 'utf8');
  await own.serve();
  await leaseToken(own, ['app']);
  t.equal(readFileSync(own.state('leases'), 'utf8'), before);
});

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

t.test(
  'a second user is refused on every path but /healthz',
  { skip: needsLinux || needsRoot },
  async (t) => {
    const own = await ready(t);
    const { port } = await own.serve();
    const owner = readFileSync(own.state('token'), 'utf8');
    const lease = await leaseToken(own, ['app']);
    const container = await leaseToken(own, ['app', '--container']);
    const statusAs = async (as: object, path: string, token?: string) => {
      const headers = JSON.stringify(token ? { authorization: token } : {});
      const remote = await runScript(
        t,
        `require('http').get({ port: ${port}, host: '127.0.0.1', path: '${path}', headers: ${headers} },
        (answer) => answer.resume().on('end', () => console.log(answer.statusCode)))`,
        as,
      );
      return Number(await remote.hears());
    };
    const other = { uid: otherUid };
    const paths = [
      '/',
      '/creds/app',
      '/creds/nope',
      '/creds',
      '/metrics',
      '/api/status',
      '/api/sessions/app',
      '/x',
    ];
    for (const path of paths) {
      t.equal(await statusAs(other, path), 401, `${path}, without a token`);
      t.equal(await statusAs(other, path, owner), 403, `${path}, with a stolen token`);
      t.not(await statusAs(other, path, lease), 200, `${path}, with a stolen lease`);
    }
    t.equal(await statusAs(other, '/healthz'), 200);
    t.equal(
      await statusAs(other, '/creds/app', container),
      200,
      'a lease for a container says nothing of users',
    );
    t.equal(await statusAs(other, '/creds/keys', container), 401);
    t.equal(await statusAs({}, '/creds/app'), 200);
    if (!needsNamespaces) {
      const sandbox = { through: ['unshare', '-Ur'] };
      t.equal(await statusAs(sandbox, '/creds/app'), 401, 'a user namespace, without a token');
      t.equal(await statusAs(sandbox, '/creds/app', lease), 200);
    }
  },
);

const noSetpriv = lacks('setpriv', 'apt-get install -y util-linux');
t.test(
  "root, asking another user's daemon, needs a token",
  { skip: needsLinux || needsRoot || noSetpriv },
  async (t) => {
    const own = await ready(t);
    for (const path of ['', 'run', '.aws', '.aws/config', '.aws/credentials'])
      chownSync(own.path(path), otherUid, otherUid);
    const through = ['setpriv', `--reuid=${otherUid}`, `--regid=${otherUid}`, '--clear-groups'];
    const { port } = await own.serve([], { through });
    const theirs = readFileSync(own.state('token'), 'utf8');
    t.match(await ask(port, { target: '/creds/keys' }), { status: 401 });
    t.match(await ask(port, { target: '/creds/keys', headers: bearer(theirs) }), { status: 200 });
  },
);

t.test(
  'nobody, who stands for every unknown user, is told to be another',
  { skip: needsLinux || needsRoot || noSetpriv },
  async (t) => {
    const as = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, CLI];
    const { code, stderr } = await run(t, [...as, 'creds', 'app'], { env: { HOME: '/nowhere' }, cwd: '/' })
      .ended;
    t.equal(code, 1);
    t.match(
      stderr,
      /^credd: What listens on .* is not proven to run as you.* as user nobody: use another one\.\n/,
    );
  },
);

t.test(
  'who holds our port while the daemon is down gets no token',
  { skip: needsLinux || needsRoot },
  async (t) => {
    const own = await ready(t);
    const daemon = await own.serve();
    await daemon.stop();
    const impostor = await runScript(
      t,
      `let connections = 0, bytes = 0;
     require('net').createServer((socket) => {
       connections++;
       socket.on('data', (data) => { bytes += data.length; socket.end('HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\n{}'); });
       socket.on('error', () => {});
     }).listen(${daemon.port}, '127.0.0.1', () => console.log('listening'))`,
      { uid: otherUid },
    );
    t.equal(await impostor.hears(), 'listening');
    writeFileSync(own.state('endpoint'), `${daemon.url}\n`, { mode: 0o600 });
    const commands = [
      ['exec', 'app', '--', 'true'],
      ['env', 'app'],
      ['lease', 'app'],
      ['leases'],
      ['revoke', 'x'],
      ['audit'],
      ['audit', '--follow'],
      ['creds', 'app'],
      ['list'],
      ['status'],
      ['refresh', 'app'],
      ['forget', 'app'],
      ['whoami', 'app'],
      ['serve', '--port', `${daemon.port}`],
    ];
    for (const args of commands) await own.credd(args);
    impostor.tell('console.log(connections >= 12, bytes)');
    t.equal(await impostor.hears(), 'true 0', 'connections, and nothing on them');
  },
);

t.test('a daemon started by hand cannot dump its memory', { skip: needsLinux }, async (t) => {
  const own = await ready(t);
  const limits = (pid: number) =>
    /core file size +(\d+|unlimited)/.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1];
  const through = ['sh', '-c', 'ulimit -S -c unlimited; exec "$0" "$@"'];
  const pidOf = async () => JSON.parse((await own.credd(['status', '--json'])).stdout).pid;
  const direct = await own.serve([], { through });
  t.equal(await pidOf(), direct.pid, 'in the same process where there is prlimit');
  t.equal(limits(direct.pid), '0');
  t.equal((await direct.stop()).code, 0);

  const again = await own.serve([], { through: ['/bin/sh', ...through.slice(1)], env: { PATH: '/nowhere' } });
  const pid = await pidOf();
  t.not(pid, again.pid);
  t.equal(limits(pid), '0');
  again.process.kill('SIGUSR1');
  t.equal((await again.stop()).code, 0, 'signals and the exit code go through');
  t.notOk(existsSync(`/proc/${pid}`));
  t.notMatch(again.stderr(), /ebugger/);
});

t.test('SIGUSR1 opens the inspector of no process with secrets', async (t) => {
  const own = await ready(t);
  const demo = own.start(['demo', '--port', '0']);
  await demo.prints(/Ctrl-C/);
  const alone = own.start(['exec', 'app', '--', 'sh', '-c', 'trap : USR1; echo ready; cat']);
  await alone.prints(/ready/);
  await own.serve();
  const through = own.start(['exec', 'app', '--', 'sh', '-c', 'trap : USR1; echo ready; cat']);
  await through.prints(/ready/);
  for (const { process } of [demo, alone, through]) process.kill('SIGUSR1');
  demo.process.kill('SIGTERM');
  for (const { process } of [alone, through]) process.stdin?.end();
  for (const { ended } of [demo, alone, through]) t.notMatch((await ended).stderr, /ebugger|inspector/);
});

t.test('umask: whatever the daemon makes is for its user alone', { skip: needsLinux }, async (t) => {
  const own = await ready(t);
  const daemon = await own.serve();
  t.match(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'), /^Umask:\s+0077$/m);
  t.match(
    await own.credd(['exec', 'app', '--', 'sh', '-c', 'umask'], {
      through: ['sh', '-c', 'umask 022; exec "$0" "$@"'],
    }),
    {
      stdout: '0022\n',
    },
  );
  t.ok(existsSync(CLI));
});
