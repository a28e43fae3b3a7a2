import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { startSimulatedAws } from '../../src/demo/aws.js';
import { machine } from '../support/cli.js';
import { office, SSO_CONFIG } from '../support/identity-center.js';
import { noTerminal, onTerminal } from '../support/terminal.js';

const ACCOUNT = '123456789012';
const DEVICE = `arn:aws:iam::${ACCOUNT}:mfa/ada`;
const ROLE = `arn:aws:iam::${ACCOUNT}:role/guarded`;
const USER = {
  accountId: ACCOUNT,
  name: 'ada',
  accessKeyId: 'AKIAADA',
  secretAccessKey: 'adas-secret',
  mfaSerial: DEVICE,
};

async function ready(t: Test, { daemon = true } = {}) {
  const own = machine(t);
  const aws = await startSimulatedAws({
    world: { users: [USER], roles: [{ arn: ROLE, trusts: [ACCOUNT], requiresMfa: true }] },
  });
  t.teardown(() => aws.close());
  own.profiles(
    `[profile guarded]
role_arn = ${ROLE}
source_profile = user
mfa_serial = ${DEVICE}
endpoint_url = ${aws.url}

[profile user]
mfa_serial = ${DEVICE}
endpoint_url = ${aws.url}

[profile "ada & co"]
mfa_serial = ${DEVICE}
aws_access_key_id = ${USER.accessKeyId}
aws_secret_access_key = ${USER.secretAccessKey}
endpoint_url = ${aws.url}

[profile open]
endpoint_url = ${aws.url}
aws_access_key_id = ${USER.accessKeyId}
aws_secret_access_key = ${USER.secretAccessKey}
`,
    `[user]\naws_access_key_id = ${USER.accessKeyId}\naws_secret_access_key = ${USER.secretAccessKey}\n`,
  );
  const running = daemon ? await own.serve([], { env: { CREDD_LOG_LEVEL: 'trace' } }) : undefined;
  return { ...own, aws, running };
}

t.test('credd login asks for the code on the terminal', { skip: noTerminal }, async (t) => {
  const own = await ready(t);
  const login = onTerminal(t, own, ['login', 'guarded']);
  await login.prints(/Code of the MFA device arn:aws:iam::123456789012:mfa\/ada: /);
  const command = readFileSync(`/proc/${login.pid}/cmdline`, 'latin1');
  login.type('77889\x7f99\r');
  t.match(await login.ended, {
    code: 0,
    stdout: /: 77889.*99\r\nThe code was taken; the session expires in 11 h 5\d min\./,
  });
  t.notMatch(command, '778899');
  t.match(await own.credd(['creds', 'guarded']), { code: 0, stdout: /"Code":"Success"/ });
  t.match(await own.credd(['creds', 'user']), { code: 0 });
  t.equal(own.aws.count('GetSessionToken'), 1);
  t.notMatch(`${own.running?.stderr()}`, '778899', 'no log holds the code');
});

t.test('a code that AWS does not take, and no code at all', { skip: noTerminal }, async (t) => {
  const own = await ready(t);
  const type = async (keys: string, ...args: string[]) => {
    const running = onTerminal(t, own, args);
    await running.prints(/mfa\/ada: /);
    running.type(keys);
    return running.ended;
  };
  t.match(await type('000000\r', 'login', 'user'), { code: 1, stdout: /Wait for the next one/ });
  const again = onTerminal(t, own, ['login', 'user']);
  await again.answer(/mfa\/ada: /, '12 34');
  await again.answer(/A code has six digits[\s\S]*mfa\/ada: /, 'none');
  await again.shows(/A code has six digits[\s\S]*mfa\/ada: /);
  again.type('\x03');
  t.match(await again.ended, { code: 1, stdout: /Cancelled/ }, 'what is no code is not the end');
  for (const keys of ['\x03', '12\x04', '\x1b']) {
    t.match(await type(keys, 'login', 'user'), { code: 1, stdout: /Cancelled. Nothing was changed./ });
  }
  t.match(await own.credd(['creds', 'user']), { code: 1, stderr: /Type: credd login user/ });
  t.match(
    await type('778 899\r', 'login', 'user'),
    { code: 0, stdout: /The code was taken/ },
    'as apps show it',
  );
});

for (const daemon of [true, false]) {
  const how = daemon ? 'a daemon' : 'one of its own';
  t.test(`exec asks on the terminal and goes on, with ${how}`, { skip: noTerminal }, async (t) => {
    const own = await ready(t, { daemon });
    const script = 'echo ready; read line; echo "in $CREDD_PROFILE: $line"';
    const running = onTerminal(t, own, ['exec', 'guarded', '--', 'sh', '-c', script]);
    await running.prints(/mfa\/ada: /);
    running.type('778899\r');
    await running.prints(/ready/);
    running.type('typed\n');
    t.match(await running.ended, { code: 0, stdout: /in guarded: typed/ });
  });
}

t.test('a role over a sign-in: first the sign-in, then the code', { skip: noTerminal }, async (t) => {
  const role = `[profile over]\nrole_arn = ${ROLE}\nsource_profile = dev\nmfa_serial = ${DEVICE}\n`;
  const own = await office(t, {}, `${SSO_CONFIG}${role}`);
  await own.serve();
  const login = onTerminal(t, own, ['login', 'over', '--device']);
  await login.prints(/Waiting for you/);
  t.notMatch(login.stdout(), /Code of the MFA device/, 'a code would be stale by then');
  own.approve(login.stdout());
  await login.prints(/Signed in to wellcome.*[\s\S]*mfa\/ada: /);
  t.equal(own.aws.count('GetRoleCredentials'), 1);
  login.process.stdin?.write('778899\r');
  // As AWS does: a device belongs to a user, and he is not the one who calls.
  t.match(await login.ended, { code: 1, stdout: /Check mfa_serial of "over"/ });
  t.match(own.aws.calls.at(-1), { operation: 'AssumeRole', params: { SerialNumber: DEVICE } });
  const again = onTerminal(t, own, ['login', 'over', '--device']);
  await again.prints(/mfa\/ada: /);
  t.notMatch(again.stdout(), /Waiting for you/, 'signed in already');
});

t.test('without a terminal it says what to do', async (t) => {
  const own = await ready(t);
  const nobody =
    /^credd: .*on a terminal, and there is none here\. Type this in one: credd login user .*mfa_process/;
  t.match(await own.credd(['login', 'user'], { input: '778899\n' }), {
    code: 1,
    stdout: /^$/,
    stderr: nobody,
  });
  t.match(await own.credd(['login', 'ada & co']), { code: 1, stderr: /credd login 'ada & co' - or/ });
  t.match(await own.credd(['exec', 'guarded', '--', 'true']), {
    code: 1,
    stderr: /^credd: Profile "guarded" needs a code .*Type: credd login guarded\n$/,
  });
  t.match(await own.credd(['login', 'open', '--device']), { code: 1, stderr: /"open" does not sign in/ });
  t.match(await own.credd(['login', 'nope', '--device']), {
    code: 1,
    stderr: /no profile and no sso-session "nope"/,
  });
  t.equal(own.aws.calls.length, 0);
});

t.test('where nothing would keep the session no code is wasted', async (t) => {
  const own = await ready(t, { daemon: false });
  t.match(await own.credd(['login', 'user'], { env: { CREDD_STORE: 'memory' } }), {
    code: 1,
    stderr: /No daemon is running.*credd serve/,
  });
});
