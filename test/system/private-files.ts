import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import {
  createPrivateFile,
  ensurePrivateFolder,
  readPrivateFile,
  writePrivateFile,
} from '../../src/system/private-files.js';
import { notMountable, smallDisk } from '../support/small-disk.js';

const needsRoot = process.getuid?.() !== 0 && 'run the tests as root: sudo npm test';

function modeOf(path: string): number {
  return statSync(path).mode & 0o777;
}

function withUmask(t: Test, umask: number): void {
  const before = process.umask(umask);
  t.teardown(() => process.umask(before));
}

for (const umask of [0o000, 0o022, 0o177]) {
  t.test(`files are 0600 and folders 0700, whatever the umask: ${umask.toString(8)}`, async (t) => {
    const folder = join(t.testdir({}), 'state');
    withUmask(t, umask);
    await ensurePrivateFolder(folder);
    await writePrivateFile(join(folder, 'a'), 'text');
    await createPrivateFile(join(folder, 'b'), 'text');
    t.equal(modeOf(folder), 0o700);
    t.equal(modeOf(join(folder, 'a')), 0o600);
    t.equal(modeOf(join(folder, 'b')), 0o600);
  });
}

t.test('a folder that others can look into is closed', async (t) => {
  const folder = t.testdir({ a: 'kept' });
  chmodSync(folder, 0o755);
  await ensurePrivateFolder(folder);
  t.equal(modeOf(folder), 0o700);
  t.equal(readFileSync(join(folder, 'a'), 'utf8'), 'kept');
});

t.test('a file in the place of a folder', async (t) => {
  const folder = t.testdir({ a: 'text' });
  await t.rejects(ensurePrivateFolder(join(folder, 'a')), { message: /a file is where a folder belongs/ });
});

t.test("another user's folder is refused", { skip: needsRoot }, async (t) => {
  const folder = t.testdir({});
  chownSync(folder, 12345, 12345);
  await t.rejects(ensurePrivateFolder(folder), { code: 'NotPrivate', message: /another user.*chown/ });
});

t.test('a file is replaced as a whole', async (t) => {
  const folder = t.testdir({ a: 'a longer text from before' });
  const path = join(folder, 'a');
  chmodSync(path, 0o644);
  await writePrivateFile(path, 'new');
  t.equal(readFileSync(path, 'utf8'), 'new');
  t.equal(modeOf(path), 0o600);
  t.same(readdirSync(folder), ['a']);
});

t.test('of many creators one wins', async (t) => {
  const folder = t.testdir({});
  const path = join(folder, 'a');
  const names = ['p', 'q', 'r', 's', 't'];
  const won = await Promise.all(names.map((name) => createPrivateFile(path, name)));
  t.equal(won.filter(Boolean).length, 1);
  t.equal(readFileSync(path, 'utf8'), names[won.indexOf(true)]);
  t.same(readdirSync(folder), ['a']);
});

t.test('a full disk leaves the old content and no litter', { skip: notMountable }, async (t) => {
  const folder = smallDisk(t);
  const path = join(folder, 'a');
  await writePrivateFile(path, 'old');
  await t.rejects(writePrivateFile(path, 'x'.repeat(1_000_000)), {
    code: 'CannotWrite',
    statusCode: 503,
    message: /disk is full/,
  });
  t.equal(readFileSync(path, 'utf8'), 'old');
  t.same(readdirSync(folder), ['a']);
});

t.test('a folder that is gone', async (t) => {
  const path = join(t.testdir({}), 'none', 'a');
  await t.rejects(writePrivateFile(path, 'x'), { code: 'CannotWrite', message: /its folder is gone/ });
});

t.test('reads what only we can read', async (t) => {
  const folder = t.testdir({ a: 'text', b: 'text' });
  const path = join(folder, 'a');
  chmodSync(path, 0o600);
  t.equal(String(await readPrivateFile(path)), 'text');
  t.equal(await readPrivateFile(join(folder, 'none')), undefined);
  for (const mode of [0o640, 0o604, 0o620, 0o602]) {
    chmodSync(path, mode);
    await t.rejects(readPrivateFile(path), { code: 'NotPrivate', message: /chmod 600/ }, mode.toString(8));
  }
  chmodSync(join(folder, 'b'), 0o644);
  symlinkSync('b', join(folder, 'link'));
  await t.rejects(
    readPrivateFile(join(folder, 'link')),
    { code: 'NotPrivate' },
    'the file behind a link counts',
  );
  await t.rejects(readPrivateFile(folder), { code: 'NotPrivate' });
});

t.test('the command to type quotes the path', async (t) => {
  const path = join(t.testdir({ "it's": 'text' }), "it's");
  chmodSync(path, 0o644);
  await t.rejects(readPrivateFile(path), { message: /chmod 600 '.*it'\\''s'$/ });
});

t.test('a folder that cannot be closed to others', { skip: notMountable }, async (t) => {
  const disk = smallDisk(t);
  chmodSync(disk, 0o755);
  spawnSync('mount', ['-o', 'remount,ro', disk]);
  await t.rejects(ensurePrivateFolder(disk), {
    code: 'CannotWrite',
    message: /^cannot change the mode of .*: the file system is read-only$/,
  });
});
