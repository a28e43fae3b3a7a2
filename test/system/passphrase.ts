import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { readPassphrase } from '../../src/system/passphrase.js';

function fileWith(t: Test, content: string | Buffer, mode = 0o600): string {
  const path = join(t.testdir({ passphrase: content }), 'passphrase');
  chmodSync(path, mode);
  return path;
}

t.test('one newline at the end does not count', async (t) => {
  for (const [content, passphrase] of [
    ['pass phrase', 'pass phrase'],
    ['pass phrase\n', 'pass phrase'],
    ['pass phrase\r\n', 'pass phrase'],
    ['pass phrase\n\n', 'pass phrase\n'],
    ['pass phrase \r', 'pass phrase \r'],
  ] as const) {
    t.equal(String(await readPassphrase(fileWith(t, content), {})), passphrase);
  }
  const bytes = Buffer.from([0xff, 0xfe, 0x00, 0x80]);
  t.same(await readPassphrase(fileWith(t, bytes), {}), bytes);
});

t.test('an empty or absent file says how to make one', async (t) => {
  for (const content of ['', '\n', '\r\n']) {
    await t.rejects(readPassphrase(fileWith(t, content), {}), {
      code: 'NoPassphrase',
      message: /is empty.*umask/,
    });
  }
  const absent = join(t.testdir({}), 'none');
  await t.rejects(readPassphrase(absent, {}), { code: 'NoPassphrase', message: /does not exist.*umask/ });
});

t.test('an empty one from systemd says where to look', async (t) => {
  const folder = t.testdir({ 'credd-passphrase': '' });
  chmodSync(join(folder, 'credd-passphrase'), 0o400);
  await t.rejects(readPassphrase(undefined, { CREDENTIALS_DIRECTORY: folder }), {
    code: 'NoPassphrase',
    message: /LoadCredential=.*credd\.service/,
  });
});

t.test('a file that others can read is refused', async (t) => {
  for (const mode of [0o640, 0o604, 0o660]) {
    const path = fileWith(t, 'passphrase', mode);
    await t.rejects(readPassphrase(path, {}), { code: 'NotPrivate', message: `chmod 600 ${path}` });
  }
});

t.test("systemd's credentials", async (t) => {
  const folder = t.testdir({ 'credd-passphrase': "systemd's\n", other: 'named' });
  const path = join(folder, 'credd-passphrase');
  const env = { CREDENTIALS_DIRECTORY: folder };
  for (const mode of [0o400, 0o440]) {
    chmodSync(path, mode);
    t.equal(String(await readPassphrase(undefined, env)), "systemd's");
  }
  t.equal(String(await readPassphrase(path, env)), "systemd's", 'by name too');
  chmodSync(join(folder, 'other'), 0o440);
  t.equal(String(await readPassphrase(join(folder, 'other'), env)), 'named', 'a setting comes first');
  chmodSync(path, 0o444);
  await t.rejects(readPassphrase(undefined, env), { code: 'NotPrivate' });
});

t.test('nothing configured', async (t) => {
  t.equal(await readPassphrase(undefined, {}), undefined);
  t.equal(await readPassphrase(undefined, { CREDENTIALS_DIRECTORY: t.testdir({}) }), undefined);
});
