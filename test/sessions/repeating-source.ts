import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startSlot } from '../support/slot.js';
import { HOUR, MINUTE, SECOND, turn } from '../support/time.js';
import { startVending } from '../support/vending.js';

t.test(
  'a source that repeats itself is asked about once a minute from 20 minutes before the end',
  async (t) => {
    const { slot, asked, clock, session, events, store } = startSlot();
    const same = session();
    let writes = 0;
    const set = store.set.bind(store);
    store.set = async (key, value) => {
      writes++;
      return set(key, value);
    };
    const answerAll = async () => {
      await turn();
      for (const { resolve } of asked.splice(0)) {
        calls++;
        resolve({ ...same });
      }
      await turn();
    };
    let calls = 0;
    slot.obtain();
    await answerAll();
    for (let second = 0; second < 3599; second++) {
      clock.advance(SECOND);
      slot.lastAskedAt = clock.now();
      slot.renewIfDue();
      if (!slot.lasting) slot.obtain();
      await answerAll();
      if (!slot.session) t.fail(`no session at ${second} s`);
    }
    t.ok(calls > 10 && calls < 60, `${calls}`);
    t.same(events, ['renewed'], 'it is new once');
    t.equal(writes, 1, 'and stored once');
  },
);

t.test('a source that repeats itself is renewed as soon as it gives something else', async (t) => {
  const { slot, asked, clock, session, events } = startSlot();
  const same = session();
  slot.obtain();
  await turn();
  asked.shift()?.resolve({ ...same });
  await turn();
  slot.lastAskedAt = clock.now();
  clock.advance(40 * MINUTE);
  await turn();
  asked.shift()?.resolve({ ...same });
  await turn();
  clock.advance(60 * SECOND);
  await turn();
  const other = session();
  asked.shift()?.resolve(other);
  await turn();
  t.match(slot.session, { accessKeyId: other.accessKeyId });
  t.equal((slot.renewsAt ?? 0) - clock.now(), 40 * MINUTE);
  t.same(events, ['renewed', 'renewed']);
});

/** A credential_process that counts its runs and prints what the test wrote. */
function cachedProcess(t: Test) {
  const folder = t.testdir({
    'cached.mjs': `import { appendFileSync, readFileSync } from 'node:fs';
appendFileSync(new URL('runs', import.meta.url), 'x');
process.stdout.write(readFileSync(new URL('answer', import.meta.url)));`,
    runs: '',
    answer: '',
  });
  return {
    command: `"${process.execPath}" "${join(folder, 'cached.mjs')}"`,
    runs: () => statSync(join(folder, 'runs')).size,
    print: (keys: object) => writeFileSync(join(folder, 'answer'), JSON.stringify({ Version: 1, ...keys })),
  };
}

t.test(
  'a credential_process with a cache is run when its session is due, and announced when it is new',
  async (t) => {
    const { command, print, runs } = cachedProcess(t);
    const { ask, clock, log, pass } = await startVending(t, {
      config: `[profile p]\ncredential_process = ${command}\nregion = eu-west-1\n`,
    });
    const expiration = clock.now() + HOUR;
    const keys = {
      AccessKeyId: 'ASIACACHED',
      SecretAccessKey: 's',
      SessionToken: 't',
      Expiration: new Date(expiration).toISOString(),
    };
    print(keys);
    t.equal(await ask('p'), 'ASIACACHED');
    t.equal(runs(), 1);
    await pass(45 * MINUTE);
    for (let request = 0; request < 20; request++) t.equal(await ask('p'), 'ASIACACHED');
    t.ok(runs() <= 7, `${runs()}`);
    t.equal(log.filter(({ message }) => message.startsWith('new session')).length, 1);
    print({
      ...keys,
      AccessKeyId: 'ASIANEXT',
      SessionToken: 'u',
      Expiration: new Date(expiration + HOUR).toISOString(),
    });
    await pass(3 * MINUTE);
    t.equal(await ask('p'), 'ASIANEXT');
  },
);
