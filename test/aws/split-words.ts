import { spawnSync } from 'node:child_process';
import t from 'tap';
import { splitWords } from '../../src/aws/split-words.js';

const needsPython = spawnSync('python3', ['-V']).status !== 0 && 'needs python: apt-get install -y python3';

t.test('words and quotes', async (t) => {
  t.strictSame(splitWords(`a  b\tc`), ['a', 'b', 'c']);
  t.strictSame(splitWords(`"/opt/my tools/x" --name='a "b"' c\\ d ""`), [
    '/opt/my tools/x',
    '--name=a "b"',
    'c d',
    '',
  ]);
  t.strictSame(
    splitWords(`a$HOME *.txt | b; c #d`),
    ['a$HOME', '*.txt', '|', 'b;', 'c', '#d'],
    'nothing is expanded',
  );
  t.strictSame(splitWords('  '), []);
  for (const line of [`a 'b`, `a "b`, 'a\\', `"a\\"`])
    t.throws(() => splitWords(line), { message: /^(a quote in it is not closed|it ends in a backslash)$/ });
});

/** Lines of what matters to a shell, the same each time. */
function* lines(count: number): Generator<string> {
  const pieces = [...`ab'"\\ \t$\`~#=*é😀`, '\\"', "\\'", `'a b'`, `"c d"`, '\u00a0', '\u3000', '\v', '\r'];
  let state = 1;
  const random = (below: number) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % below;
  };
  for (let i = 0; i < count; i++) {
    yield Array.from({ length: random(12) }, () => pieces[random(pieces.length)]).join('');
  }
}

t.test('splits every line as shlex does', { skip: needsPython }, async (t) => {
  const script =
    'import json,shlex,sys\ndef f(l):\n try: return shlex.split(l)\n except ValueError: return None\njson.dump([f(l) for l in json.load(sys.stdin)],sys.stdout)';
  const given = [...lines(20_000)];
  const { stdout } = spawnSync('python3', ['-c', script], {
    input: JSON.stringify(given),
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  const expected: (string[] | null)[] = JSON.parse(stdout);
  const differences = given.filter(
    (line, index) => JSON.stringify(split(line)) !== JSON.stringify(expected[index]),
  );
  t.strictSame(differences.slice(0, 5), []);
  t.ok(expected.filter((words) => words && words.length > 1).length > 1000, 'and many of them have words');
});

function split(line: string): string[] | null {
  try {
    return splitWords(line);
  } catch {
    return null;
  }
}

t.test('takes time linear in the line', async (t) => {
  t.throws(() => splitWords(`"${'\\'.repeat(100_001)}`));
  t.throws(() => splitWords(`${"a'b'".repeat(50_000)}"`));
  t.equal(splitWords('a '.repeat(100_000)).length, 100_000);
  t.equal(splitWords(`'${'a'.repeat(1e6)}'${'b'.repeat(1e6)}"${'c'.repeat(1e6)}"`)[0]?.length, 3e6);
});
