import { lookup } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import t from 'tap';
import { keychainProcesses, withKeyring } from '../support/keychain.js';
import { missing } from '../support/keyring.js';

t.test('keeps what it is given', { skip: missing }, async (t) => {
  const { store } = await withKeyring(t);
  const long = 'x'.repeat(3000);
  await store.set('a', 'first');
  await store.set('a', 'second');
  await store.set('long', long);
  await store.set('foreign', 'Zoë 日本 🔑\n"quoted"\\');
  t.equal(await store.get('a'), 'second');
  t.equal(await store.get('long'), long);
  t.equal(await store.get('foreign'), 'Zoë 日本 🔑\n"quoted"\\');
  t.equal(await store.get('never'), undefined);
  t.same((await store.keys()).sort(), ['a', 'foreign', 'long']);
  await store.delete('a');
  await store.delete('never');
  t.equal(await store.get('a'), undefined);
  t.same((await store.keys()).sort(), ['foreign', 'long']);
});

t.test('answers many callers', { skip: missing }, async (t) => {
  const { store } = await withKeyring(t);
  const names = Array.from({ length: 20 }, (_, index) => `key-${index}`);
  await Promise.all(names.map((name) => store.set(name, `${name}'s`)));
  t.same(
    await Promise.all(names.map((name) => store.get(name))),
    names.map((name) => `${name}'s`),
  );
});

t.test('what a probe leaves behind is not listed', { skip: missing }, async (t) => {
  const { store } = await withKeyring(t);
  await store.probe();
  await store.probe();
  t.same(await store.keys(), []);
});

t.test('a keychain that hangs', { skip: missing }, async (t) => {
  const { keyring, store, endPause } = await withKeyring(t);
  await store.set('a', 'kept');
  keyring.pause();
  const calls = Array.from({ length: 6 }, () => store.get('a'));
  const settled = Promise.allSettled(calls);
  await Promise.all(calls.map(() => Promise.all([lookup('localhost'), readFile(new URL(import.meta.url))])));
  t.equal(
    await Promise.race([settled, 'still waiting']),
    'still waiting',
    'names and files do not wait for it',
  );
  const error = { code: 'StoreUnavailable', statusCode: 503, message: /did not answer/ };
  for (const result of await settled) t.match(result, { status: 'rejected', reason: error });
  t.same(await keychainProcesses(process.pid), [], 'its process is gone');
  await t.rejects(store.set('a', 'lost'), error);
  t.same(await keychainProcesses(process.pid), [], 'nothing is tried before the pause is over');

  endPause();
  const [ahead, behind] = await Promise.allSettled([store.get('a'), store.get('a')]);
  t.match(ahead, { status: 'rejected' });
  t.match(behind, { status: 'rejected' });

  keyring.resume();
  endPause();
  t.equal(await store.get('a'), 'kept', 'and is used again once it answers');
  await store.set('a', 'changed');
  t.equal(await store.get('a'), 'changed');
});

t.test('a keychain that vanishes and comes back', { skip: missing }, async (t) => {
  const { keyring, store, endPause } = await withKeyring(t);
  await store.set('a', 'kept');
  await keyring.stopDaemon();
  await t.rejects(store.get('a'), { code: 'StoreUnavailable', message: /no Secret Service/ });
  await keyring.startDaemon();
  endPause();
  t.equal(await store.get('a'), 'kept');
});

t.test('a D-Bus session that was replaced between two calls', { skip: missing }, async (t) => {
  const { keyring, store } = await withKeyring(t);
  await store.set('a', 'kept');
  await keyring.restart();
  t.equal(await store.get('a'), 'kept');
});

t.test('a locked keychain', { skip: missing }, async (t) => {
  const { keyring, store, endPause } = await withKeyring(t);
  await store.set('a', 'kept');
  await keyring.lock();
  t.equal(await store.get('a'), undefined, 'is a miss');
  await t.rejects(store.probe(), { code: 'StoreUnavailable', message: /locked/ });
  await t.rejects(store.set('a', 'lost'), { code: 'StoreUnavailable', message: /locked/ });
  endPause();
  await t.rejects(store.keys(), { code: 'StoreUnavailable', message: /locked/ });
  await keyring.stopDaemon();
  await keyring.startDaemon();
  await store.probe();
  t.equal(await store.get('a'), 'kept');
  t.same(await store.keys(), ['a']);
});
