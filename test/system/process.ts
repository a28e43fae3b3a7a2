import { spawn } from 'node:child_process';
import { once } from 'node:events';
import t from 'tap';
import { isRunning, processStart } from '../../src/system/process.js';
import { needsLinux, runScript } from '../support/loopback.js';

for (const platform of [process.platform, 'darwin'] as const) {
  const by = platform === 'linux' ? '/proc' : 'ps';

  t.test(`a process is known by its start, by ${by}`, async (t) => {
    const startedAt = await processStart(process.pid, platform);
    t.match(startedAt, /\d/);
    t.equal(await processStart(process.pid, platform), startedAt, 'the same each time');
    t.equal(await isRunning({ pid: process.pid, startedAt: startedAt ?? '' }, platform), true);
    t.equal(await isRunning({ pid: process.pid, startedAt: 'another time' }, platform), false);
  });

  t.test(`a process that has ended is not running, by ${by}`, async (t) => {
    const child = spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    const pid = child.pid ?? 0;
    const startedAt = (await processStart(pid, platform)) ?? '';
    t.equal(await isRunning({ pid, startedAt }, platform), true);
    child.stdin.end();
    await once(child, 'exit');
    t.equal(await isRunning({ pid, startedAt }, platform), false);
    t.equal(await processStart(pid, platform), undefined);
  });

  t.test(`what is no pid is not running, by ${by}`, async (t) => {
    for (const pid of [0, -1, 1.5, Number.NaN, 2 ** 30])
      t.equal(await processStart(pid, platform), undefined, String(pid));
  });
}

t.test('names with spaces and parentheses do not confuse it', { skip: needsLinux }, async (t) => {
  const plain = await runScript(t, 'console.log("ready")');
  await plain.hears();
  const pid = plain.process.pid ?? 0;
  const before = await processStart(pid);
  plain.tell('process.title = "a) Z (b 1 2"; console.log("named")');
  t.equal(await plain.hears(), 'named');
  t.ok(before);
  t.equal(await processStart(pid), before);
});

t.test('a zombie has ended', { skip: needsLinux }, async (t) => {
  const parent = spawn('sh', ['-c', 'sleep 600 & echo $!; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.teardown(() => parent.kill('SIGKILL'));
  const [line] = await once(parent.stdout, 'data');
  const pid = Number(line);
  parent.stdin.write('now it is cat\n');
  await once(parent.stdout, 'data');
  // cat never waits for the child that it inherited, so the pid stays in the table for as long as cat runs.
  process.kill(pid);
  while ((await processStart(pid)) !== undefined) await new Promise(setImmediate);
  t.equal(process.kill(pid, 0), true, 'still in the table');
});
