import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import t, { type Test } from 'tap';
import { SsoTokenCache } from '../../src/aws/sso-token.js';
import { needsBotocore } from '../support/botocore.js';
import { lacks, run } from '../support/cli.js';
import { type Office, office, SSO_CONFIG } from '../support/identity-center.js';
import { noTerminal, onTerminal } from '../support/terminal.js';

const noAws = lacks('aws', 'pip install awscli');

/** The real AWS CLI, botocore and JavaScript SDK, with the home's profiles and its one sign-in. */
const clients: Record<string, { skip: string | false; command: string[] }> = {
  'the AWS CLI': {
    skip: noAws,
    command: ['aws', 'sts', 'get-caller-identity', '--profile', 'dev', '--output', 'json'],
  },
  botocore: {
    skip: needsBotocore,
    command: [
      'python3',
      '-c',
      "import boto3; print(boto3.Session(profile_name='dev').client('sts').get_caller_identity()['Arn'])",
    ],
  },
  'the JavaScript SDK': {
    skip: false,
    command: [
      process.execPath,
      '--input-type=module',
      '-e',
      `import { fromSSO } from '${resolve('node_modules/@aws-sdk/credential-provider-sso/dist-cjs/index.js')}';
const { STSClient, GetCallerIdentityCommand } = await import('${resolve('node_modules/@aws-sdk/client-sts/dist-cjs/index.js')}');
const sts = new STSClient({ region: 'eu-west-1', credentials: fromSSO({ profile: 'dev' }) });
console.log((await sts.send(new GetCallerIdentityCommand({}))).Arn);`,
    ],
  },
};
const ask = (t: Test, { env, home }: Office, command: string[]) => run(t, command, { env, cwd: home }).ended;
const DEV = /assumed-role\/AWSReservedSSO_Dev_\w+\/ada/;

/** Makes the cached token an old one, as time would. */
function age(own: Office, change: (token: Record<string, string>) => Record<string, string>): void {
  const path = new SsoTokenCache(own.path('.aws', 'sso', 'cache')).path('wellcome');
  writeFileSync(path, JSON.stringify(change(own.token())));
}

t.test('one sign-in through the browser serves credd, the AWS CLI and the SDKs', async (t) => {
  const own = await office(t, { autoApprove: true });
  const { credd, browser, aws, path } = own;
  const login = await credd(['login', 'dev'], { env: { BROWSER: browser } });
  t.match(login, {
    code: 0,
    stdout: /^$/,
    stderr: /open this address in a browser:\n\n {2}http\S+authorize\?/,
  });
  t.match(login.stderr, /Signed in to wellcome: it ends in 7 h/);
  t.equal(statSync(path('.aws', 'sso', 'cache')).mode & 0o777, 0o700);
  t.match(await credd(['whoami', 'dev']), { code: 0, stdout: DEV });
  for (const [name, { skip, command }] of Object.entries(clients)) {
    t.test(name, { skip }, async (t) => {
      t.match(await ask(t, own, command), { code: 0, stdout: DEV });
    });
  }
  t.equal(aws.count('CreateToken'), 1);
  const { accessToken = '', refreshToken = '' } = own.token();
  t.notMatch(login.stderr, accessToken);
  t.notMatch(login.stderr, refreshToken);
});

for (const [name, { skip, command }] of Object.entries(clients)) {
  t.test(`${name} renews the token that credd wrote, and credd uses that`, { skip }, async (t) => {
    const own = await office(t, { autoApprove: true });
    await own.credd(['login'], { env: { BROWSER: own.browser } });
    age(own, (token) => ({
      ...token,
      expiresAt: new Date(Date.now() + 60_000).toISOString(),
      kept: 'by all',
    }));
    const before = own.token();
    t.match(await ask(t, own, command), { code: 0, stdout: DEV });
    t.not(own.token().accessToken, before.accessToken, 'renewed');
    t.match(await own.credd(['whoami', 'dev']), { code: 0, stdout: DEV });
    age(own, (token) => ({ ...token, expiresAt: '2020-01-01T00:00:00Z' }));
    t.match(await own.credd(['whoami', 'dev']), { code: 0, stdout: DEV }, 'credd renews what they wrote');
    t.match(await ask(t, own, command), { code: 0, stdout: DEV });
    t.equal(own.aws.count('CreateToken', 'ok'), 3);
  });
}

t.test('the daemon renews a token before it ends, though nobody asks', async (t) => {
  const own = await office(t, { autoApprove: true, tokenLifetime: 6 });
  await own.credd(['login'], { env: { BROWSER: own.browser } });
  const before = own.token();
  await own.serve();
  while (own.token().accessToken === before.accessToken) await new Promise((next) => setTimeout(next, 50));
  t.match(await own.credd(['status']), { stdout: /wellcome +signed in +in/ });
  t.strictSame(
    own.aws.calls.filter(({ operation }) => operation === 'GetRoleCredentials'),
    [],
  );
});

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

t.test('through a running daemon; what waited is served', async (t) => {
  const own = await office(t, { autoApprove: true });
  const daemon = await own.serve();
  t.match(await own.credd(['creds', 'dev']), { code: 1, stderr: /nobody is signed in.*credd login dev/ });
  t.match(await own.credd(['status']), { stdout: /wellcome +sign-in needed/ });
  const [one, two] = [
    own.credd(['login', '--device']),
    own.credd(['login', 'dev'], { env: { BROWSER: own.browser } }),
  ];
  t.match([(await one).code, (await two).code], [0, 0], 'two logins at once');
  await daemon.prints(/new session for profile/);
  t.match(await own.credd(['creds', 'dev']), { code: 0 });
  t.match(await own.credd(['status']), { stdout: /wellcome +signed in +in 7 h \d+ min +in 7 h/ });
  t.match(await own.credd(['list']), { stderr: /wellcome +signed in/ });
  const { signIns } = JSON.parse((await own.credd(['status', '--json'])).stdout);
  t.match(signIns, [{ name: 'wellcome', state: 'done', renewable: true, expiresAt: Number }]);
  const log = daemon.stderr();
  t.equal(log.match(/a sign-in to wellcome is needed/g)?.length, 1);
  const { accessToken = '', refreshToken = '', clientSecret = '' } = own.token();
  for (const secret of [accessToken, refreshToken, clientSecret]) t.notOk(log.includes(secret));

  t.match(await own.credd(['logout']), { code: 0, stderr: /Signed out of wellcome/ });
  t.equal(own.aws.count('Logout', 'ok'), 1);
  t.throws(() => own.token());
  t.match(await own.credd(['creds', 'dev']), { code: 1, stderr: /credd login dev/ });
  t.match(await own.credd(['logout', 'dev']), { code: 0, stderr: /Nobody was signed in to wellcome/ });
});

t.test(
  'auto_login opens the browser, and notify tells the desktop: once',
  { skip: process.platform !== 'linux' && 'needs Linux' },
  async (t) => {
    const own = await office(t, { autoApprove: true });
    mkdirSync(own.path('bin'));
    writeFileSync(own.path('bin', 'notify-send'), `#!/bin/sh\necho "$@" >> ${own.path('told')}\n`, {
      mode: 0o700,
    });
    writeFileSync(own.path('settings'), 'auto_login = true\nnotify = true\n');
    const daemon = await own.serve(['--config', own.path('settings')], {
      env: { BROWSER: own.browser, PATH: `${own.path('bin')}:${process.env.PATH}` },
    });
    await Promise.all([own.credd(['creds', 'dev']), own.credd(['creds', 'dev'])]);
    await daemon.prints(/signed in to wellcome/);
    t.match(await own.credd(['creds', 'dev']), { code: 0 });
    t.equal(own.aws.count('CreateToken'), 1);
    t.match(
      readFileSync(own.path('told'), 'utf8'),
      /^--app-name=credd -- AWS sign-in needed wellcome\. Type: credd login dev\n$/,
    );
  },
);

t.test('without those settings nothing opens by itself', async (t) => {
  const own = await office(t, { autoApprove: true });
  await own.serve([], { env: { BROWSER: own.browser } });
  t.match(await own.credd(['creds', 'dev']), { code: 1 });
  t.match(await own.credd(['creds', 'dev']), { code: 1 });
  t.strictSame(own.aws.calls, []);
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
