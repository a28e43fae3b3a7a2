import { fork } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { FileStore } from '../../src/system/file-store.js';
import { notMountable, smallDisk } from '../support/small-disk.js';

function open(folder: string, passphrase = 'passphrase', lines: string[] = []): FileStore {
  return new FileStore({ folder, passphrase: Buffer.from(passphrase), log: (line) => lines.push(line) });
}

t.test('keeps what it is given, across restarts', async (t) => {
  const folder = join(t.testdir({}), 'state', 'sessions');
  const long = 'x'.repeat(3000);
  const store = open(folder);
  await store.set('a', 'first');
  await store.set('a', 'second');
  await store.set('long', long);
  await store.set('Mixed.case_1-2', 'Zoë 日本 🔑\n');
  await store.set('mixed.case_1-2', '');
  await store.set('..', 'dots');
  await store.close();

  const again = open(folder);
  t.equal(await again.get('a'), 'second');
  t.equal(await again.get('long'), long);
  t.equal(await again.get('Mixed.case_1-2'), 'Zoë 日本 🔑\n');
  t.equal(await again.get('mixed.case_1-2'), '');
  t.equal(await again.get('..'), 'dots');
  t.equal(await again.get('never'), undefined);
  t.same((await again.keys()).sort(), ['..', 'Mixed.case_1-2', 'a', 'long', 'mixed.case_1-2']);
  await again.delete('a');
  await again.delete('never');
  t.equal(await again.get('a'), undefined);
  const names = readdirSync(folder).map((name) => name.toLowerCase());
  t.equal(new Set(names).size, names.length, 'no two names differ in case alone');
});

t.test('nothing readable is on disk, and only we can get at it', async (t) => {
  const folder = join(t.testdir({}), 'sessions');
  await open(folder).set('a', 'hush-hush');
  t.equal(statSync(folder).mode & 0o777, 0o700);
  for (const name of readdirSync(folder)) {
    t.notMatch(readFileSync(join(folder, name), 'latin1'), 'hush-hush');
    t.equal(statSync(join(folder, name)).mode & 0o777, 0o600);
  }
});

t.test('a folder that was opened to others is closed again', async (t) => {
  const folder = t.testdir({});
  await open(folder).set('a', 'kept');
  chmodSync(folder, 0o755);
  t.equal(await open(folder).get('a'), 'kept');
  t.equal(statSync(folder).mode & 0o777, 0o700);
});

t.test('a key that is no key', async (t) => {
  const store = open(t.testdir({}));
  for (const key of ['', '../a', 'a/b', 'a\0']) await t.rejects(store.set(key, 'x'), TypeError);
});

t.test('a wrong passphrase is an error and touches nothing', async (t) => {
  const folder = t.testdir({});
  await open(folder).set('a', 'kept');
  const before = readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'latin1')]);
  const store = open(folder, 'another');
  const error = { code: 'WrongPassphrase', statusCode: 400, message: folder };
  await t.rejects(store.get('a'), error);
  await t.rejects(store.set('a', 'lost'), error);
  await t.rejects(store.delete('a'), error);
  await t.rejects(store.keys(), error);
  const after = readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'latin1')]);
  t.same(after, before);
  t.equal(await open(folder).get('a'), 'kept');
});

t.test('a damaged entry counts as missing, and the next one replaces it', async (t) => {
  const root = t.testdir({});
  const [folder, other] = [join(root, 'sessions'), join(root, 'other')];
  await open(other).set('a', "another store's");
  const damage: Record<string, (path: string) => void> = {
    'a changed byte': (path) => {
      const content = readFileSync(path);
      content.writeUInt8(content.readUInt8(content.length - 1) ^ 1, content.length - 1);
      writeFileSync(path, content);
    },
    'a missing end': (path) => truncateSync(path, statSync(path).size - 1),
    'a stub': (path) => truncateSync(path, 12),
    nothing: (path) => truncateSync(path, 0),
    'something else': (path) =>
      writeFileSync(path, '{"AccessKeyId": "something else altogether, and long enough"}'),
    "another key's entry": (path) => copyFileSync(join(folder, 'b.sealed'), path),
    "another store's entry": (path) => copyFileSync(join(other, 'a.sealed'), path),
  };
  for (const [name, harm] of Object.entries(damage)) {
    const lines: string[] = [];
    const store = open(folder, 'passphrase', lines);
    await store.set('a', 'hush-hush');
    await store.set('b', 'whole');
    harm(join(folder, 'a.sealed'));
    t.equal(await store.get('a'), undefined, name);
    t.match(lines, [/a\.sealed is damaged/]);
    t.notMatch(lines, [/hush-hush/]);
    t.equal(await store.get('b'), 'whole');
    await store.set('a', 'new');
    t.equal(await store.get('a'), 'new');
  }
});

t.test('an entry that cannot be read is an error, not a crash', async (t) => {
  const folder = t.testdir({});
  const store = open(folder);
  await store.set('b', 'whole');
  mkdirSync(join(folder, 'a.sealed'));
  await t.rejects(store.get('a'), { code: 'CannotRead', statusCode: 503 });
  await t.rejects(store.set('a', 'x'), { code: 'CannotWrite', statusCode: 503 });
  t.equal(await store.get('b'), 'whole');
});

t.test('a damaged header is an error that says what to do, and touches nothing', async (t) => {
  const folder = t.testdir({});
  await open(folder).set('a', 'kept');
  const header = readFileSync(join(folder, 'store.json'));
  for (const content of [
    '',
    '{',
    'null',
    '[]',
    '{"version":2}',
    '{"version":1}',
    '{"version":1,"salt":7,"check":7}',
  ]) {
    writeFileSync(join(folder, 'store.json'), content);
    await t.rejects(
      open(folder).get('a'),
      { code: 'StoreDamaged', message: /store\.json is damaged/ },
      content,
    );
    t.equal(readFileSync(join(folder, 'store.json'), 'utf8'), content);
  }
  writeFileSync(join(folder, 'store.json'), header);
  t.equal(await open(folder).get('a'), 'kept');
});

t.test('a folder that is removed, or replaced by another process, under a running store', async (t) => {
  const folder = join(t.testdir({}), 'sessions');
  const store = open(folder);
  await store.set('a', 'old');
  rmSync(folder, { recursive: true });
  await open(folder).set('a', "another process's");
  t.equal(await store.get('a'), "another process's");
  rmSync(folder, { recursive: true });
  t.equal(await store.get('a'), undefined);
  await store.set('a', 'new');
  t.equal(await open(folder).get('a'), 'new');
});

t.test('two processes write at once, into a store that neither has made yet', async (t) => {
  const folder = join(t.testdir({}), 'sessions');
  const script = new URL('../support/file-store-writer.ts', import.meta.url);
  const writers = ['p', 'q'].map((name) => fork(script, [folder, name]));
  const ends = await Promise.all(writers.map((writer) => once(writer, 'exit')));
  t.same(ends, [
    [0, null],
    [0, null],
  ]);
  const store = open(folder);
  t.match(await store.get('shared'), /^(p{3000}|q{3000})$/);
  t.equal((await store.keys()).length, 81);
  for (const name of ['p', 'q']) t.equal(await store.get(`${name}-39`), `${name} 39`);
  t.same(
    readdirSync(folder).filter((name) => name.endsWith('.tmp')),
    [],
  );
});

t.test('a full disk: the old value stays', { skip: notMountable }, async (t) => {
  const folder = smallDisk(t);
  const store = open(folder);
  await store.set('a', 'old');
  const before = readdirSync(folder);
  await t.rejects(store.set('a', 'x'.repeat(100_000)), {
    code: 'CannotWrite',
    statusCode: 503,
    message: /full/,
  });
  t.equal(await store.get('a'), 'old');
  t.same(readdirSync(folder), before);
});
