import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { createServiceNotifier } from '../../../src/system/service/notify.js';
import { steppedClock } from '../../support/stepped-clock.js';

/** A `systemd-notify` that writes down what it is told. */
function notifier(
  t: Test,
  env: Record<string, string>,
  script = 'printf "%s|" "$@" >> "$TOLD"; echo >> "$TOLD"',
) {
  const folder = t.testdir({ 'systemd-notify': `#!/bin/sh\n${script}\n` });
  chmodSync(join(folder, 'systemd-notify'), 0o755);
  const TOLD = join(folder, 'told');
  writeFileSync(TOLD, '');
  const failures: string[] = [];
  const clock = steppedClock();
  const made = createServiceNotifier({
    env: { PATH: `${folder}:/usr/bin:/bin`, TOLD, ...env },
    pid: 7,
    clock,
    status: () => 'well',
    failed: (reason) => failures.push(reason),
  });
  t.teardown(() => made.close());
  return { ...made, clock, failures, told: () => readFileSync(TOLD, 'utf8').split('\n').filter(Boolean) };
}

const NOTIFY_SOCKET = '/run/notify';

t.test('ready, reloading, stopping', async (t) => {
  const { ready, reloading, stopping, told, active } = notifier(t, { NOTIFY_SOCKET });
  t.equal(active, true);
  await ready();
  await reloading();
  await stopping();
  t.strictSame(told(), ['READY=1|STATUS=well|', 'RELOADING=1|STATUS=well|', 'STOPPING=1|STATUS=well|']);
});

t.test('signs of life, twice in each interval of the watchdog', async (t) => {
  const { ready, clock } = notifier(t, { NOTIFY_SOCKET, WATCHDOG_USEC: '30000000', WATCHDOG_PID: '7' });
  await ready();
  t.equal(await clock.step(), 15_000);
  t.equal(await clock.step(), 15_000);
});

t.test('the watchdog of another process is none of ours', async (t) => {
  const { ready, clock } = notifier(t, { NOTIFY_SOCKET, WATCHDOG_USEC: '30000000', WATCHDOG_PID: '8' });
  await ready();
  const stepped = clock.step().then(() => 'a timer');
  t.equal(await Promise.race([stepped, new Promise((done) => setImmediate(() => done('none')))]), 'none');
});

t.test('without systemd nothing is run', async (t) => {
  const { ready, told, active, failures } = notifier(t, {});
  t.equal(active, false);
  await ready();
  t.strictSame([told(), failures], [[], []]);
});

t.test('what fails is said, and stops nothing', async (t) => {
  const { ready, failures } = notifier(t, { NOTIFY_SOCKET }, 'exit 1');
  await ready();
  t.match(failures, [/could not be told READY=1/]);
});

t.test("the system's own folders are looked into last", async (t) => {
  const { ready, failures } = notifier(t, { NOTIFY_SOCKET, PATH: '/nonexistent' });
  await ready();
  t.equal(failures.length, 1);
  t.equal(/ENOENT/.test(failures.join()), !existsSync('/usr/bin/systemd-notify'));
});

t.test('one that hangs holds no stop up', async (t) => {
  const { stopping, failures, told } = notifier(
    t,
    { NOTIFY_SOCKET },
    'echo asked >> "$TOLD"; exec sleep 1000',
  );
  await stopping();
  t.strictSame(told(), ['asked']);
  t.match(failures, [/could not be told STOPPING=1/]);
});
