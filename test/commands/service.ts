import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { machine } from '../support/cli.js';

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

t.test('settings that are wrong stand in the way of install alone', async (t) => {
  const own = machine(t);
  mkdirSync(own.path('.config', 'credd'), { recursive: true });
  writeFileSync(own.path('.config', 'credd', 'config.ini'), 'stoer = auto\n');
  t.match(await own.credd(['service', 'status']), { code: 1, stdout: /not installed/ });
  t.match(await own.credd(['service', 'uninstall']), { code: 0, stdout: /nothing to remove/ });
  t.match(await own.credd(['service', 'install', '--dry-run']), { code: 1, stderr: /"stoer" \(line 1/ });
});
