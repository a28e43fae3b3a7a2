import { lstatSync, readFileSync, renameSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { office, SSO_CONFIG, START_URL } from '../support/identity-center.js';

async function signedIn(t: Parameters<typeof office>[0], config?: string, many = 0) {
  const more = Array.from({ length: many }, (_, index) => ({
    accountId: String(500_000_000_000 + index),
    accountName: `Account ${index}`,
    roles: ['Dev'],
  }));
  const own = await office(t, { autoApprove: true, ...(many ? { assignments: more } : {}) }, config);
  await own.credd(['login', 'wellcome'], { env: { BROWSER: own.browser } });
  return own;
}

t.test('accounts and roles', async (t) => {
  const own = await signedIn(t);
  t.match(await own.credd(['accounts', 'wellcome']), {
    code: 0,
    stdout: /^ACCOUNT +NAME +ROLES\n123456789012 +Platform +Admin, Dev\n210987654321 +Same Näme +Dev\n/,
  });
  const json = JSON.parse((await own.credd(['accounts', 'dev', '--json'])).stdout);
  t.match(json, {
    name: 'wellcome',
    region: 'eu-west-1',
    accounts: [{ accountId: '123456789012', roles: ['Admin', 'Dev'] }],
  });
});

t.test('hundreds of accounts come in pages, and throttling is waited out', async (t) => {
  const own = await signedIn(t, SSO_CONFIG, 230);
  own.aws.faults.set('ListAccountRoles', { kind: 'throttle', times: 6 });
  const { accounts } = JSON.parse((await own.credd(['accounts', 'wellcome', '--json'])).stdout);
  t.equal(accounts.length, 230);
  t.ok(accounts.every(({ roles }: { roles: string[] }) => roles.length === 1));
  t.equal(own.aws.count('ListAccounts', 'ok'), 3);
});

t.test('without a sign-in: which command to type', async (t) => {
  const own = await office(t);
  for (const verb of ['accounts', 'populate'])
    t.match(await own.credd([verb, 'wellcome']), {
      code: 1,
      stderr: /Nobody is signed in to wellcome. Type: credd login wellcome/,
    });
  t.match(await own.credd(['accounts', 'x']), { code: 1, stderr: /no sso-session "x"/ });
});

t.test('a profile for each, and all else byte for byte; twice is once', async (t) => {
  const before = `${SSO_CONFIG.replaceAll('\n', '\r\n')}[profile Platform-Admin]\r\n  ; odd\r\nregion=x`;
  const own = await signedIn(t, before);
  const path = own.path('.aws', 'config');
  renameSync(path, own.path('dotfile'));
  symlinkSync('../dotfile', path);
  const dry = await own.credd(['populate', 'wellcome', '--dry-run']);
  t.match(dry, { code: 0, stderr: /3 profiles would be written.*1 was there/ });
  t.equal(readFileSync(path, 'utf8'), before);
  t.match(await own.credd(['populate', 'wellcome']), {
    code: 0,
    stdout: '',
    stderr: /3 profiles written to ~\/.aws\/config; 1 was/,
  });
  const after = readFileSync(path, 'utf8');
  t.ok(after.startsWith(before));
  t.equal(after.slice(before.length), `\r\n\r\n${dry.stdout.replaceAll('\n', '\r\n')}`);
  t.strictSame(after.slice(before.length).match(/\[.*\]/g), [
    '[profile Platform-Admin-2]',
    '[profile Same-Name-210987654321-Dev]',
    '[profile Same-Name-310987654321-Dev]',
  ]);
  t.ok(lstatSync(path).isSymbolicLink());
  t.equal(statSync(path).mode & 0o777, 0o600);
  for (const again of [
    ['populate', 'wellcome'],
    ['populate', 'wellcome', '--dry-run'],
  ]) {
    t.match(await own.credd(again), {
      code: 0,
      stdout: /^$/,
      stderr: /^Every role that is yours has a profile already/,
    });
  }
  t.equal(readFileSync(path, 'utf8'), after);
  t.match(await own.credd(['whoami', 'Same-Name-210987654321-Dev']), { code: 0, stdout: /210987654321/ });
});

t.test('with a prefix; and a config file that is broken is not touched', async (t) => {
  const own = await signedIn(t);
  t.match(
    (await own.credd(['populate', 'wellcome', '--prefix', 'w-', '--dry-run'])).stdout,
    /^\[profile w-Platform-Admin\]\nsso_session = wellcome\n/,
  );
  const path = own.path('.aws', 'config');
  writeFileSync(path, `${SSO_CONFIG}half of a li`);
  t.match(await own.credd(['populate', 'wellcome']), {
    code: 1,
    stderr: /Nothing was written: ~\/.aws\/config:\d+/,
  });
  t.equal(readFileSync(path, 'utf8'), `${SSO_CONFIG}half of a li`);
});

t.test('of the legacy form the profiles are of the legacy form', async (t) => {
  const legacy = `[profile old]\nsso_start_url = ${START_URL}\nsso_region = eu-west-1\nsso_account_id = 123456789012\nsso_role_name = Dev\n`;
  const own = await office(t, { autoApprove: true }, legacy);
  t.match(await own.credd(['login', 'old'], { env: { BROWSER: own.browser } }), {
    code: 0,
    stderr: /cannot be renewed/,
  });
  t.match(await own.credd(['populate', 'old']), { code: 0, stderr: /^3 profiles/ });
  t.match(await own.credd(['whoami', 'Platform-Admin']), { code: 0, stdout: /_Admin_/ });
});
