import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import t from 'tap';
import { SsoTokenCache } from '../../src/aws/sso-token.js';
import { ask, type Daemon } from '../support/cli.js';
import { type Office, office } from '../support/identity-center.js';
import { noTerminal, onTerminal } from '../support/terminal.js';

const skip = noTerminal;
const WAITING = /Waiting for you/;
const GIVEN_UP = /The sign-in was given up; all is as it was before\./;

const redirectOf = (printed: string) =>
  new URL(/(http\S+authorize\S+)/.exec(printed)?.[1] ?? '').searchParams.get('redirect_uri') ?? '';

/** How the daemon's one sign-in stands, once that is as wanted. */
async function stands(own: Office, wanted: (state: string) => boolean): Promise<string> {
  for (;;) {
    const [{ state }] = JSON.parse((await own.credd(['status', '--json'])).stdout).signIns;
    if (wanted(state)) return state;
  }
}

t.test(
  'Ctrl-C gives the sign-in up, in the daemon too, and the next one begins afresh',
  { skip },
  async (t) => {
    const own = await office(t, { autoApprove: true });
    await own.serve();
    const path = new SsoTokenCache(own.path('.aws', 'sso', 'cache')).path('wellcome');
    await own.credd(['login'], { env: { BROWSER: own.browser } });
    const old = readFileSync(path, 'utf8');

    const login = onTerminal(t, own, ['login', 'dev', '--no-browser']);
    await login.prints(WAITING);
    t.equal(await stands(own, () => true), 'pending');
    login.process.stdin?.write('\x03');
    t.match(await login.ended, { code: 130, stdout: GIVEN_UP });
    t.equal(await stands(own, () => true), 'done', 'as it was');
    t.equal(readFileSync(path, 'utf8'), old);
    await t.rejects(fetch(redirectOf(login.stdout())), 'nobody listens at the redirect any more');

    const next = own.start(['login', '--no-browser']);
    await next.prints(WAITING);
    t.not(redirectOf(next.stderr()), redirectOf(login.stdout()));
    await fetch(/(http\S+authorize\S+)/.exec(next.stderr())?.[1] ?? '');
    t.match(await next.ended, { code: 0, stderr: /Signed in/ });
  },
);

t.test('a signal, or the end of the terminal, does the same', { skip }, async (t) => {
  const own = await office(t);
  const daemon = await own.serve();
  for (const [signal, code] of [
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    const login = own.start(['login', '--device']);
    await login.prints(WAITING);
    login.process.kill(signal);
    t.match(await login.ended, { code, stderr: GIVEN_UP });
    t.equal(await stands(own, () => true), 'none');
  }
  const closed = onTerminal(t, own, ['login', '--device']);
  await closed.prints(WAITING);
  closed.process.kill('SIGKILL');
  t.equal(await stands(own, (state) => state !== 'pending'), 'none');
  t.notMatch(daemon.stderr(), /"level":50|bug/);
});

t.test('without a daemon, and in the sign-in that exec offers', { skip }, async (t) => {
  const own = await office(t);
  const login = onTerminal(t, own, ['login', '--device']);
  await login.prints(WAITING);
  login.process.stdin?.write('\x03');
  t.match(await login.ended, { code: 130, stdout: GIVEN_UP });

  const exec = onTerminal(t, own, ['exec', 'dev', '--', 'echo', 'not to be run']);
  await exec.prints(/Sign in now\?/);
  exec.process.stdin?.write('\n');
  await exec.prints(WAITING);
  exec.process.stdin?.write('\x03');
  const ended = await exec.ended;
  t.match(ended, { code: 130, stdout: GIVEN_UP });
  t.notMatch(ended.stdout, 'not to be run');
});

t.test('of two terminals one gives up: the other signs in', { skip }, async (t) => {
  const own = await office(t);
  await own.serve();
  const first = onTerminal(t, own, ['login', '--device']);
  const [, code] = await first.prints(/code: (\S+)[\s\S]*Waiting for you/);
  const second = onTerminal(t, own, ['login', 'dev', '--device']);
  await second.prints(new RegExp(`${code}[\\s\\S]*Waiting for you`));
  first.process.stdin?.write('\x03');
  t.match(await first.ended, { code: 130, stdout: /Given up here; somebody else goes on waiting/ });
  own.approve(second.stdout());
  t.match(await second.ended, { code: 0, stdout: /Signed in to wellcome/ });
});

t.test('who goes away before the address has come leaves nothing behind', async (t) => {
  const own = await office(t);
  const daemon = await own.serve();
  own.aws.faults.set('RegisterClient', { kind: 'hang' });
  await begunAndLeft(own, daemon);
  own.aws.faults.clear();
  t.equal(await stands(own, (state) => state !== 'pending'), 'none');
  while (own.aws.count('StartDeviceAuthorization') < 1) await ask(`${daemon.url}/healthz`);
  t.equal(await stands(own, (state) => state !== 'pending'), 'none');
});

t.test('what else waits for AWS says in a sentence what Ctrl-C leaves', { skip }, async (t) => {
  const own = await office(t, { autoApprove: true });
  await own.credd(['login'], { env: { BROWSER: own.browser } });
  await own.serve();
  const before = readFileSync(own.path('.aws', 'config'), 'utf8');
  for (const [args, operation, sentence] of [
    [
      ['populate', 'wellcome'],
      'ListAccounts',
      /\ncredd: Given up while the accounts were listed. Nothing was written/,
    ],
    [['console', 'dev'], 'GetRoleCredentials', /\ncredd: Given up. No console was opened/],
    [['logout'], 'Logout', /\ncredd: Given up before Identity Center had answered.*type: credd status/],
  ] as const) {
    own.aws.faults.set(operation, { kind: 'hang' });
    const terminal = onTerminal(t, own, [...args]);
    while (own.aws.count(operation) === 0) await new Promise((next) => setImmediate(next));
    terminal.type('\x03');
    t.match(await terminal.ended, { code: 130, stdout: sentence });
    own.aws.faults.clear();
  }
  t.equal(readFileSync(own.path('.aws', 'config'), 'utf8'), before);
});

/** Asks for a sign-in, and hangs up while AWS has not answered. */
async function begunAndLeft(own: Office, { port }: Daemon): Promise<void> {
  const authorization = readFileSync(own.path('.local', 'state', 'credd', 'token'), 'utf8');
  const asked = request({
    port,
    host: '127.0.0.1',
    method: 'POST',
    path: '/api/sign-ins',
    headers: { authorization, 'content-type': 'application/json' },
  });
  asked.on('error', () => {});
  asked.end(JSON.stringify({ name: 'dev', device: true }));
  while (own.aws.calls.length === 0) await new Promise((next) => setImmediate(next));
  asked.destroy();
}
