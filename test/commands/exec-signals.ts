import { readdirSync, watch } from 'node:fs';
import { open } from 'node:fs/promises';
import t from 'tap';
import { ask, CLI, run } from '../support/cli.js';
import { ready } from '../support/sources.js';
import { noTerminal, TERMINAL } from '../support/terminal.js';

t.test('signals go to the command', async (t) => {
  const { start } = await ready(t, { daemon: true });
  for (const name of ['TERM', 'INT', 'HUP', 'QUIT', 'USR1', 'USR2']) {
    const script = `process.on('SIG${name}', () => { console.log('caught ${name}'); process.exit(5); });
      setInterval(() => {}, 1e6); console.log('ready')`;
    const running = start(['exec', 'app', '--', process.execPath, '-e', script]);
    await running.prints(/ready/);
    running.process.kill(`SIG${name}` as NodeJS.Signals);
    t.match(await running.ended, { code: 5, stdout: new RegExp(`^ready\ncaught ${name}\n$`) });
  }
  const running = start(['exec', 'app', '--', 'sh', '-c', 'echo ready; exec sleep 60']);
  await running.prints(/ready/);
  running.process.kill('SIGTERM');
  t.match(await running.ended, { code: 128 + 15 });
});

t.test(
  'Ctrl-C on a terminal reaches the command once, and credd lives on',
  { skip: noTerminal },
  async (t) => {
    const own = await ready(t, { daemon: true });
    const pipe = own.path('pipe');
    await run(t, ['mkfifo', pipe], { env: own.env }).ended;
    const script = `let times = 0;
    process.on('SIGINT', () => console.log('caught', ++times));
    process.stdin.once('data', () => { console.log('in all', times); process.exit(9); });
    console.log('ready');`;
    const exec = [process.execPath, CLI, 'exec', 'app', '--', process.execPath, '-e', script];

    const onTerminal = run(t, ['python3', TERMINAL, ...exec], { env: own.env });
    await onTerminal.prints(/ready/);
    onTerminal.process.stdin?.write('\x03');
    await onTerminal.prints(/caught 1/);
    onTerminal.process.stdin?.write('go on\n');
    t.match(await onTerminal.ended, { code: 9, stdout: /in all 1/ });

    const redirected = run(t, ['python3', TERMINAL, 'sh', '-c', `exec "$@" < '${pipe}'`, 'sh', ...exec], {
      env: own.env,
    });
    const writer = await open(pipe, 'w');
    await redirected.prints(/ready/);
    redirected.process.stdin?.write('\x03');
    await redirected.prints(/caught 1/);
    await writer.write('go on\n');
    t.match(await redirected.ended, { code: 9, stdout: /in all 1/ });
    await writer.close();
  },
);

t.test('when credd is killed its lease ends, and what it left is swept', async (t) => {
  const own = await ready(t, { daemon: true });
  const { start, credd, path } = own;
  const script =
    'echo "$AWS_CONTAINER_CREDENTIALS_FULL_URI $AWS_CONTAINER_AUTHORIZATION_TOKEN $$"; exec sleep 60';
  const running = start(['exec', 'app', '--', 'sh', '-c', script]);
  const [, uri = '', token = '', child = ''] = await running.prints(/^(\S+) (\S+) (\d+)\n/);
  t.teardown(() => process.kill(Number(child)));
  t.match(await ask(uri, token), { status: 200 });

  const folder = path('run', 'credd');
  const lease = readdirSync(folder).find((name) => name.startsWith('lease-'));
  const gone = new Promise<void>((resolve) => {
    const watcher = watch(folder, () => {
      if (readdirSync(folder).includes(lease ?? '')) return;
      watcher.close();
      resolve();
    });
  });
  running.process.kill('SIGKILL');
  running.process.stdout?.destroy();
  running.process.stderr?.destroy();
  await gone;
  t.match(await ask(uri, token), { status: 401 });
  t.equal(readdirSync(folder).length, 1, 'its config lies there still');
  t.match(await credd(['exec', 'app', '--', 'true']), { code: 0 });
  t.same(readdirSync(folder), []);
});
