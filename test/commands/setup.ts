import { readFileSync } from 'node:fs';
import t from 'tap';
import { machine } from '../support/cli.js';
import { office } from '../support/identity-center.js';
import { noTerminal, onTerminal } from '../support/terminal.js';

const CTRL_C = '\x03';

t.test('without profiles everything points to setup', async (t) => {
  const own = machine(t, { env: { CREDD_STORE: 'memory' } });
  const daemon = own.start(['serve', '--port', '0']);
  await daemon.prints(/no profiles yet.*credd setup/);
  for (const words of [['list'], ['status'], ['exec', 'x', '--', 'true'], ['creds', 'x'], ['whoami', 'x']]) {
    const { stdout, stderr } = await own.credd(words);
    t.match(stdout + stderr, /no profiles[\s\S]*credd setup/, words.join(' '));
  }
  t.match(await own.credd(['login']), { code: 1, stderr: /No profile signs in.*credd setup\n$/ });
  t.match(await own.credd(['setup']), { code: 1, stderr: /no terminal here.*populate NAME.*credd keys add/ });
});

t.test('Identity Center: sign-in, accounts and profiles in one go', { skip: noTerminal }, async (t) => {
  const own = await office(t, {}, '; nothing yet\r\n');
  t.match(await own.credd(['list']), { stderr: /credd setup/ });
  await own.serve();
  const terminal = onTerminal(t, own, ['setup']);
  await terminal.answer(/1 or 2: /, '1');
  await terminal.answer(/Start URL: /, 'https://welcome.awsapps.com/start');
  await terminal.answer(/region.*: /, 'eu-west-1');
  await terminal.answer(
    /does not know the start URL \S+ in eu-west-1: correct one of the two\.[\s\S]*Start URL: /,
    'https://wellcome.awsapps.com/start/#',
  );
  await terminal.answer(/region.*: /, 'eu-west-1');
  await terminal.answer(/short name.*\[wellcome\]: /, '');
  await terminal.answer(/Sign in now\?/, 'y');
  await terminal.shows(/Waiting for you/);
  own.approve(terminal.stdout());
  await terminal.answer(/4 roles are yours/, 'y');
  t.match(await terminal.ended, { code: 0 });
  const config = readFileSync(own.path('.aws', 'config'), 'utf8');
  t.ok(config.startsWith('; nothing yet\r\n\r\n[sso-session wellcome]\r\n'));
  t.match(await own.credd(['whoami', 'Platform-Dev']), { code: 0, stdout: /_Dev_/ });
});

t.test('Identity Center: Ctrl-C, and once more after half of it', { skip: noTerminal }, async (t) => {
  const before =
    '[sso-session other]\nsso_start_url = https://other.awsapps.com/start\nsso_region = eu-west-1\n';
  const own = await office(t, {}, before);
  const path = own.path('.aws', 'config');
  const begun = async () => {
    const terminal = onTerminal(t, own, ['setup']);
    await terminal.answer(/1 or 2: /, '1');
    await terminal.answer(/Start URL: /, 'https://wellcome.awsapps.com/start/#');
    await terminal.answer(/region.*: /, 'eu-west-1');
    return terminal;
  };
  const cancelled = await begun();
  await cancelled.answer(/short name/, 'other');
  await cancelled.answer(/none that is there already[\s\S]*short name/, '');
  await cancelled.shows(/Sign in now\?/);
  cancelled.type(CTRL_C);
  t.match(await cancelled.ended, { code: 1, stdout: /Nothing was changed/ });
  t.equal(readFileSync(path, 'utf8'), before);

  const later = await begun();
  await later.answer(/short name/, '');
  await later.answer(/Sign in now\?/, 'n');
  t.match(await later.ended, { code: 0, stdout: /Later, type: credd login wellcome/ });
  const written = readFileSync(path, 'utf8');

  const givenUp = await begun();
  await givenUp.answer(/Sign in now\?/, '');
  await givenUp.shows(/Waiting for you, for 10 min/);
  givenUp.type(CTRL_C);
  t.match(await givenUp.ended, {
    code: 130,
    stdout:
      /given up; \[sso-session wellcome\] is in \S+\. Later, type: credd login wellcome, then: credd populate/,
  });
  t.equal(readFileSync(path, 'utf8'), written);

  const again = await begun();
  await again.answer(/Sign in now\?/, '');
  await again.shows(/Waiting for you/);
  own.approve(again.stdout());
  await again.shows(/Write a profile for each\?/);
  again.type(CTRL_C);
  t.match(await again.ended, { code: 0, stdout: /Later, type: credd populate wellcome/ });
  t.equal(readFileSync(path, 'utf8'), written, 'the section is there once');
});
