import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { type FileState, readFileState, watchFiles } from '../../src/system/watched-files.js';
import { steppedClock } from '../support/stepped-clock.js';

/** Watches `files` of a folder; `changes` fills with what each path held at each change. */
async function watch(t: Test, dir: string, ...files: string[]) {
  const clock = steppedClock();
  const changes: string[][] = [];
  const onChange = (states: readonly FileState[]) => changes.push(states.map(shown));
  const watched = await watchFiles({ paths: files.map((file) => join(dir, file)), clock, onChange });
  t.teardown(watched.close);
  return { clock, changes, watched, first: watched.current.map(shown) };
}

function shown(file: FileState): string {
  return file.state === 'present' ? file.text : file.state;
}

t.test('reads what is there at the start', async (t) => {
  const dir = t.testdir({
    real: 'text',
    folder: {},
    link: t.fixture('symlink', 'real'),
    loop: t.fixture('symlink', 'loop'),
  });
  const { first } = await watch(t, dir, 'real', 'link', 'folder', 'loop', 'none', 'real/none');
  t.strictSame(first, ['text', 'text', 'unreadable', 'unreadable', 'missing', 'missing']);
  t.match(await readFileState('/dev/null'), { state: 'missing' });
  chmodSync(join(dir, 'real'), 0o640);
  t.match(await readFileState(join(dir, 'link')), { mode: 0o640 });
});

t.test('a file that is too large for one of these is not read', async (t) => {
  const path = join(t.testdir({ f: 'a' }), 'f');
  truncateSync(path, 16 * 2 ** 20);
  t.match(await readFileState(path), { state: 'present' });
  truncateSync(path, 16 * 2 ** 20 + 1);
  t.match(await readFileState(path), { state: 'unreadable', reason: 'larger than 16 MB' });
});

t.test('takes an edit within 350 ms, once', async (t) => {
  const dir = t.testdir({ a: 'one', b: 'other' });
  const { clock, changes, watched } = await watch(t, dir, 'a', 'b');
  writeFileSync(join(dir, 'a'), 'two');
  t.equal(await clock.step(), 250);
  t.strictSame(changes, []);
  t.equal(await clock.step(), 100);
  t.strictSame(changes, [['two', 'other']]);
  t.strictSame(watched.current.map(shown), ['two', 'other']);
  await clock.step();
  await clock.step();
  t.equal(changes.length, 1);
});

t.test('waits while a file is being written, and for both files', async (t) => {
  const dir = t.testdir({ a: '', b: '' });
  const { clock, changes } = await watch(t, dir, 'a', 'b');
  for (const part of ['[prof', 'ile a', ']\n']) {
    appendFileSync(join(dir, 'a'), part);
    await clock.step();
  }
  writeFileSync(join(dir, 'b'), 'b');
  await clock.step();
  t.strictSame(changes, []);
  t.equal(await clock.step(), 100);
  t.strictSame(changes, [['[profile a]\n', 'b']]);
});

t.test('notices every way in which editors and dotfile managers change a file', async (t) => {
  const dir = t.testdir({ f: 'start', other: 'elsewhere' });
  const file = join(dir, 'f');
  const { clock, changes } = await watch(t, dir, 'f');
  const { atime, mtime } = statSync(file);
  const ways: [result: string, change: () => void][] = [
    [
      'START',
      () => {
        writeFileSync(file, 'START');
        utimesSync(file, atime, mtime);
      },
    ],
    [
      'renamed',
      () => {
        writeFileSync(`${file}.new`, 'renamed');
        renameSync(`${file}.new`, file);
      },
    ],
    ['missing', () => rmSync(file)],
    ['elsewhere', () => symlinkSync('other', file)],
    ['edited', () => writeFileSync(join(dir, 'other'), 'edited')],
    ['edited', () => chmodSync(join(dir, 'other'), 0o600)],
    ['missing', () => rmSync(join(dir, 'other'))],
    [
      'unreadable',
      () => {
        rmSync(file);
        mkdirSync(file);
      },
    ],
    ['missing', () => rmSync(dir, { recursive: true })],
    [
      'back',
      () => {
        mkdirSync(dir);
        writeFileSync(file, 'back');
      },
    ],
  ];
  for (const [result, change] of ways) {
    change();
    const before = changes.length;
    await clock.step();
    await clock.step();
    t.strictSame(changes.slice(before), [[result]], result);
  }
});

t.test('a touched file is no change; an unreadable one is tried again, and told once', async (t) => {
  const dir = t.testdir({ f: 'same', folder: {} });
  const { clock, changes } = await watch(t, dir, 'f', 'folder');
  utimesSync(join(dir, 'f'), 1, 1);
  const delays = [await clock.step(), await clock.step(), await clock.step(), await clock.step()];
  t.strictSame(delays, [250, 100, 250, 100], 'reads at every second look');
  t.strictSame(changes, []);
});

t.test('nothing is told after close, even by a look that is under way', async (t) => {
  const dir = t.testdir({ f: 'one' });
  const { clock, changes, watched } = await watch(t, dir, 'f');
  writeFileSync(join(dir, 'f'), 'two');
  await clock.step();
  void clock.step();
  watched.close();
  const later = await watch(t, dir, 'f');
  await later.clock.step();
  await later.clock.step();
  t.strictSame(changes, []);
});
