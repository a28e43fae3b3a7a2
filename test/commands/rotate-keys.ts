import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ACCOUNT, EVE, KEYS, type Ready, ready, typed, USER } from '../support/own-keys.js';
import { notMountable, smallDisk } from '../support/small-disk.js';

async function rotating(t: Test): Promise<Ready> {
  const own = await ready(t);
  t.match(await own.credd(['keys', 'add', 'dev'], typed()), { code: 0 });
  return own;
}

const statuses = ({ aws }: Ready, user = 'ada') =>
  aws.world
    .keysOf(`arn:aws:iam::${ACCOUNT}:user/${user}`)
    .map(({ accessKeyId, inactive }) => [accessKeyId, !inactive]);

t.test('keys rotate: a new key that works, the old one deactivated, and deleted the next time', async (t) => {
  const own = await rotating(t);
  own.aws.faults.set('GetCallerIdentity', {
    kind: 'error',
    status: 403,
    code: 'InvalidClientTokenId',
    times: 1,
  });
  t.match(await own.credd(['keys', 'rotate', 'dev']), {
    code: 0,
    stderr: /has the new key AKIA….*AKIA…AADA is deactivated/,
  });
  t.match(await own.credd(['keys', 'list']), { stdout: /^dev +AKIA\S+ +\d+ s$/m });
  const [first, second] = statuses(own);
  t.same(first, [USER.accessKeyId, false]);
  t.equal(second?.[1], true);
  t.match(await own.credd(['whoami', 'app']), { code: 0, stdout: /assumed-role\/app/ });
  t.match(await own.credd(['keys', 'rotate', 'dev']), { code: 0 });
  t.match(statuses(own), [
    [second?.[0], false],
    [String, true],
  ]);
  t.match(await own.credd(['whoami', 'dev']), { code: 0, stdout: /user\/ada/ });
  t.match(await own.credd(['keys', 'rotate', 'app']), { code: 1, stderr: /no keys of "app"/ });
});

for (const operation of ['CreateAccessKey', 'GetCallerIdentity', 'UpdateAccessKey']) {
  t.test(`keys rotate undoes all when ${operation} fails`, async (t) => {
    const own = await rotating(t);
    const listed = await own.credd(['keys', 'list', '--json']);
    own.aws.faults.set(operation, { kind: 'error', status: 403, code: 'AccessDenied', message: 'no' });
    t.match(await own.credd(['keys', 'rotate', 'dev']), { code: 1, stderr: /failed: no \(AccessDenied\)/ });
    own.aws.faults.clear();
    t.same(statuses(own), [[USER.accessKeyId, true]]);
    t.same(await own.credd(['keys', 'list', '--json']), listed, 'it is as old as before');
    t.match(await own.credd(['whoami', 'app']), { code: 0, stdout: /assumed-role\/app/ });
  });
}

t.test('keys rotate where AWS allows no third key', async (t) => {
  const own = await rotating(t);
  own.aws.world.createKey(`arn:aws:iam::${ACCOUNT}:user/ada`);
  t.match(await own.credd(['keys', 'rotate', 'dev']), {
    code: 1,
    stderr: /two access keys already.*list-access-keys/,
  });
  t.equal(statuses(own).length, 2);
});

t.test('keys rotate of who must show a code for it', async (t) => {
  const own = await ready(t);
  t.match(await own.credd(['keys', 'add', 'eve'], typed(EVE)), { code: 0 });
  t.match(await own.credd(['keys', 'rotate', 'eve']), { code: 1, stderr: /credd login eve/ });
  t.equal(own.aws.count('CreateAccessKey'), 0);
  own.profiles(`[profile eve]\nmfa_serial = ${EVE.mfaSerial}\nmfa_process = echo 778899\n`);
  t.match(await own.credd(['keys', 'rotate', 'eve']), { code: 0, stderr: /has the new key/ });
  t.match(statuses(own, 'eve'), [
    [EVE.accessKeyId, false],
    [String, true],
  ]);
});

t.test('keys rotate whose keys cannot be stored', { skip: notMountable }, async (t) => {
  const own = await ready(t, { daemon: false });
  own.env.XDG_STATE_HOME = smallDisk(t);
  t.match(await own.credd(['keys', 'add', 'dev'], typed()), { code: 0 });
  const filler = join(own.env.XDG_STATE_HOME, 'filler');
  t.throws(() => writeFileSync(filler, Buffer.alloc(100_000)), { code: 'ENOSPC' });
  t.match(await own.credd(['keys', 'rotate', 'dev']), {
    code: 1,
    stderr: /cannot write .*the disk is full.* The old key is in place\.\n$/,
  });
  t.same(statuses(own), [[USER.accessKeyId, true]]);
  rmSync(filler);
  t.match(await own.credd(['whoami', 'dev']), { code: 0, stdout: /user\/ada/ });
  t.match(await own.credd(['keys', 'rotate', 'dev']), { code: 0 });
});

t.test(
  'after a rotation that failed the import can be undone, after one that did not it cannot',
  async (t) => {
    const own = await ready(t);
    writeFileSync(own.credentials, `[dev]\n${KEYS}`);
    t.match(await own.credd(['keys', 'import', 'dev']), { code: 0 });
    own.aws.faults.set('UpdateAccessKey', { kind: 'error', status: 403, code: 'AccessDenied', times: 1 });
    t.match(await own.credd(['keys', 'rotate', 'dev']), { code: 1, stderr: /The old key is in place/ });
    t.match(await own.credd(['keys', 'import', '--undo', 'dev']), { code: 0 });
    t.equal(readFileSync(own.credentials, 'utf8'), `[dev]\n${KEYS}`);
    t.match(await own.credd(['keys', 'import', 'dev']), { code: 0 });
    t.match(await own.credd(['keys', 'rotate', 'dev']), { code: 0 });
    t.match(await own.credd(['keys', 'import', '--undo', 'dev']), { code: 1, stderr: /nothing to put back/ });
  },
);
