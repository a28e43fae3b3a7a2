import { existsSync, linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { startSimulatedAws } from '../../src/demo/aws.js';
import { sampleWorld, writeSampleProfiles } from '../../src/demo/profiles.js';
import { ask, machine } from '../support/cli.js';
import { notMountable, smallDisk } from '../support/small-disk.js';

t.test('each fault that status shows has its metric, and only while it lasts', async (t) => {
  const aws = await startSimulatedAws({ world: sampleWorld });
  t.teardown(aws.close);
  const here = machine(t, { config: '', env: { DBUS_SESSION_BUS_ADDRESS: 'none:' } });
  await writeSampleProfiles(here.home, aws);
  rmSync(here.path('.aws', 'sso'), { recursive: true });
  const { url } = await here.serve(['--store', 'keychain']);
  const status = async () => JSON.parse((await here.credd(['status', '--json'])).stdout);
  const faults = async () =>
    (await ask(`${url}/metrics`)).text.match(/^credd_(?:\w+_fault.* 1|store_up.* 0)$/gm) ?? [];
  const store = 'credd_store_up{kind="keychain"} 0';
  t.match(await status(), { store: { reason: /cannot be used/ }, problems: [], sessions: [] });
  t.same(await faults(), [store], 'before anything was asked of it');

  for (const profile of ['forbidden', 'dev']) await ask(`${url}/creds/${profile}`);
  const { sessions, signIns } = await status();
  t.match(sessions, [{ lastError: { code: 'AccessDenied' } }, { lastError: { code: 'SsoLoginRequired' } }]);
  t.match(signIns, [{ name: 'example', state: 'needed' }]);
  const failed = [
    'credd_profile_fault{profile="forbidden",code="AccessDenied"} 1',
    'credd_profile_fault{profile="dev",code="SsoLoginRequired"} 1',
    'credd_sign_in_fault{sign_in="example",code="SsoLoginRequired"} 1',
  ];
  t.same(await faults(), [store, ...failed]);

  const settings = here.path('.config', 'credd', 'config.ini');
  mkdirSync(dirname(settings), { recursive: true });
  for (const [name, path] of [
    ['config', here.path('.aws', 'config')],
    ['credentials', here.path('.aws', 'credentials')],
    ['config.ini', settings],
  ] as const) {
    const good = `${path}.good`;
    if (existsSync(path)) linkSync(path, good);
    writeFileSync(`${path}.torn`, 'torn\n');
    renameSync(`${path}.torn`, path);
    while ((await status()).problems.length === 0);
    t.same(await faults(), [store, `credd_config_fault{file="${name}"} 1`, ...failed]);
    if (existsSync(good)) renameSync(good, path);
    else rmSync(path);
    while ((await status()).problems.length > 0);
    t.same(await faults(), [store, ...failed]);
  }

  aws.faults.set('GetSessionToken', { kind: 'skew', ms: 3 * 3600_000 });
  await ask(`${url}/creds/user`);
  t.match(await status(), { clock: /This computer's clock is behind/ });
  t.same(await faults(), [store, 'credd_clock_fault 1', ...failed]);
});

t.test('a full disk is a fault for as long as it is full', { skip: notMountable }, async (t) => {
  const disk = smallDisk(t);
  const aws = await startSimulatedAws({ world: sampleWorld });
  t.teardown(aws.close);
  const here = machine(t, { config: '', env: { XDG_STATE_HOME: disk, XDG_RUNTIME_DIR: t.testdir() } });
  await writeSampleProfiles(here.home, aws);
  const { url } = await here.serve();
  const metrics = async () => (await ask(`${url}/metrics`)).text;
  const full = join(disk, 'full');
  t.throws(() => writeFileSync(full, Buffer.alloc(100_000)), { code: 'ENOSPC' });
  t.match(await here.credd(['lease', 'user']), { code: 0 });
  t.match(
    (await here.credd(['status'])).stdout,
    /^Beware: cannot write .*leases: the disk is full.* New leases/m,
  );
  t.match(await metrics(), 'credd_write_fault{file="leases"} 1\n');
  rmSync(full);
  t.match(await here.credd(['lease', 'user']), { code: 0 });
  t.notMatch((await here.credd(['status'])).stdout, /Beware: cannot write .*leases/);
  t.match(await metrics(), 'credd_write_fault{file="leases"} 0\n');
});
