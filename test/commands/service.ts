import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { machine } from '../support/cli.js';
import { listenQuietly } from '../support/quiet-port.js';

const notLinux = process.platform !== 'linux' && 'systemd is for Linux';

/** A home with the service's files, and no service manager to be reached. */
function installed(t: Test) {
  const own = machine(t, {
    env: { XDG_RUNTIME_DIR: '/nonexistent', DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent' },
  });
  const folder = own.path('.config', 'systemd', 'user');
  mkdirSync(folder, { recursive: true });
  const files = ['credd.socket', 'credd.service'].map((name) => own.path('.config', 'systemd', 'user', name));
  for (const file of files) writeFileSync(file, '');
  return { ...own, files };
}

t.test('uninstall keeps the files of a service that it could not stop', { skip: notLinux }, async (t) => {
  const own = installed(t);
  t.match(await own.credd(['service', 'uninstall']), { code: 1, stderr: /systemctl/ });
  for (const file of own.files) t.ok(existsSync(file));
});

t.test('where no service manager can be asked nothing is written', { skip: notLinux }, async (t) => {
  const own = machine(t, {
    env: { XDG_RUNTIME_DIR: '/nonexistent', DBUS_SESSION_BUS_ADDRESS: 'unix:path=/nonexistent' },
  });
  t.match(await own.credd(['service', 'install']), { code: 1, stderr: /^credd: .*systemctl/ });
  t.notOk(existsSync(own.path('.config')));
});

t.test('settings that are wrong stand in the way of install alone', async (t) => {
  const own = machine(t);
  mkdirSync(own.path('.config', 'credd'), { recursive: true });
  writeFileSync(own.path('.config', 'credd', 'config.ini'), 'stoer = auto\n');
  t.match(await own.credd(['service', 'status']), { code: 1, stdout: /not installed/ });
  t.match(await own.credd(['service', 'uninstall']), { code: 0, stdout: /nothing to remove/ });
  t.match(await own.credd(['service', 'install', '--dry-run']), { code: 1, stderr: /"stoer" \(line 1/ });
});

t.test(
  'a dry run shows the port that it would write, and the same one each time',
  { skip: notLinux },
  async (t) => {
    const own = machine(t);
    const { port, server } = await listenQuietly();
    t.teardown(() => new Promise((closed) => server.close(closed)));
    mkdirSync(own.path('.config', 'credd'), { recursive: true });
    const text = `; mine\r\nport = ${port} ; the other\r\n`;
    writeFileSync(own.path('.config', 'credd', 'config.ini'), text);
    const shown = await own.credd(['service', 'install', '--dry-run']);
    t.equal(shown.code, 0, shown.stderr);
    const [, chosen = ''] = /so credd takes (\d+), and .*config\.ini says so/.exec(shown.stderr) ?? [];
    t.ok(shown.stdout.includes(`config.ini\n; mine\r\nport = ${chosen} ; the other\r\n\n`));
    t.match(shown.stdout, `ListenStream=127.0.0.1:${chosen}\n`);
    t.match(await own.credd(['service', 'install', '--dry-run']), { stderr: `so credd takes ${chosen}, ` });
    t.equal(readFileSync(own.path('.config', 'credd', 'config.ini'), 'utf8'), text);
  },
);

t.test('a daemon that was started by hand is to be ended first, wherever it listens', async (t) => {
  const own = machine(t, { config: '' });
  const { url } = await own.serve();
  t.match(await own.credd(['service', 'install', '--dry-run']), {
    code: 1,
    stdout: '',
    stderr: `A credd that you started yourself runs at ${url}. End it (Ctrl-C`,
  });
});

t.test('a port that is another at each start is none for a service', async (t) => {
  const own = machine(t, { env: { CREDD_PORT: '0' } });
  t.match(await own.credd(['service', 'install', '--dry-run']), {
    code: 1,
    stderr: /port 0 \(CREDD_PORT\).* Type: CREDD_PORT=8363 credd service install/,
  });
});

t.test('a passphrase file that others can read is refused before anything is written', async (t) => {
  const own = machine(t, { env: { CREDD_STORE_PASSPHRASE_FILE: '~/passphrase' } });
  writeFileSync(own.path('passphrase'), 'secret');
  chmodSync(own.path('passphrase'), 0o644);
  t.match(await own.credd(['service', 'install', '--dry-run']), {
    code: 1,
    stdout: '',
    stderr: `other users can get at the passphrase file ${own.path('passphrase')}; type: chmod 600`,
  });
});

t.test('logs of a service that is not there', async (t) => {
  t.match(await machine(t).credd(['service', 'logs']), {
    code: 1,
    stdout: 'credd is not installed as a service. Type: credd service install\n',
  });
});
