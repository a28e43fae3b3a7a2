import { existsSync, lstatSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { startSimulatedAws } from '../../src/demo/aws.js';
import { machine } from '../support/cli.js';
import { missing, startKeyring } from '../support/keyring.js';
import { noTerminal, onTerminal } from '../support/terminal.js';

const ID = 'AKIAADAADAADAADA';
const SECRET = 'adas/secret+that-is-not-shown';
const USER = { accountId: '123456789012', name: 'ada', accessKeyId: ID, secretAccessKey: SECRET };
const CTRL_C = '\x03';
const cannot = noTerminal || missing;

/** A machine without any profile, with a keychain, before an AWS in which there is one user. */
async function newcomer(t: Test, { store = 'keychain' } = {}) {
  const aws = await startSimulatedAws({ world: { users: [USER] } });
  t.teardown(aws.close);
  const keyring = await startKeyring();
  t.teardown(() => keyring.stop());
  const own = machine(t, {
    env: {
      AWS_ENDPOINT_URL: aws.url,
      CREDD_STORE: store,
      DBUS_SESSION_BUS_ADDRESS: keyring.env.DBUS_SESSION_BUS_ADDRESS,
    },
  });
  return { ...own, aws, keyring, config: own.path('.aws', 'config') };
}

t.test('an access key: from nothing to a profile that works', { skip: cannot }, async (t) => {
  const own = await newcomer(t);
  const terminal = onTerminal(t, own, ['setup']);
  await terminal.answer(/1 or 2: /, 'x');
  await terminal.answer(/Type 1 or 2.*\s+1 or 2: /, '2');
  await terminal.answer(/Profile name \[default\]: /, 'not a name');
  await terminal.answer(/of letters, digits.*\s+Profile name \[default\]: /, '');
  await terminal.answer(/Access key id: /, 'ASIATEMPORARY');
  await terminal.answer(/are temporary[\s\S]*Access key id: /, ID);
  await terminal.answer(/not shown\): /, 'mistyped');
  await terminal.answer(/Region \[us-east-1\]: /, 'Ireland');
  await terminal.answer(/Write the region as eu-west-1\.\s+Region/, 'eu-west-1');
  await terminal.shows(/does not belong to its access key id[\s\S]*Once more/);
  t.notOk(existsSync(own.config), 'nothing is written before AWS takes them');
  await terminal.answer(/Access key id: /, ID);
  await terminal.answer(/not shown\): /, SECRET);
  await terminal.answer(/Region \[eu-west-1\]: /, '');
  const { code, stdout } = await terminal.ended;
  t.equal(code, 0, stdout);
  t.match(
    stdout,
    /The keys of arn:aws:iam::123456789012:user\/ada are in the keychain, for profile "default"/,
  );
  t.match(stdout, /Written to ~\/.aws\/config: \[default\]/);
  t.notMatch(stdout, SECRET);
  t.equal(readFileSync(own.config, 'utf8'), '[default]\nregion = eu-west-1\n');
  const [, next = ''] = /credd (whoami \w+)/.exec(stdout) ?? [];
  t.match(await own.credd(next.split(' ')), { code: 0, stdout: /user\/ada/ });
});

t.test('a running daemon serves the new profile at once', { skip: cannot }, async (t) => {
  const own = await newcomer(t);
  const before = '# mine\r\n[profile old]\r\nrole_arn=arn:aws:iam::1:role/x\r\ncredential_source=Environment';
  own.profiles(before);
  renameSync(own.config, own.path('dotfile'));
  symlinkSync('../dotfile', own.config);
  const daemon = await own.serve(['--store', 'keychain']);
  const terminal = onTerminal(t, own, ['setup']);
  await terminal.answer(/1 or 2: /, '2');
  await terminal.answer(/Profile name/, 'old');
  await terminal.answer(/"old" has credentials already.*\s+Profile name/, 'work');
  await terminal.answer(/Access key id: /, ID);
  await terminal.answer(/not shown\): /, SECRET);
  await terminal.answer(/Region/, '');
  t.match(await terminal.ended, { code: 0 });
  t.match(await own.credd(['whoami', 'work']), { code: 0, stdout: /user\/ada/ });
  t.equal(readFileSync(own.config, 'utf8'), `${before}\r\n\r\n[profile work]\r\nregion = us-east-1\r\n`);
  t.ok(lstatSync(own.config).isSymbolicLink());
  t.notMatch(daemon.stderr(), SECRET);
});

t.test('Ctrl-C at any question leaves all as it was', { skip: cannot }, async (t) => {
  const own = await newcomer(t);
  const answers = [
    [/1 or 2: /, '2'],
    [/Profile name/, 'dev'],
    [/Access key id: /, ID],
    [/not shown\): /, SECRET],
    [/Region/, ''],
  ] as const;
  const cancelledAt = async (count: number) => {
    const terminal = onTerminal(t, own, ['setup']);
    for (const [asked, answer] of answers.slice(0, count)) await terminal.answer(asked, answer);
    await terminal.shows(answers[count]?.[0] ?? /never/);
    terminal.type(CTRL_C);
    return terminal.ended;
  };
  for (const ended of await Promise.all(answers.map((_, count) => cancelledAt(count))))
    t.match(ended, { code: 1, stdout: /Cancelled. Nothing was changed/ });
  t.notOk(existsSync(own.config));
  t.match(await own.credd(['keys', 'list']), { stdout: '', stderr: /No long-term keys are kept/ });
});

t.test(
  'where nothing would keep the keys that is said before any is asked for',
  { skip: cannot },
  async (t) => {
    const own = await newcomer(t, { store: 'auto' });
    await own.keyring.stopDaemon();
    const setup = onTerminal(t, own, ['setup']);
    await setup.answer(/1 or 2: /, '2');
    const why = /need a place that keeps them: .*no Secret Service runs here.*CREDD_STORE_PASSPHRASE_FILE/;
    t.match(await setup.ended, { code: 1, stdout: why });
    t.match(await onTerminal(t, own, ['keys', 'add', 'dev']).ended, { code: 1, stdout: why });

    writeFileSync(own.path('passphrase'), 'a passphrase', { mode: 0o600 });
    const env = { CREDD_STORE_PASSPHRASE_FILE: own.path('passphrase') };
    const again = onTerminal(t, own, ['setup'], { env });
    await again.answer(/1 or 2: /, '2');
    await again.answer(/Profile name/, '');
    await again.answer(/Access key id: /, ID);
    await again.answer(/not shown\): /, SECRET);
    await again.answer(/Region/, '');
    t.match(await again.ended, { code: 0, stdout: /are in the encrypted store/ });
    t.match(await own.credd(['whoami', 'default'], { env }), { code: 0 });
  },
);

t.test('a config file that is broken is not touched', { skip: cannot }, async (t) => {
  const own = await newcomer(t);
  own.profiles('[profile a]\nhalf of a li');
  const terminal = onTerminal(t, own, ['setup']);
  await terminal.answer(/1 or 2: /, '2');
  await terminal.answer(/Profile name/, '');
  t.match(await terminal.ended, { code: 1, stdout: /Nothing was written: ~\/.aws\/config:2/ });
  t.match(await own.credd(['keys', 'list']), { stdout: '' });
});

t.test('keys add offers to write a profile that is not there', { skip: cannot }, async (t) => {
  const own = await newcomer(t);
  t.match(await own.credd(['keys', 'add', 'dev'], { input: `${ID}\n${SECRET}\n` }), {
    code: 1,
    stderr: /no profile "dev"[\s\S]*\n\[profile dev\]\nregion = eu-west-1\n/,
  });
  const refused = onTerminal(t, own, ['keys', 'add', 'dev']);
  await refused.answer(/no profile "dev" yet\. Write it into ~\/.aws\/config\? \[Y\/n\] /, 'n');
  t.match(await refused.ended, { code: 0, stdout: /Nothing was changed/ });
  t.notOk(existsSync(own.config));

  const terminal = onTerminal(t, own, ['keys', 'add', 'dev']);
  await terminal.answer(/Write it/, '');
  await terminal.answer(/Access key id: /, ID);
  await terminal.answer(/not shown\): /, SECRET);
  await terminal.answer(/Region/, 'eu-west-1');
  t.match(await terminal.ended, { code: 0, stdout: /for profile "dev"/ });
  t.equal(readFileSync(own.config, 'utf8'), '[profile dev]\nregion = eu-west-1\n');
  t.match(await own.credd(['whoami', 'dev']), { code: 0, stdout: /user\/ada/ });
});

t.test('keys add asks for nothing where a file has keys already', { skip: cannot }, async (t) => {
  const own = await newcomer(t);
  own.profiles('', `[dev]\naws_access_key_id = ${ID}\naws_secret_access_key = ${SECRET}\n`);
  t.match(await onTerminal(t, own, ['keys', 'add', 'dev']).ended, {
    code: 1,
    stdout: /^credd: Profile "dev" has keys in a file already.*credd keys import dev\r\n$/,
  });
});
