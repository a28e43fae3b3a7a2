import { appendFileSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { linesOf, olderThan, RotatedFile } from '../../src/system/rotated-file.js';

t.test('lines are added; a full file becomes the older one, and that one goes', async (t) => {
  const path = join(t.testdir({}), 'log');
  const file = new RotatedFile(path, 10);
  for (const line of ['first\n', 'second\n', 'third\n', 'fourth and last\n', 'fifth\n'])
    await file.append(line);
  t.equal(readFileSync(path, 'utf8'), 'fifth\n');
  t.equal(readFileSync(olderThan(path), 'utf8'), 'third\nfourth and last\n');
  t.equal(statSync(path).mode & 0o777, 0o600);
});

t.test('after a torn line the next begins a new one', async (t) => {
  const path = join(t.testdir({ log: 'torn in the mid' }), 'log');
  const file = new RotatedFile(path, 1000);
  await file.append('whole\n');
  await file.append('next\n');
  t.equal(readFileSync(path, 'utf8'), 'torn in the mid\nwhole\nnext\n');
});

t.test('reading follows it over a rotation, line by line', async (t) => {
  const path = join(t.testdir({}), 'log');
  const file = new RotatedFile(path, 20);
  const lines = linesOf(path);
  const next = async () => (await lines.next()).value;
  t.same(await next(), [], 'no file yet');
  await file.append('one\n');
  await file.append('two é\n');
  t.same(await next(), ['one', 'two é']);
  t.same(await next(), []);
  appendFileSync(path, Buffer.from('three, begun \u00e9').subarray(0, -1));
  t.same(await next(), [], 'a line that is not complete waits');
  appendFileSync(path, Buffer.from([0xa9, 0x0a]));
  t.same(await next(), ['three, begun é']);
  await file.append('four, anew\n');
  t.ok(existsSync(olderThan(path)));
  await file.append('five\n');
  t.same(await next(), ['four, anew', 'five']);
  t.same((await linesOf(path).next()).value, ['one', 'two é', 'three, begun é', 'four, anew', 'five']);
  await lines.return?.(undefined as never);
});

t.test('what is left over of a file that was moved away while nobody looked is read too', async (t) => {
  const path = join(t.testdir({}), 'log');
  writeFileSync(path, 'seen\n');
  const lines = linesOf(path);
  t.same((await lines.next()).value, ['seen']);
  appendFileSync(path, 'last of the old\n');
  await new RotatedFile(path, 1).append('first of the new\n');
  t.same((await lines.next()).value, ['last of the old', 'first of the new']);
  await lines.return?.(undefined as never);
});
