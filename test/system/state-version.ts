import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { adoptStateFolder } from '../../src/system/state-version.js';

function folder(t: Test, version?: string): string {
  const path = join(t.testdir({}), 'state');
  rmSync(path, { recursive: true, force: true });
  mkdirSync(path, { mode: 0o700 });
  if (version !== undefined) writeFileSync(join(path, 'version'), version);
  return path;
}
const versionOf = (path: string) => readFileSync(join(path, 'version'), 'utf8');

t.test('a new folder gets the newest version', async (t) => {
  const path = folder(t);
  await adoptStateFolder(path);
  t.equal(versionOf(path), '1\n');
  await adoptStateFolder(path);
  t.equal(versionOf(path), '1\n');
});

t.test('an older one is brought up step by step', async (t) => {
  const path = folder(t, '1\n');
  const steps: string[] = [];
  const step = (name: string) => async () => void steps.push(name);
  await adoptStateFolder(path, [step('0 to 1'), step('1 to 2'), step('2 to 3')]);
  t.strictSame(steps, ['1 to 2', '2 to 3']);
  t.equal(versionOf(path), '3\n');
});

t.test('a step that fails is taken again', async (t) => {
  const path = folder(t, '0');
  const steps: string[] = [];
  const first = async () => void steps.push('first');
  const failing = async () => {
    throw new Error('no room');
  };
  await t.rejects(adoptStateFolder(path, [first, failing]), { message: 'no room' });
  t.equal(versionOf(path), '1\n');
  await adoptStateFolder(path, [first, async () => void steps.push('second')]);
  t.strictSame(steps, ['first', 'second']);
});

t.test('a newer one is refused and not touched', async (t) => {
  const path = folder(t, '7\n');
  await t.rejects(adoptStateFolder(path), {
    code: 'NewerState',
    message: /newer credd .*version is 7, this one knows 1/,
  });
  t.equal(versionOf(path), '7\n');
});

t.test('one that is damaged is refused', async (t) => {
  await t.rejects(adoptStateFolder(folder(t, 'x')), { code: 'StateDamaged' });
});
