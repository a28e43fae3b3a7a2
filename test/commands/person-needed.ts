import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import type { Daemon } from '../support/cli.js';
import { ACCOUNT, type Office, office, SSO_CONFIG } from '../support/identity-center.js';

const DEVICE = `arn:aws:iam::${ACCOUNT}:mfa/ada`;
const role = (name: string, source: string, more = '') =>
  `[profile ${name}]\nrole_arn = arn:aws:iam::${ACCOUNT}:role/${name}\nsource_profile = ${source}\n${more}\n`;
const CONFIG = `${SSO_CONFIG}
[profile user]
aws_access_key_id = AKIAADA
aws_secret_access_key = adas-secret
${role('guarded', 'user', `mfa_serial = ${DEVICE}`)}
${role('other', 'user', `mfa_serial = ${DEVICE}`)}
[profile console]
login_session = arn:aws:iam::${ACCOUNT}:user/ada
${role('over', 'console')}`;
const PROFILES = ['dev', 'guarded', 'other', 'console', 'over'];
const skip = process.platform !== 'linux' && 'needs Linux';

/** A home in which every kind of person is needed, and a desktop that remembers what it was told. */
async function desk(t: Test) {
  const own = await office(t, { autoApprove: true }, CONFIG);
  mkdirSync(own.path('bin'));
  writeFileSync(own.path('bin', 'notify-send'), `#!/bin/sh\necho "$@" >> ${own.path('told')}\n`, {
    mode: 0o700,
  });
  writeFileSync(own.path('settings'), '; mine\n');
  const daemon = await own.serve(['--config', own.path('settings')], {
    env: { BROWSER: own.browser, PATH: `${own.path('bin')}:${process.env.PATH}` },
  });
  const told = () => (existsSync(own.path('told')) ? readFileSync(own.path('told'), 'utf8') : '');
  return { ...own, daemon, told };
}

const askAll = (own: Office) => Promise.all(PROFILES.map((profile) => own.credd(['creds', profile])));

/** Writes the settings, and waits until the daemon has them. */
async function set(own: Office, daemon: Daemon, text: string): Promise<void> {
  const before = daemon.stderr().length;
  writeFileSync(own.path('settings'), text);
  while (!daemon.stderr().slice(before).includes('the settings have changed'))
    await new Promise((next) => daemon.process.stderr?.once('data', next));
}

t.test('what a person is waited for stands in status and, once, in the log', { skip }, async (t) => {
  const own = await desk(t);
  await askAll(own);
  await askAll(own);
  const { stdout } = await own.credd(['status']);
  t.match(stdout, /^dev +sign-in needed /m);
  t.match(stdout, /^guarded +MFA code needed /m);
  t.match(stdout, /^other +MFA code needed /m);
  t.match(stdout, /^console +console login needed /m);
  t.match(stdout, /^over +console login needed /m);
  t.equal(stdout.match(/needs a code of the MFA device/g)?.length, 1, 'the same of several profiles once');
  t.match(stdout, /Type: aws login --profile console$/m);
  const warnings = own.daemon.stderr().match(/^.*"level":40.*$/gm) ?? [];
  t.equal(warnings.length, 3, warnings.join('\n'));
  t.equal(own.told(), '', 'the desktop is not told unless that is wanted');
});

t.test('notify and auto_login take effect at once, and each thing is told once', { skip }, async (t) => {
  const own = await desk(t);
  const { daemon, aws, told } = own;
  await set(own, daemon, 'notify = true\n');
  await askAll(own);
  await askAll(own);
  while (told().split('\n').length < 4) await new Promise((next) => setTimeout(next, 20));
  const lines = told().trim().split('\n').sort();
  t.equal(lines.length, 3);
  t.match(
    lines[0],
    /AWS MFA code needed Profile "(guarded|other)" needs a code .*Type: credd login (guarded|other)$/,
  );
  t.match(
    lines[1],
    /AWS sign-in needed Profile "console": nobody is signed in\. Type: aws login --profile console$/,
  );
  t.match(lines[2], /AWS sign-in needed wellcome\. Type: credd login dev$/);
  t.equal(aws.count('RegisterClient'), 0, 'nothing opens by itself');

  await set(own, daemon, 'auto_login = true\n');
  t.match(await own.credd(['login', 'dev'], { env: { BROWSER: own.browser } }), { code: 0 });
  t.match(await own.credd(['logout', 'dev']), { code: 0 });
  t.match(await own.credd(['creds', 'dev']), { code: 1 });
  await daemon.prints(/the browser was opened/);
  t.equal(told().trim().split('\n').length, 3, 'and notify is off again');
});
