import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemClock } from '../../src/system/clock.js';
import { FileStore } from '../../src/system/file-store.js';
import { openStore, type StoreOptions } from '../../src/system/open-store.js';
import { drivenClock } from '../support/driven-clock.js';
import { missing, startKeyring } from '../support/keyring.js';

/** A passphrase file beside a folder for the store, in a machine without D-Bus. */
async function open(t: Test, options: Partial<StoreOptions>, mode = 0o600) {
  const home = t.testdir({ passphrase: 'passphrase\n' });
  chmodSync(join(home, 'passphrase'), mode);
  const opened = await openStore({
    kind: 'auto',
    folder: join(home, 'sessions'),
    passphraseFile: join(home, 'passphrase'),
    env: { PATH: process.env.PATH, HOME: home },
    clock: systemClock,
    log: () => {},
    service: 'credd-test',
    ...options,
  });
  t.teardown(() => opened.store.close());
  return opened;
}

const keychainOfItsOwn = process.platform !== 'linux' && 'a machine without a keychain: run it on Linux';

t.test('with a keychain', { skip: missing }, async (t) => {
  const keyring = await startKeyring();
  t.teardown(() => keyring.stop());
  for (const kind of ['auto', 'keychain'] as const) {
    const { store, reason } = await open(t, { kind, env: keyring.env });
    t.equal(store.kind, 'keychain');
    t.equal(reason, 'sessions are kept in the keychain');
    await store.set(kind, 'kept');
    t.equal(await store.get(kind), 'kept');
  }

  await keyring.lock();
  const file = await open(t, { env: keyring.env });
  t.equal(file.store.kind, 'file', 'a locked one is none where there is a passphrase');
  t.match(file.reason, /locked.*encrypted, in .*sessions/);

  const clock = drivenClock();
  const opened = await open(t, { env: keyring.env, passphraseFile: undefined, clock });
  t.match(opened.reason, /locked.*until it can.*in memory.*CREDD_STORE_PASSPHRASE_FILE/);
  await t.rejects(opened.store.get('auto'), { code: 'StoreUnavailable' });
  await keyring.stopDaemon();
  await keyring.startDaemon();
  clock.advance(30_000);
  t.equal(await opened.store.get('auto'), 'kept', 'and it is used once a person has opened it');
  t.equal(opened.reason, 'sessions are kept in the keychain');
});

t.test('auto, without a keychain', { skip: keychainOfItsOwn }, async (t) => {
  const memory = await open(t, { passphraseFile: undefined });
  t.equal(memory.store.kind, 'memory');
  t.match(
    memory.reason,
    /keychain cannot be used.*in memory.*gone when credd stops.*CREDD_STORE_PASSPHRASE_FILE/,
  );

  const file = await open(t, {});
  t.equal(file.store.kind, 'file');
  t.match(file.reason, /keychain cannot be used.*encrypted, in .*sessions/);

  const exposed = await open(t, {}, 0o644);
  t.equal(exposed.store.kind, 'memory');
  t.match(exposed.reason, /chmod 600.*in memory/);
});

t.test('keychain, without one: starts, says why, and rejects', { skip: keychainOfItsOwn }, async (t) => {
  const { store, reason } = await open(t, { kind: 'keychain' });
  t.equal(store.kind, 'keychain');
  t.match(reason, /keychain cannot be used.*until it can.*in memory/);
  await t.rejects(store.get('a'), { code: 'StoreUnavailable' });
});

t.test('file', async (t) => {
  const { store, reason } = await open(t, { kind: 'file' });
  t.equal(store.kind, 'file');
  t.match(reason, /^sessions are kept, encrypted, in .*sessions$/);
  await t.rejects(open(t, { kind: 'file', passphraseFile: undefined }), {
    code: 'NoPassphrase',
    message: /CREDD_STORE_PASSPHRASE_FILE/,
  });
});

t.test('a wrong passphrase', { skip: keychainOfItsOwn }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'credd-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  await new FileStore({ folder, passphrase: Buffer.from('another'), log: () => {} }).set('a', 'kept');
  await t.rejects(open(t, { kind: 'file', folder }), { code: 'WrongPassphrase' });
  const { store, reason } = await open(t, { folder });
  t.equal(store.kind, 'memory');
  t.match(reason, /passphrase does not fit.*in memory/);
});

t.test('memory', async (t) => {
  const { store, reason } = await open(t, { kind: 'memory' });
  t.equal(store.kind, 'memory');
  t.match(reason, /in memory/);
});
