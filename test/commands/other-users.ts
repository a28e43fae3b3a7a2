import { chownSync, readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { CLI, lacks, run } from '../support/cli.js';
import { bearer, leaseToken, ready } from '../support/lease-commands.js';
import { needsLinux, needsNamespaces, needsRoot, otherUid, runScript } from '../support/loopback.js';
import { ask } from '../support/raw-http.js';

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
