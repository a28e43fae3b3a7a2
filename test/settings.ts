import { execFileSync } from 'node:child_process';
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { type Flags, readSettings } from '../src/settings.js';

/** What is read where config.ini holds this text. */
function read(t: Test, text: string | undefined, env: Record<string, string> = {}, flags: Flags = {}) {
  const home = t.testdir(text === undefined ? {} : { '.config': { credd: { 'config.ini': text } } });
  return readSettings({ HOME: home, ...env }, flags);
}

const refuses = (t: Test, text: string, message: RegExp | string) =>
  t.throws(() => read(t, text), { code: 'InvalidSettings', statusCode: 400, message }, text);

t.test('without a file', async (t) => {
  const settings = read(t, undefined);
  t.match(settings, { port: 8363, store: 'auto', logLevel: 'info', passphraseFile: undefined });
  t.match(settings.profile('any'), { access: 'same-user' });
  t.ok(Object.isFrozen(settings));
});

t.test('flags, then variables, then the file, then defaults', async (t) => {
  const text = 'port = 1001\nstore = file\nlog_level = warn\nstore_passphrase_file = /in/file\n';
  const env = {
    CREDD_PORT: '1002',
    CREDD_STORE: 'memory',
    CREDD_LOG_LEVEL: 'debug',
    CREDD_STORE_PASSPHRASE_FILE: '/in/env',
  };
  const file = { port: 1001, store: 'file', logLevel: 'warn', passphraseFile: '/in/file' };
  const variables = { port: 1002, store: 'memory', logLevel: 'debug', passphraseFile: '/in/env' };
  t.match(read(t, text), file);
  t.match(read(t, text, env), variables);
  t.match(read(t, text, env, { port: '0', store: 'keychain' }), { ...variables, port: 0, store: 'keychain' });
  t.match(read(t, undefined, {}, { port: '65535' }), { port: 65535, store: 'auto' });
  const empty = Object.fromEntries(Object.keys(env).map((name) => [name, '']));
  t.match(read(t, text, { ...empty, CREDD_CONFIG: '' }), file, 'an empty variable is none');
  const { passphraseFile, paths } = read(t, 'store_passphrase_file = ~/passphrase');
  t.equal(passphraseFile, `${paths.home}/passphrase`, 'no shell has read the file');
});

t.test('another file', async (t) => {
  const folder = t.testdir({ a: 'port = 1', b: 'port = 2' });
  t.equal(read(t, 'port = 3').port, 3);
  const other = t.testdir({ a: 'port = 1', b: 'port = 2' });
  t.equal(readSettings({ HOME: folder, CREDD_CONFIG: `${other}/a` }).port, 1);
  t.equal(readSettings({ HOME: folder, CREDD_CONFIG: `${other}/a` }, { config: `${other}/b` }).port, 2);
  t.throws(() => readSettings({ HOME: folder }, { config: `${other}/c` }), { message: `${other}/c` });
  t.throws(() => readSettings({ HOME: folder, CREDD_CONFIG: other }), { message: other }, 'a folder');
  t.equal(readSettings({ HOME: folder, XDG_CONFIG_HOME: `${other}/none` }).port, 8363);
});

t.test('profiles, spelled as in the AWS config file', async (t) => {
  const { profile } = read(
    t,
    `[profile prod]
access = token ; a comment
[profile reply-b.paques]   # a comment
access=token
[profile  two  spaces]
access = token
[profile "with space"]
access = "token"
[profile without quotes]
access = token
[profile a.b.c]
access = 'token'
[profile größe]
access = token
[profile __proto__]
access = token
[profile constructor]
access = token
[profile dev]
access = same-user
  [ profile indented ]
  access = token
[profile empty]
[profile twice]
access = same-user
[profile other]
[profile twice]
access = token
`,
  );
  for (const name of [
    'prod',
    'reply-b.paques',
    'with space',
    'without quotes',
    'a.b.c',
    'größe',
    '__proto__',
    'constructor',
    'indented',
    'twice',
  ])
    t.equal(profile(name).access, 'token', name);
  for (const name of ['dev', 'empty', 'other', 'a', 'a.b', 'Prod', 'toString', ''])
    t.equal(profile(name).access, 'same-user', name);
});

t.test('access for all, wherever it stands before the sections', async (t) => {
  const { profile } = read(t, 'access = token\n[profile dev]\naccess = same-user\n[profile plain]\n');
  t.equal(profile('any').access, 'token');
  t.equal(profile('plain').access, 'token');
  t.equal(profile('dev').access, 'same-user');
});

t.test('CRLF, a BOM, comments and blank lines', async (t) => {
  const text =
    '\uFEFF; comment\r\n\r\n  # another\r\nport = 9000 ; nine\r\n[profile prod]\r\naccess = token\r\n';
  const settings = read(t, text);
  t.equal(settings.port, 9000);
  t.equal(settings.profile('prod').access, 'token');
  t.equal(read(t, 'store_passphrase_file = /a;b#c').passphraseFile, '/a', 'as ini has it');
  t.equal(read(t, 'store_passphrase_file = /a\\;b\\#c').passphraseFile, '/a;b#c', 'unless escaped');
  t.equal(read(t, 'store_passphrase_file = "/a ; b"').passphraseFile, '/a ; b', 'nor within quotes');
});

t.test('what is not understood is said, with its line, and never passed over', async (t) => {
  refuses(t, 'porto = 1', /"porto" \(line 1 of .*config\.ini\).*port, store/);
  refuses(t, '[profile a]\nacess = token', /"acess" \(line 2 .*access/);
  refuses(t, '[profile a]\nport = 1', /"port" \(line 2/);
  refuses(t, '[profile a]\nAccess = token', /"Access"/);
  refuses(t, '[profile a]\naccess[] = token', /access\[\]/);
  refuses(t, '[profile a]\n__proto__ = token', /__proto__/);
  refuses(t, '[profile a]\nconstructor = token', /constructor/);
  refuses(t, '[profile a]\naccess', /line 2 .*name = value/);
  refuses(t, '[profile a]\n= token', /line 2/);
  refuses(t, '[profile a]\naccess =', /"" .*same-user, token/);
  refuses(t, '[profile a]\naccess = tok', /"tok" \(line 2 .*same-user, token/);
  refuses(t, 'access = true', /"true"/);
  refuses(t, 'access = token token', /"token token"/);
  for (const header of [
    '[prod]',
    '[default]',
    '[]',
    '[profile]',
    '[profile ]',
    '[profile a',
    '[profile a] b',
    '[profiles a]',
    '[sso-session a]',
    '[__proto__]',
    '[DEFAULT]',
  ])
    refuses(t, `port = 1\n${header}\naccess = token`, /line 2 .*\[profile NAME\]/);
});

t.test('ports, stores and levels', async (t) => {
  for (const port of ['65536', '-1', '1.5', '0x10', '1e3', 'http', ' ', '8363 8364', '99999999999'])
    refuses(t, `port = ${port}`, /is not a port: use a number from 0 to 65535/);
  t.throws(() => read(t, '', {}, { port: '' }), { message: '--port' });
  t.throws(() => read(t, '', { CREDD_PORT: 'x' }), { message: /"x" \(CREDD_PORT\)/ });
  t.throws(() => read(t, '', {}, { port: 'y' }), { message: /"y" \(--port\)/ });
  t.throws(() => read(t, '', {}, { store: 'disk' }), { message: /"disk" \(--store\).*keychain/ });
  t.throws(() => read(t, '', { CREDD_STORE: 'disk' }), { message: /CREDD_STORE/ });
  t.throws(() => read(t, '', { CREDD_LOG_LEVEL: 'loud' }), { message: /CREDD_LOG_LEVEL.*debug/ });
  refuses(t, 'store = true', /"true"/);
  refuses(t, 'log_level = verbose', /"verbose".*debug/);
});

t.test('a file that cannot be read', async (t) => {
  const home = t.testdir({ '.config': { credd: {} } });
  mkdirSync(`${home}/.config/credd/config.ini`);
  const cannotBeRead = { code: 'InvalidSettings', message: /config\.ini cannot be read: it is not a file$/ };
  t.throws(() => readSettings({ HOME: home }), cannotBeRead);
  rmdirSync(`${home}/.config/credd/config.ini`);
  execFileSync('mkfifo', [`${home}/.config/credd/config.ini`]);
  t.throws(() => readSettings({ HOME: home }), cannotBeRead, 'a pipe, at which it would wait');
  t.equal(readSettings({ HOME: home, CREDD_CONFIG: '/dev/null' }).port, 8363);
  writeFileSync(`${home}/.config/file`, '');
  t.equal(readSettings({ HOME: home, XDG_CONFIG_HOME: `${home}/none` }).port, 8363);
});
