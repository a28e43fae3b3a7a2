import {
  chmodSync,
  lstatSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { rewriteFile } from '../../src/system/rewrite-file.js';

t.test('a file is replaced while it is what was read of it, and left alone otherwise', async (t) => {
  const folder = t.testdir({ file: 'read' });
  const path = join(folder, 'file');
  chmodSync(path, 0o640);
  await rewriteFile(path, Buffer.from('read'), Buffer.from('new'));
  t.equal(readFileSync(path, 'utf8'), 'new');
  t.equal(statSync(path).mode & 0o777, 0o640);
  for (const before of [Buffer.from('read'), undefined]) {
    await t.rejects(rewriteFile(path, before, Buffer.from('lost')), {
      code: 'FileChanged',
      message: /was changed by another program just now.*Try again/,
    });
    t.equal(readFileSync(path, 'utf8'), 'new');
  }
  t.strictSame(readdirSync(folder), ['file']);
});

t.test('one that was not there is made', async (t) => {
  const folder = t.testdir({});
  const path = join(folder, 'file');
  await rewriteFile(path, undefined, Buffer.from('new'));
  t.equal(readFileSync(path, 'utf8'), 'new');
  t.equal(statSync(path).mode & 0o777, 0o600);
  writeFileSync(path, '');
  await rewriteFile(path, Buffer.alloc(0), Buffer.from('of an empty one'));
  t.equal(readFileSync(path, 'utf8'), 'of an empty one');
});

t.test('a link that leads to no file yet stays one', async (t) => {
  const folder = t.testdir({ dotfiles: {} });
  symlinkSync(join('dotfiles', 'file'), join(folder, 'link'));
  await rewriteFile(join(folder, 'link'), undefined, Buffer.from('new'));
  t.ok(lstatSync(join(folder, 'link')).isSymbolicLink());
  t.equal(readFileSync(join(folder, 'dotfiles', 'file'), 'utf8'), 'new');
});
