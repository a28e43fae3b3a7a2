import {
  chmodSync,
  existsSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { appendSections, sectionHeader } from '../../src/aws/config-append.js';

const section = {
  header: sectionHeader('profile', 'my dev'),
  settings: { region: 'eu-west-1', output: 'json' },
};
const TEXT = '[profile "my dev"]\nregion = eu-west-1\noutput = json\n';

t.test('what was there stays byte for byte', async (t) => {
  const before = [
    '',
    '[a]\nb = c\n',
    '[a]\nb = c',
    '\uFEFF[a]\r\n  x=1 # é\r\n',
    '# only\r\n[x]\r\ny = z',
    '\xff\n',
  ];
  for (const text of before) {
    const path = join(t.testdir({}), 'config');
    writeFileSync(path, text);
    await appendSections(path, [section]);
    const after = readFileSync(path, 'utf8');
    t.ok(after.startsWith(text));
    const end = text.includes('\r\n') ? '\r\n' : '\n';
    const gap = text === '' ? '' : text.endsWith('\n') ? end : end + end;
    t.equal(after.slice(text.length), gap + TEXT.replaceAll('\n', end));
  }
});

t.test('its mode is kept, a symlink is followed, and a missing file is made', async (t) => {
  const folder = t.testdir({ dotfiles: { config: '[a]\n' } });
  const target = join(folder, 'dotfiles', 'config');
  chmodSync(target, 0o640);
  symlinkSync('dotfiles/config', join(folder, 'link'));
  await appendSections(join(folder, 'link'), [section]);
  t.equal(statSync(target).mode & 0o777, 0o640);
  t.equal(readFileSync(target, 'utf8'), `[a]\n\n${TEXT}`);
  t.strictSame(readdirSync(join(folder, 'dotfiles')), ['config']);

  const fresh = join(folder, 'new', 'config');
  await appendSections(fresh, [section]);
  t.equal(readFileSync(fresh, 'utf8'), TEXT);
  t.equal(statSync(fresh).mode & 0o777, 0o600);
});

t.test('nothing to add changes nothing; what cannot be written is said', async (t) => {
  const folder = t.testdir({ file: 'text' });
  await appendSections(join(folder, 'none'), []);
  t.notOk(existsSync(join(folder, 'none')));
  await t.rejects(appendSections(join(folder, 'file', 'config'), [section]), {
    code: 'CannotWrite',
    message: /cannot write .*file\/config: (ENOTDIR|EEXIST). It is as it was/,
  });
});
