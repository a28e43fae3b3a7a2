import t from 'tap';
import type { RoleSession } from '../../src/sessions/role-session.js';
import { SessionStore } from '../../src/sessions/session-store.js';
import { MemoryStore } from '../../src/system/memory-store.js';
import type { SecretStore } from '../../src/system/secret-store.js';
import { SECOND, travelClock, turn } from '../support/time.js';
import { startVending } from '../support/vending.js';
import { keysProfile, roleProfile } from '../support/vending-config.js';

const log = { debug() {}, warn() {} };
const dev = `${keysProfile('base')}${roleProfile('dev', 'base')}`;

function sessionFrom(now: number): RoleSession {
  return {
    accessKeyId: 'ASIA',
    secretAccessKey: 'secret',
    sessionToken: 'token',
    obtainedAt: now,
    expiration: now + 3600 * SECOND,
    roleArn: 'arn:aws:iam::123456789012:role/dev',
    assumedRoleUser: { arn: 'arn:aws:sts::123456789012:assumed-role/dev/ada', assumedRoleId: 'AROA:ada' },
  };
}

class FailingStore extends MemoryStore {
  override async get(): Promise<string | undefined> {
    throw new Error('the keychain is locked');
  }
  override async set(): Promise<void> {
    throw new Error('the disk is full');
  }
  override async delete(): Promise<void> {
    throw new Error('the keychain is locked');
  }
}

class HangingStore extends MemoryStore {
  override get(): Promise<string | undefined> {
    return new Promise(() => {});
  }
  override set(): Promise<void> {
    return new Promise(() => {});
  }
}

t.test('gives back what was saved, whole, until it ends', async (t) => {
  const clock = travelClock();
  const store = new SessionStore(Promise.resolve(new MemoryStore()), log);
  const session = sessionFrom(clock.now());
  t.equal(await store.load('key', clock), undefined);
  store.save('key', session);
  await turn();
  t.same(await store.load('key', clock), session);
  clock.jump(3600 * SECOND);
  t.equal(await store.load('key', clock), undefined);
  t.equal(clock.timers, 0);
});

t.test('nothing that the wall clock cannot be trusted for', async (t) => {
  const clock = travelClock();
  const store = new SessionStore(Promise.resolve(new MemoryStore()), log);
  store.save('later', sessionFrom(clock.now() + 10 * 60 * SECOND));
  store.save('now', sessionFrom(clock.now() + 5 * SECOND));
  await turn();
  t.equal(await store.load('later', clock), undefined, 'obtained later than it is now');
  t.match(await store.load('now', clock), { accessKeyId: 'ASIA' });
  clock.advance(600 * SECOND);
  clock.set(-300 * SECOND);
  t.equal(await store.load('now', clock), undefined, 'nobody knows how long it lasts');
});

t.test('what is stored is not what it should be: a miss', async (t) => {
  const clock = travelClock();
  const memory = new MemoryStore();
  const store = new SessionStore(Promise.resolve(memory), log);
  const whole = JSON.stringify(sessionFrom(clock.now()));
  const texts = [
    '',
    'null',
    '7',
    '[]',
    '{}',
    '"text"',
    whole.slice(0, -1),
    whole.replace('"token"', '7'),
    '\u0000',
  ];
  for (const text of texts) {
    await memory.set('key', text);
    t.equal(await store.load('key', clock), undefined, JSON.stringify(text));
  }
  await memory.set('key', whole);
  t.ok(await store.load('key', clock));
});

t.test('writes happen in order, however long each takes', async (t) => {
  const memory = new MemoryStore();
  const waiting: (() => void)[] = [];
  const slow: SecretStore = Object.assign(Object.create(memory), {
    set: (key: string, value: string) =>
      new Promise<void>((done) => waiting.push(() => done(memory.set(key, value)))),
    delete: (key: string) => memory.delete(key),
  });
  const store = new SessionStore(Promise.resolve(slow), log);
  const session = sessionFrom(0);
  store.save('key', session);
  store.drop('key');
  store.save('key', { ...session, accessKeyId: 'later' });
  for (let write = 0; write < 2; write++) {
    while (waiting.length === 0) await turn();
    await turn();
    t.equal(waiting.length, 1, 'one at a time');
    waiting.shift()?.();
  }
  while (!(await memory.get('key'))) await turn();
  t.match(JSON.parse((await memory.get('key')) ?? ''), { accessKeyId: 'later' });
});

t.test('closing waits for what is being written', async (t) => {
  const memory = new MemoryStore();
  const seen: string[] = [];
  const store = new SessionStore(
    Promise.resolve(
      Object.assign(Object.create(memory), {
        set: async () => void seen.push('written'),
        close: async () => void seen.push('closed'),
      }),
    ),
    log,
  );
  store.save('key', sessionFrom(0));
  await store.close();
  t.same(seen, ['written', 'closed']);
});

t.test('a store that fails is a miss, says why, and recovers', async (t) => {
  const clock = travelClock();
  const lines: { level: string; context: object; message: string }[] = [];
  const failing = new SessionStore(Promise.resolve(new FailingStore()), {
    debug: (context, message) => lines.push({ level: 'debug', context, message }),
    warn: (context, message) => lines.push({ level: 'warn', context, message }),
  });
  t.equal(await failing.load('key', clock), undefined);
  t.equal(failing.problem, 'the keychain is locked');
  failing.save('key', sessionFrom(clock.now()));
  await turn();
  t.equal(failing.problem, 'the disk is full');
  failing.drop('key');
  await t.rejects(failing.settled(), {
    code: 'StoreUnavailable',
    statusCode: 503,
    message: 'the keychain is locked',
  });
  await failing.close();
  t.equal(failing.problem, undefined, 'closing worked');
  t.same(
    lines.map(({ level }) => level),
    ['warn', 'debug', 'debug'],
    'told once',
  );
  t.match(lines[0]?.message, /^the session store could not be read: the keychain is locked\. /);
  t.notMatch(JSON.stringify(lines), /secret"|"token/);
});

t.test('a store that could not be opened is a miss', async (t) => {
  const unopened = new SessionStore(Promise.reject(new Error('no passphrase')), log);
  await turn();
  t.equal(unopened.problem, 'no passphrase', 'known before anybody has used it, and nothing has crashed');
  const store = Promise.reject(new Error('no passphrase'));
  store.catch(() => {});
  const { ask, sessions } = await startVending(t, { config: dev, store });
  t.match(await ask('dev'), /^ASIA/);
  t.equal(sessions.problem, 'no passphrase');
});

t.test('requests do not fail because the store does', async (t) => {
  const { ask, vendor, sessions, aws, log } = await startVending(t, {
    config: dev,
    store: new FailingStore(),
  });
  const first = await ask('dev');
  t.equal(await ask('dev'), first);
  t.equal(sessions.problem, 'the disk is full');
  vendor.forget('dev');
  t.not(await ask('dev'), first);
  t.equal(aws.calls.length, 2);
  t.ok(log.every(({ level }) => level === 'info'));
});

t.test('a store that does not answer costs a request 3 s, once', async (t) => {
  const { ask, vendor, sessions, clock, aws } = await startVending(t, {
    config: dev,
    store: new HangingStore(),
  });
  const asked = ask('dev');
  await turn();
  clock.advance(2999);
  await turn();
  t.equal(aws.calls.length, 0);
  clock.advance(1);
  t.match(await asked, /^ASIA/);
  t.equal(sessions.problem, 'it does not answer');
  t.equal(await ask('dev'), await asked);
  t.match(await vendor.renew('dev'), { accessKeyId: /^ASIA/ }, 'it is not asked again');
});

t.test('a store that is never opened costs the same', async (t) => {
  const { ask, clock } = await startVending(t, { config: dev, store: new Promise<SecretStore>(() => {}) });
  const asked = ask('dev');
  await turn();
  clock.advance(3 * SECOND);
  t.match(await asked, /^ASIA/);
});

t.test('what is stored of a chain is damaged: a new session, which replaces it', async (t) => {
  const before = await startVending(t, { config: dev });
  const first = await before.ask('dev');
  const store = await before.store;
  for (const key of await store.keys()) await store.set(key, '{"accessKeyId":');
  const after = await before.restart();
  const second = await after.ask('dev');
  t.not(second, first);
  t.equal(await (await after.restart()).ask('dev'), second);
});
