import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import t, { type Test } from 'tap';
import { agentLogs, keepAgentLogSmall } from '../../../src/system/service/agent-log.js';
import { steppedClock } from '../../support/stepped-clock.js';

const LINE = `${'x'.repeat(999)}\n`;

function agent(t: Test, env = { XPC_SERVICE_NAME: 'dev.credd.agent' }) {
  const home = t.testdir({});
  const { log, before } = agentLogs(home);
  mkdirSync(dirname(log), { recursive: true });
  const clock = steppedClock();
  return { log, before, clock, begin: () => t.teardown(keepAgentLogSmall({ env, home, clock })) };
}

t.test('a log that has grown is put aside once a day, and what has it open goes on in it', async (t) => {
  const { log, before, clock, begin } = agent(t);
  appendFileSync(log, 'first\n');
  const open = openSync(log, 'a');
  t.teardown(() => closeSync(open));
  begin();
  t.equal(await clock.step(), 24 * 3600_000);
  t.equal(readFileSync(log, 'utf8'), 'first\n');
  t.notOk(existsSync(before));
  writeSync(open, LINE.repeat(5000));
  await clock.step();
  t.equal(statSync(before).size, 5_000_006);
  writeSync(open, 'next\n');
  t.equal(readFileSync(log, 'utf8'), 'next\n');
});

t.test('one that has grown before the start too', async (t) => {
  const { log, before, clock, begin } = agent(t);
  appendFileSync(log, LINE.repeat(5001));
  begin();
  await clock.step();
  t.equal(statSync(log).size, 0);
  t.equal(statSync(before).size, 5_001_000);
});

t.test('without a log, it looks again', async (t) => {
  const { clock, begin } = agent(t);
  begin();
  t.equal(await clock.step(), 24 * 3600_000);
});

t.test('a daemon that launchd did not start leaves the log alone', async (t) => {
  const home = t.testdir({});
  const clock = { now: Date.now, after: () => t.fail('no timer is set') };
  keepAgentLogSmall({
    env: { XPC_SERVICE_NAME: 'application.com.apple.Terminal' },
    home,
    clock: clock as never,
  })();
});
