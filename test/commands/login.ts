import { readFileSync } from 'node:fs';
import t from 'tap';
import { SsoTokenCache } from '../../src/aws/sso-token.js';
import { office, SSO_CONFIG } from '../support/identity-center.js';
import { noTerminal, onTerminal } from '../support/terminal.js';

t.test('by a code: the address and the code are printed', async (t) => {
  const own = await office(t);
  const login = own.start(['login', 'wellcome', '--device']);
  await login.prints(/Waiting for you/);
  t.match(login.stderr(), /device\?user_code=/);
  own.approve(login.stderr());
  t.match(await login.ended, { code: 0, stderr: /Signed in to wellcome/ });
  t.match(own.token(), { refreshToken: String });
});

t.test('--no-browser prints the address, opens nothing and waits', async (t) => {
  const own = await office(t, { autoApprove: true });
  const login = own.start(['login', '--no-browser'], { env: { BROWSER: own.path('never') } });
  const [, url = ''] = await login.prints(/(http\S+authorize\S+)/);
  t.match(await (await fetch(url)).text(), /Signed in/);
  t.match(await login.ended, { code: 0 });
});

t.test('neither a terminal nor a browser: what to do, at once', async (t) => {
  const own = await office(t);
  t.match(await own.credd(['login', 'dev']), {
    code: 1,
    stderr: /neither a terminal nor a browser.*--device/,
  });
  t.match(await own.credd(['login', 'dve']), { code: 1, stderr: /no sso-session "dve"\. Did you mean.*dev/ });
  t.strictSame(own.aws.calls, []);
});

t.test('a profile with login_session: which command signs in', async (t) => {
  const account = '123456789012';
  const console = `[profile "my console"]\nlogin_session = arn:aws:sts::${account}:assumed-role/Admin/ada\n`;
  const role = `[profile ops]\nrole_arn = arn:aws:iam::${account}:role/ops\nsource_profile = my console\n`;
  const own = await office(t, {}, `${SSO_CONFIG}${console}${role}`);
  for (const args of [
    ['login', 'my console'],
    ['login', 'ops', '--device'],
    ['logout', 'ops'],
  ]) {
    t.match(await own.credd(args), {
      code: 1,
      stderr: /^credd: Profile "my console" signs in at the console.*Type: aws login --profile 'my console' /,
    });
  }
  t.strictSame(own.aws.calls, []);
});

t.test('over SSH on a terminal: by a code', { skip: noTerminal }, async (t) => {
  const own = await office(t);
  const login = onTerminal(t, own, ['login', 'dev'], { env: { SSH_CONNECTION: '1.2.3.4 5 6.7.8.9 22' } });
  await login.prints(/Waiting for you/);
  own.approve(login.stdout());
  t.match(await login.ended, { code: 0, stdout: /Signed in/ });
});

t.test('refused, given up, wrong: a sentence each, and the old sign-in stays', async (t) => {
  const own = await office(t);
  const path = new SsoTokenCache(own.path('.aws', 'sso', 'cache')).path('wellcome');
  const first = own.start(['login', '--device']);
  await first.prints(/Waiting for you/);
  own.approve(first.stderr());
  await first.ended;
  const old = readFileSync(path, 'utf8');

  const denied = own.start(['login', '--device']);
  await denied.prints(/Waiting for you/);
  own.aws.deny(/code: (\S+)/.exec(denied.stderr())?.[1] ?? '');
  t.match(await denied.ended, { code: 1, stderr: /refused in the browser.*credd login wellcome/ });

  const interrupted = own.start(['login', '--device']);
  await interrupted.prints(/Waiting for you/);
  interrupted.process.kill('SIGINT');
  t.match(await interrupted.ended, { code: 130, stderr: /given up; all is as it was before\.\n$/ });

  t.match(await own.credd(['login', 'nobody', '--device']), { code: 1, stderr: /no sso-session "nobody"/ });
  t.equal(readFileSync(path, 'utf8'), old);

  own.profiles(SSO_CONFIG.replace('wellcome.awsapps', 'welcome.awsapps'));
  for (const flag of ['--device', '--no-browser']) {
    t.match(await own.credd(['login', 'dev', flag]), {
      code: 1,
      stderr: /does not know the start URL.*sso_region of \[sso-session wellcome\]/,
    });
  }
  t.equal(readFileSync(path, 'utf8'), old);
});

t.test('signing out while Identity Center cannot be reached: here it is gone all the same', async (t) => {
  const own = await office(t, { autoApprove: true });
  await own.credd(['login'], { env: { BROWSER: own.browser } });
  own.aws.faults.set('Logout', { kind: 'error', status: 500 });
  t.match(await own.credd(['logout']), {
    code: 1,
    stderr: /Logout failed.*On this machine the sign-in.*gone/,
  });
  t.throws(() => own.token());
});

t.test('exec offers the sign-in on a terminal, and goes on', { skip: noTerminal }, async (t) => {
  const own = await office(t);
  const words = ['exec', 'dev', '--', 'sh', '-c', 'echo "in $CREDD_PROFILE"'];
  t.match(await own.credd(words), { code: 1, stdout: '', stderr: /credd login dev/ }, 'no terminal');
  const terminal = onTerminal(t, own, words);
  await terminal.answer(/Sign in now\?/, '');
  await terminal.shows(/Waiting for you/);
  own.approve(terminal.stdout());
  t.match(await terminal.ended, { code: 0, stdout: /in dev/ });
});
