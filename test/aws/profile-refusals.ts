import t from 'tap';
import type { SourceStep, Step } from '../../src/aws/chain.js';
import { arn, corp, keys, role } from '../support/profile-texts.js';
import { readProfiles } from '../support/profiles.js';

const source = (steps: readonly Step[]) => steps[0] as SourceStep;

t.test('says what is wrong, where, and what to do', async (t) => {
  const { refusal } = await readProfiles(t, {
    config: `[profile role]
role_arn = ${arn('R')}
source_profile = zz
[profile bare]
region = eu-west-1
[profile typed]
sso_session = corp
[profile secret]
aws_secret_access_key = hush
${corp}`,
    credentials: '[half]\naws_access_key_id = AKIA\n',
  });
  t.match(await refusal('role'), {
    message:
      'The source_profile "zz" referenced in the profile "role" does not exist. (~/.aws/config:3). Add that profile, or correct the name.',
  });
  t.match((await refusal('bare')).message, '(~/.aws/config:4). Add role_arn, sso_session');
  t.match((await refusal('bare')).message, / credd keys add bare$/);
  t.match((await refusal('typed')).message, 'missing required configuration: sso_role_name, sso_account_id');
  const secret = await refusal('secret');
  t.match(secret.message, 'missing: aws_access_key_id (~/.aws/config:9)');
  t.notMatch(secret.message, 'hush');
  t.match((await refusal('half')).message, 'missing: aws_secret_access_key (~/.aws/credentials:2)');
  t.match(
    (await refusal('rloe')).message,
    'There is no profile "rloe". Did you mean "role"? Type: credd list',
  );
  t.match(await refusal('nobody'), { code: 'UnknownProfile', statusCode: 400, message: /Type: credd list$/ });
});

t.test('where there are no profiles it says how to begin', async (t) => {
  const { refusal } = await readProfiles(t, {});
  t.match((await refusal('default')).message, 'There are no profiles in ~/.aws/config');
});

t.test('a profile may be missing because a file cannot be read, and it says so', async (t) => {
  const { refusal } = await readProfiles(t, { config: 'torn' });
  t.match(
    (await refusal('dev')).message,
    /^There is no profile "dev" in what could be read \(~\/\.aws\/config:1: this line .*: correct it\)\. Type: credd list$/,
  );
});

t.test('what needs a person is refused at once', async (t) => {
  const { refusal, resolve } = await readProfiles(t, {
    config: `[profile mfa]\n${role('R', 'source_profile = base\nmfa_serial = arn:aws:iam::1:mfa/ada')}[profile base]
[profile login]
login_session = arn:aws:iam::123456789012:user/ada
[profile broken]
${role('R', 'source_profile = zz\nmfa_serial = arn:aws:iam::1:mfa/ada')}`,
    credentials: `[base]\n${keys('AKIABASE')}[user]\nmfa_serial = arn:aws:iam::1:mfa/ada\n${keys('AKIABASE')}
[pasted]\nmfa_serial = arn:aws:iam::1:mfa/ada\naws_session_token = token\n${keys('ASIAPASTED')}`,
  });
  for (const profile of ['mfa', 'user']) {
    t.match(await refusal(profile), {
      code: 'MfaRequired',
      statusCode: 403,
      message: `the MFA device arn:aws:iam::1:mfa/ada. Type: credd login ${profile}`,
    });
  }
  t.match(await refusal('login'), {
    code: 'LoginRequired',
    statusCode: 403,
    message: /nobody is signed in. Type: aws login --profile login$/,
  });
  t.match(await refusal('broken'), { code: 'InvalidProfile' }, 'a code would not help a broken profile');
  t.match(source(resolve('pasted').steps), { kind: 'session-token' }, 'a session needs no code any more');
});

t.test('an environment without the keys that a profile counts on', async (t) => {
  const { refusal } = await readProfiles(t, {
    config: `[profile a]\n${role('R', 'credential_source = Environment')}`,
  });
  t.match(await refusal('a'), {
    code: 'CredentialSourceFailed',
    statusCode: 400,
    message: 'AWS_ACCESS_KEY_ID',
  });
});
