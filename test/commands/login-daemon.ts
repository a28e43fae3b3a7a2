import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { office } from '../support/identity-center.js';

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

t.test('what becomes of a sign-in that opened by itself is said', async (t) => {
  const settings = 'auto_login = true\n';
  const refusing = await office(t);
  writeFileSync(refusing.path('settings'), settings);
  writeFileSync(
    refusing.browser,
    `#!${process.execPath}
const { searchParams } = new URL(process.argv[2]);
fetch(searchParams.get('redirect_uri') + '?error=access_denied&state=' + searchParams.get('state'));`,
  );
  const env = { BROWSER: refusing.browser };
  const refused = await refusing.serve(['--config', refusing.path('settings')], { env });
  t.match(await refusing.credd(['creds', 'dev']), { code: 1 });
  await refused.prints(
    /"level":40.*it was refused in the browser\. To try again, type: credd login wellcome/,
  );
  t.match(await refusing.credd(['status']), {
    stdout: /wellcome +sign-in needed.*\n {2}\d+ s ago: Sign-in to wellcome: it was refused in the browser\./,
  });
  const login = refusing.start(['login', '--device']);
  await login.prints(/Waiting for you/);
  refusing.approve(login.stderr());
  t.match(await login.ended, { code: 0 });
  t.notMatch((await refusing.credd(['status'])).stdout, /refused/, 'that is over with the next');

  const bare = await office(t);
  writeFileSync(bare.path('settings'), settings);
  const unseen = await bare.serve(['--config', bare.path('settings')]);
  t.match(await bare.credd(['creds', 'dev']), { code: 1 });
  await unseen.prints(/no browser could be opened for the sign-in to wellcome\. Type: credd login wellcome/);
  t.match(
    await bare.credd(['status']),
    { stdout: /wellcome +sign-in needed.*\n {2}\d+ s ago: no browser could be opened/ },
    'nobody is waited for',
  );
});

t.test('a login that waits while somebody signs out says how to go on', async (t) => {
  const own = await office(t);
  await own.serve();
  const login = own.start(['login', '--device']);
  await login.prints(/Waiting for you/);
  t.match(await own.credd(['logout']), { code: 0 });
  t.match(await login.ended, {
    code: 1,
    stderr: /it was given up\. To sign in after all, type: credd login wellcome\n$/,
  });
});

t.test('without those settings nothing opens by itself', async (t) => {
  const own = await office(t, { autoApprove: true });
  await own.serve([], { env: { BROWSER: own.browser } });
  t.match(await own.credd(['creds', 'dev']), { code: 1 });
  t.match(await own.credd(['creds', 'dev']), { code: 1 });
  t.strictSame(own.aws.calls, []);
});
