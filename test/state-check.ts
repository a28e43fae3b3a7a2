import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { machine } from './support/cli.js';
import { notMountable, smallDisk } from './support/small-disk.js';

function ready(t: Test) {
  const own = machine(t, { config: '[profile app]\nregion = eu-west-1\n' });
  mkdirSync(own.path('.config', 'credd'), { recursive: true });
  writeFileSync(own.path('config.ini'), '', { mode: 0o600 });
  const state = (...names: string[]) => own.path('.local', 'state', 'credd', ...names);
  mkdirSync(state('sessions'), { recursive: true, mode: 0o700 });
  return { ...own, state };
}

/** As a daemon, and without one: what works alone is as careful. */
const commands = [['serve', '--port', '0', '--store', 'memory'], ['list']];

t.test('loose files: an error that names the chmod, in a daemon and without one', async (t) => {
  const own = ready(t);
  for (const [name, mode, word] of [
    ['token', 0o640, 'chmod'],
    ['leases', 0o604, 'chmod 600'],
    ['version', 0o644, 'chmod 600'],
    ['keys.json', 0o644, 'chmod 600'],
    ['sessions/store.json', 0o640, 'chmod 600'],
    ['audit.jsonl', 0o644, 'chmod 600'],
    ['audit.jsonl.1', 0o644, 'chmod 600'],
    ['endpoint', 0o666, 'chmod go-w'],
    ['config', 0o666, 'chmod go-w'],
  ] as const) {
    const path = name === 'config' ? own.path('config.ini') : own.state(name);
    const before = existsSync(path) ? readFileSync(path) : '';
    writeFileSync(path, before);
    chmodSync(path, mode);
    const env = name === 'config' ? { CREDD_CONFIG: path } : {};
    for (const { code, stderr } of await Promise.all(commands.map((words) => own.credd(words, { env })))) {
      t.equal(code, 1, name);
      t.match(stderr, `${word}`, name);
      t.match(stderr, path, name);
    }
    chmodSync(path, 0o600);
  }
});

t.test('a folder of a newer credd is not touched', async (t) => {
  const own = ready(t);
  writeFileSync(own.state('version'), '999\n', { mode: 0o600 });
  for (const words of commands)
    t.match(await own.credd(words), { code: 1, stderr: /was written by a newer credd .*999/ });
  t.equal(readFileSync(own.state('version'), 'utf8'), '999\n');
});

t.test('a disk that takes nothing stops no command', { skip: notMountable }, async (t) => {
  const own = ready(t);
  const full = smallDisk(t);
  t.throws(() => writeFileSync(join(full, 'filler'), Buffer.alloc(100_000)), { code: 'ENOSPC' });
  const env = { XDG_STATE_HOME: full, CREDD_STORE: 'memory' };
  t.match(await own.credd(['list'], { env }), { code: 0, stdout: /app/ });
  t.notOk(existsSync(join(full, 'credd', 'version')));
});

t.test('loose settings are refused where there can be no state folder either', async (t) => {
  const own = ready(t);
  writeFileSync(own.path('file'), '');
  chmodSync(own.path('config.ini'), 0o666);
  const env = { CREDD_CONFIG: own.path('config.ini'), XDG_STATE_HOME: own.path('file') };
  t.match(await own.credd(['list'], { env }), {
    code: 1,
    stderr: /other users can change .*config\.ini.* chmod go-w/,
  });
});
