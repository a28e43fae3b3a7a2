import { fork } from 'node:child_process';
import { once } from 'node:events';
import t from 'tap';
import type { Environment } from '../../src/system/paths.js';
import { keychainProcesses, service, withKeyring } from '../support/keychain.js';
import { missing } from '../support/keyring.js';

t.test('shows a secret neither in the process list nor in the log', { skip: missing }, async (t) => {
  const { store, lines } = await withKeyring(t);
  await store.set('a', 'hush-hush');
  t.equal(await store.get('a'), 'hush-hush');
  const [child] = await keychainProcesses(process.pid);
  t.match(child?.command, 'keychain-process');
  t.notMatch(child?.command, 'hush-hush');
  t.notMatch(lines.join('\n'), 'hush-hush');
});

t.test('the process that asks the keychain', { skip: missing }, async (t) => {
  const { store } = await withKeyring(t);
  await store.set('a', 'kept');
  const [child] = await keychainProcesses(process.pid);
  if (!child) throw new Error('there is no such process');

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(child.pid, signal);
  t.equal(await store.get('a'), 'kept');
  t.same(await keychainProcesses(process.pid), [child], 'survives what a terminal sends to everybody');

  process.kill(child.pid, 'SIGKILL');
  t.equal(await store.get('a'), 'kept', 'is replaced when it dies');
  t.equal((await keychainProcesses(process.pid)).length, 1);

  await store.close();
  t.same(await keychainProcesses(process.pid), [], 'ends with the store');
  await t.rejects(store.get('a'), { code: 'StoreUnavailable', message: /closed/ });
});

t.test('a process that has used the keychain ends by itself', { skip: missing }, async (t) => {
  const { keyring, store } = await withKeyring(t);
  await store.set('a', 'kept');
  const user = startUser(keyring.env);
  t.same((await once(user, 'message'))[0], { value: 'kept' });
  t.same(await once(user, 'exit'), [0, null]);
});

t.test('a process can leave while the keychain hangs', { skip: missing }, async (t) => {
  const { keyring } = await withKeyring(t);
  keyring.pause();
  const user = startUser(keyring.env, 'leave');
  const child = await until(async () => (await keychainProcesses(user.pid))[0]);
  user.send('leave');
  t.same(await once(user, 'exit'), [0, null]);
  await until(async () => !(await keychainProcesses()).some(({ pid }) => pid === child.pid));
  t.pass('and leaves nothing behind');
});

function startUser(env: Environment, mode = 'stay') {
  return fork(new URL('../support/keychain-user.ts', import.meta.url), [service, mode], {
    env,
    stdio: 'inherit',
  });
}

async function until<T>(find: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const found = await find();
    if (found) return found;
  }
}
