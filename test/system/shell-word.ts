import { spawnSync } from 'node:child_process';
import t from 'tap';
import { shellWord } from '../../src/system/shell-word.js';

t.test('a shell reads each back as one word, as it was', async (t) => {
  const texts = [
    'plain',
    'a b',
    "it's",
    '',
    '$(id)',
    '`id`',
    '~root',
    '*',
    '-n',
    'a"b\\c',
    'Zürich\n日本',
    '#x',
    '!!',
  ];
  const script = `printf '%s\\0' ${texts.map(shellWord).join(' ')}`;
  for (const shell of ['sh', 'bash']) {
    const { stdout } = spawnSync(shell, ['-c', script], { encoding: 'utf8' });
    t.strictSame(stdout.split('\0').slice(0, -1), texts, shell);
  }
});

t.test('what needs no quotes has none', async (t) => {
  for (const text of ['dev', '/home/ada/.aws/config', 'a@b.c:1,2']) t.equal(shellWord(text), text);
});
