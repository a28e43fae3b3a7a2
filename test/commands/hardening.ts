import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';
import { CLI } from '../support/cli.js';
import { ready } from '../support/lease-commands.js';
import { needsLinux } from '../support/loopback.js';

t.test('a daemon started by hand cannot dump its memory', { skip: needsLinux }, async (t) => {
  const own = await ready(t);
  const limits = (pid: number) =>
    /core file size +(\d+|unlimited)/.exec(readFileSync(`/proc/${pid}/limits`, 'utf8'))?.[1];
  const through = ['sh', '-c', 'ulimit -S -c unlimited; exec "$0" "$@"'];
  const pidOf = async () => JSON.parse((await own.credd(['status', '--json'])).stdout).pid;
  const direct = await own.serve([], { through });
  t.equal(await pidOf(), direct.pid, 'in the same process where there is prlimit');
  t.equal(limits(direct.pid), '0');
  t.equal((await direct.stop()).code, 0);

  const again = await own.serve([], { through: ['/bin/sh', ...through.slice(1)], env: { PATH: '/nowhere' } });
  const pid = await pidOf();
  t.not(pid, again.pid);
  t.equal(limits(pid), '0');
  again.process.kill('SIGUSR1');
  t.equal((await again.stop()).code, 0, 'signals and the exit code go through');
  t.notOk(existsSync(`/proc/${pid}`));
  t.notMatch(again.stderr(), /ebugger/);
});

t.test('SIGUSR1 opens the inspector of no process with secrets', async (t) => {
  const own = await ready(t);
  const demo = own.start(['demo', '--port', '0']);
  await demo.prints(/Ctrl-C/);
  const alone = own.start(['exec', 'app', '--', 'sh', '-c', 'trap : USR1; echo ready; cat']);
  await alone.prints(/ready/);
  await own.serve();
  const through = own.start(['exec', 'app', '--', 'sh', '-c', 'trap : USR1; echo ready; cat']);
  await through.prints(/ready/);
  for (const { process } of [demo, alone, through]) process.kill('SIGUSR1');
  demo.process.kill('SIGTERM');
  for (const { process } of [alone, through]) process.stdin?.end();
  for (const { ended } of [demo, alone, through]) t.notMatch((await ended).stderr, /ebugger|inspector/);
});

t.test('umask: whatever the daemon makes is for its user alone', { skip: needsLinux }, async (t) => {
  const own = await ready(t);
  const daemon = await own.serve();
  t.match(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'), /^Umask:\s+0077$/m);
  t.match(
    await own.credd(['exec', 'app', '--', 'sh', '-c', 'umask'], {
      through: ['sh', '-c', 'umask 022; exec "$0" "$@"'],
    }),
    {
      stdout: '0022\n',
    },
  );
  t.ok(existsSync(CLI));
});
