import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { Step } from '../../src/aws/chain.js';
import type { Credentials } from '../../src/aws/credentials.js';
import { Refresher } from '../../src/sessions/refresher.js';
import { SessionSlot } from '../../src/sessions/session-slot.js';
import { SessionStore } from '../../src/sessions/session-store.js';
import { MemoryStore } from '../../src/system/memory-store.js';
import { HOUR, MINUTE, SECOND, travelClock, turn } from '../support/time.js';
import { seeded, startVending } from '../support/vending.js';
import { keysProfile, roleProfile } from '../support/vending-config.js';

const dev = `${keysProfile('base')}${roleProfile('dev', 'base')}`;
const SHORT = 20 * SECOND;

/** A slot over a provider that answers when, and what, the test says. */
function startSlot({ store = new MemoryStore(), source = undefined as SessionSlot | undefined } = {}) {
  const clock = travelClock();
  const asked: { step: Step; resolve(it: Credentials): void; reject(error: unknown): void }[] = [];
  const events: string[] = [];
  const parts = {
    provide: (step: Step) =>
      new Promise<Credentials>((resolve, reject) => asked.push({ step, resolve, reject })),
    store: new SessionStore(Promise.resolve(store), { debug() {} }),
    refresher: new Refresher(clock),
    clock,
    random: () => 0,
    renewed: () => void events.push('renewed'),
    failed: () => void events.push('failed'),
  };
  const step: Step = { kind: 'process', profile: 'p', command: 'x' };
  const slot = new SessionSlot('key', step, source, parts);
  let serial = 0;
  const session = (lifetime = HOUR): Credentials => ({
    accessKeyId: `ASIA${++serial}`,
    secretAccessKey: 's',
    sessionToken: `token${serial}`,
    expiration: clock.now() + lifetime,
  });
  return { clock, asked, events, slot, session, store, parts };
}

t.test('a bug below is a 500 that says so, and is remembered like any failure', async (t) => {
  const { slot, asked, events } = startSlot();
  const usable = slot.usable();
  await turn();
  asked[0]?.reject(new RangeError('off by one'));
  await t.rejects(usable, { code: 'InternalError', statusCode: 500, message: /off by one/ });
  await t.rejects(slot.usable(), { code: 'InternalError' });
  t.equal(asked.length, 1);
  t.same(events, ['failed']);
});

t.test('a flight that nobody waits for fails without ending the process', async (t) => {
  const { slot, asked, clock, session } = startSlot();
  slot.lastAskedAt = clock.now();
  slot.obtain();
  await turn();
  asked[0]?.resolve(session());
  await turn();
  clock.advance(40 * MINUTE);
  await turn();
  asked[1]?.reject(new Error('nobody hears this'));
  await turn();
  t.ok(slot.session);
  t.match(slot.failure, { attempts: 1 });
});

t.test(
  'the step before: while its session lasts, and in its last moments where there is no other',
  async (t) => {
    const { slot, asked, clock, session } = startSlot();
    const first = slot.usable();
    await turn();
    asked[0]?.resolve(session());
    const { accessKeyId } = await first;
    clock.jump(HOUR - 90 * SECOND);
    t.match(await slot.usable(), { accessKeyId }, 'due, but nobody asks for the source itself');
    t.equal(asked.length, 1);
    clock.jump(60 * SECOND);
    const late = slot.usable();
    await turn();
    t.equal(asked.length, 2);
    asked[1]?.reject(new Error('no'));
    t.match(await late, { accessKeyId });
    t.match(await slot.usable(), { accessKeyId }, 'the failure is remembered');
    t.equal(asked.length, 2);
    clock.jump(30 * SECOND);
    await t.rejects(Promise.all([slot.usable(), turn().then(() => asked[2]?.reject(new Error('no')))]), {
      message: /no/,
    });
  },
);

t.test('forgotten while the store is being read: it does not come back', async (t) => {
  const { slot, asked, session, store, clock } = startSlot();
  await store.set('key', JSON.stringify({ ...session(), obtainedAt: clock.now() }));
  const early = slot.usable();
  slot.forget();
  await turn();
  t.equal(slot.session, undefined);
  asked[0]?.resolve(session());
  await early;
  t.equal(slot.session, undefined);
  t.same(await store.keys(), []);
  t.equal(clock.timers, 0);
});

t.test('forgotten during a flight that then fails: no failure is left, and no retry', async (t) => {
  const { slot, asked, clock, events } = startSlot();
  const early = slot.usable();
  await turn();
  slot.forget();
  asked[0]?.reject(new Error('too late'));
  await t.rejects(early, { message: /too late/ });
  t.equal(slot.failure, undefined);
  t.same(events, []);
  clock.advance(HOUR);
  t.equal(asked.length, 1);
});

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

t.test('pasted session keys: served to their end, then a message, and one log line', async (t) => {
  let ends = '';
  const { ask, aws, clock, log, pass } = await startVending(t, {
    config: () => {
      ends = new Date(Math.floor(Date.now() / 1000) * 1000 + HOUR).toISOString();
      return `[profile pasted]
aws_access_key_id = ASIAPASTED
aws_secret_access_key = s
aws_session_token = t
aws_expiration = ${ends}
region = eu-west-1
`;
    },
  });
  while (clock.now() < Date.parse(ends) - 10 * SECOND) {
    if ((await ask('pasted')) !== 'ASIAPASTED') t.fail('not what was pasted');
    await pass(10 * SECOND, 10 * SECOND);
  }
  t.equal(log.length, 1);
  await pass(20 * SECOND, 10 * SECOND);
  await t.rejects(ask('pasted'), { code: 'ExpiredToken', statusCode: 403, message: /"pasted".*paste/ });
  t.equal(aws.calls.length, 0);
});

t.test('pasted session keys as the source of a role: neither stored nor announced', async (t) => {
  const { ask, aws, log, store, edit } = await startVending(t, { config: keysProfile('base') });
  await ask('base');
  const given = aws.world.sessions()[0];
  await edit(`[profile pasted]
aws_access_key_id = ${given?.accessKeyId}
aws_secret_access_key = ${given?.secretAccessKey}
aws_session_token = ${given?.sessionToken}
aws_expiration = ${new Date(given?.expiration ?? 0).toISOString()}
region = eu-west-1
${roleProfile('dev', 'pasted')}`);
  t.match(await ask('dev'), /^ASIA/);
  await turn();
  t.same(
    log.map(({ profile }) => profile),
    ['base', 'dev'],
  );
  t.equal((await (await store).keys()).length, 1);
});

/** A client that asks all the time, for some lifetimes of 20 s; what it got that it should not have. */
async function watch(
  t: Test,
  options: { seed: number; lifetimes: number; outage?: { from: number; until: number; kind: string } },
) {
  const { seed, lifetimes, outage } = options;
  const vending = await startVending(t, { config: dev, seed });
  const { vendor, aws, clock, settled } = vending;
  aws.world.sessionLifetime = SHORT / SECOND;
  const wrong: string[] = [];
  const waiting = new Set<Promise<void>>();
  const start = clock.now();
  const ask = () => {
    const asked = clock.now();
    const check = (body: string) => {
      if (clock.now() - asked > SECOND) wrong.push(`late at ${asked - start}`);
      if (Date.parse(JSON.parse(String(body)).Expiration) <= clock.now())
        wrong.push(`expired at ${asked - start}`);
    };
    const answer = vendor.get('dev');
    if (typeof answer === 'string') return check(answer);
    const checked = answer
      .then(check, ({ message }) => void wrong.push(`${asked - start}: ${message}`))
      .finally(() => waiting.delete(checked));
    waiting.add(checked);
  };
  ask();
  await settled();
  for (let time = 0; time < lifetimes * SHORT; time += 100) {
    if (outage?.from === time) {
      if (outage.kind === 'hang') vending.hang();
      else aws.faults.set('*', { kind: outage.kind as 'drop' | 'error' });
    }
    if (outage?.until === time) vending.release();
    clock.advance(100);
    ask();
    await settled();
  }
  vending.release();
  await Promise.all(waiting);
  return { wrong, aws };
}

t.test('sessions of 20 s, asked for all the time: always there, two calls a lifetime', async (t) => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const lifetimes = 10;
    const { wrong, aws } = await watch(t, { seed, lifetimes });
    t.same(wrong, []);
    const calls = aws.calls.length;
    t.ok(calls >= 1.7 * lifetimes && calls <= 2 * lifetimes + 1, `${calls}`);
  }
});

for (const kind of ['drop', 'error', 'hang']) {
  t.test(
    `the same through an outage (${kind}) of up to a third of a lifetime, whenever it begins`,
    async (t) => {
      const random = seeded(7);
      const failures: string[] = [];
      const begins = Array.from({ length: 40 }, (_, index) => SHORT + index * 500);
      const one = async (from: number) => {
        const seed = Math.floor(random() * 1e9);
        const { wrong, aws } = await watch(t, {
          seed,
          lifetimes: 3.5,
          outage: { from, until: from + 6600, kind },
        });
        failures.push(...wrong.map((it) => `outage from ${from}, seed ${seed}: ${it}`));
        if (aws.count('AssumeRole', 'ok') > 9) failures.push(`${aws.count('AssumeRole', 'ok')} calls`);
      };
      for (let at = 0; at < begins.length; at += 10) await Promise.all(begins.slice(at, at + 10).map(one));
      t.same(failures, []);
    },
  );
}
