import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { readSharedConfig } from '../../src/aws/shared-config.js';
import { configWarnings } from '../../src/aws/warnings.js';

const MODES = { config: 0o644, credentials: 0o600 };

async function warnings(t: Test, files: { config?: string; credentials?: string }, modes = MODES) {
  const home = t.testdir(files);
  for (const kind of Object.keys(files) as (keyof typeof files)[]) chmodSync(join(home, kind), modes[kind]);
  const found = configWarnings(
    await readSharedConfig({ config: join(home, 'config'), credentials: join(home, 'credentials'), home }),
  );
  for (const { message } of found) t.notMatch(message, /SECRET|AKIAIOSFODNN/, 'no secret is shown');
  return found;
}

const keys = (id = 'AKIAIOSFODNN7EXAMPLE') => `aws_access_key_id = ${id}\naws_secret_access_key = SECRET\n`;
const ROLE = 'role_arn = arn:aws:iam::123456789012:role/x\n';

const SOURCED = `${ROLE}credential_source = Environment\n`;
const SSO = 'sso_start_url = https://x/\nsso_region = eu-west-1\nsso_role_name = r\n';

t.test('nothing to say of files that are in order', async (t) => {
  const config = `[default]\nregion = eu-west-1\n[profile role]\n${ROLE}source_profile = default\n[profile sso]\nsso_session = s
[sso-session s]\n[profile web]\n${ROLE}web_identity_token_file = /t\n[profile machine]\n${ROLE}credential_source = Environment
[profile process]\ncredential_process = x\n[profile self]\n${ROLE}source_profile = self\n${keys('AKIAOTHER')}`;
  t.strictSame(
    await warnings(t, { config, credentials: `[default]\n${keys()}` }, { config: 0o600, credentials: 0o600 }),
    [],
  );
  t.strictSame(await warnings(t, {}), []);
});

t.test('the same keys in several profiles, with all places', async (t) => {
  const credentials = `[a]\n${keys()}[b]\n${keys()}[c]\n${keys('AKIAANOTHERKEY')}`;
  t.match(
    await warnings(
      t,
      { credentials, config: `[profile d]\n${keys()}` },
      { config: 0o600, credentials: 0o600 },
    ),
    [
      {
        profile: 'd',
        line: 2,
        message: /AKIA…MPLE.*a \(~\/credentials:2\), b \(~\/credentials:5\), d \(~\/config:2\)/,
      },
    ],
  );
});

const one: [text: string, line: number, message: RegExp][] = [
  ['region = eu-west-1\n', 1, /profile p: it has no credentials/],
  [`source_profile = zz\n${ROLE}`, 2, /source_profile zz does not exist/],
  [ROLE, 2, /role has no source/],
  ['sso_session = gone\n', 2, /\[sso-session gone\]/],
  [
    'region = eu-west-1\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n',
    3,
    /aws_access_key_id without aws_secret_access_key/,
  ],
  ['aws_secret_access_key = SECRET\n', 2, /aws_secret_access_key without aws_access_key_id/],
  [
    `${ROLE}credential_source = Environment\nsso_start_url = x\n`,
    1,
    /the first counts: role_arn, the sso_ settings;/,
  ],
  [
    'sso_start_url = x\ncredential_process = y\n',
    1,
    /the first counts: the sso_ settings, credential_process;/,
  ],
  [
    `credential_process = y\n${keys()}`,
    1,
    /the first counts: credential_process, the keys in the config file;/,
  ],
  ['credential_process = y\nregion = eu-west-1\nregion = eu-west-2\n', 4, /region is set on line 3/],
  ['credential_process = y\n[profile p]\n', 3, /line 1 already/],
  [`${SOURCED}duration_seconds = 43201\n`, 4, /above 43200 \(12 h\): AWS will answer ValidationError/],
  [`${SOURCED}duration_seconds = 899\n`, 4, /below 900: AWS will answer ValidationError/],
  [`${SOURCED}duration_seconds = 1h\n`, 4, /not a whole number: it is ignored, and sessions last an hour/],
  [`${SOURCED}duration_seconds = -900\n`, 4, /not a whole number: it is ignored/],
  ['credential_source = Environment\nrole_arn = SECRET\n', 3, /role_arn does not look like arn:/],
  [
    'credential_source = Environment\nrole_arn = arn:aws:iam::12345678901:role/x\n',
    3,
    /role_arn does not .*ValidationError/,
  ],
  [
    'credential_source = Environment\nrole_arn = arn:aws:iam::123456789012:user/x\n',
    3,
    /role_arn does not look like arn:aws:iam::123456789012:role\/NAME/,
  ],
  [`${SOURCED}mfa_serial = my phone\n`, 4, /mfa_serial does not look like .*refuse every code/],
  [
    `${SSO}sso_account_id = 12345678901\n`,
    5,
    /sso_account_id does not look like .*Identity Center will refuse/,
  ],
  [`${SSO}sso_account_id = 1234-5678-9012\n`, 5, /sso_account_id .*twelve digits/],
  [`${SOURCED}region = eu west\n`, 4, /region is no region's name: every tool will refuse it/],
  [`${SOURCED}region = eu-west1\n`, 4, /not written as AWS's regions are: calls will go to hosts/],
  [`${SOURCED}region = us-east-1a\n`, 4, /not written as AWS's regions are/],
];
for (const [text, line, message] of one) {
  t.test(`warns: ${message.source}`, async (t) => {
    const found = await warnings(
      t,
      { config: `[profile p]\n${text}` },
      { config: 0o600, credentials: 0o600 },
    );
    t.match(found, [{ profile: 'p', line, message }]);
    t.equal(found.length, 1);
    t.match(found[0]?.message, `~/config:${line}: `);
  });
}

for (const line of [
  'duration_seconds = 900',
  'duration_seconds = 43200',
  'mfa_serial = GAHT12345678',
  'mfa_serial = arn:aws-us-gov:iam::123456789012:mfa/ada@example.com',
  'role_arn = arn:aws-cn:iam::123456789012:role/a/path/x',
  'region = us-gov-west-1',
  'region = eusc-de-east-1',
  'region = local\nendpoint_url = http://127.0.0.1:4566',
]) {
  t.test(`does not warn of ${line}`, async (t) => {
    const text = line.startsWith('role_arn')
      ? `credential_source = Environment\n${line}`
      : `${SOURCED}${line}`;
    t.strictSame(await warnings(t, { config: `[profile p]\n${text}\n` }), []);
  });
}

t.test('of what an sso-session says too, and of a duration only where a role has it', async (t) => {
  const config = `[sso-session s]\nsso_start_url = https://x/\nsso_region = Ireland 1\n
[profile p]\ncredential_process = x\nduration_seconds = long\n`;
  const found = await warnings(t, { config });
  t.match(found, [{ line: 3, message: /^~\/config:3: sso-session s: sso_region is no region's name/ }]);
  t.equal(found.length, 1);
});

t.test(
  'keys in two files do not make a pair, and those of the credentials file come before a process',
  async (t) => {
    const [first, second, ...rest] = await warnings(t, {
      config: '[profile p]\naws_secret_access_key = SECRET\n[profile q]\ncredential_process = x\n',
      credentials: `[p]\naws_access_key_id = AKIAOTHER\n[q]\n${keys()}`,
    });
    t.match([first, second], [{ message: /other users/ }, { profile: 'p', message: /in the same file/ }]);
    t.match(rest, [
      { profile: 'q', message: /the first counts: the keys in the credentials file, credential_process;/ },
    ]);
  },
);

t.test('a section that other tools ignore, and a broken line', async (t) => {
  const found = await warnings(t, { config: '[work]\ncredential_process = x\nSECRET\n' });
  t.match(found, [
    { profile: 'work', line: 1, message: /^~\/config:1: .*\[profile work\]/ },
    { line: 3, message: /^~\/config:3: / },
  ]);
});

t.test('a file with secrets that others can read', async (t) => {
  const open = { config: 0o644, credentials: 0o640 };
  const files = { credentials: `[a]\n${keys()}`, config: '[profile a]\nregion = x\n' };
  t.match(await warnings(t, files, open), [{ message: /chmod 600 ~\/credentials/ }]);
  const secret = { config: `[profile a]\n${keys()}` };
  t.match(await warnings(t, secret, open), [{ message: /chmod 600 ~\/config/ }]);
});
