import t, { type Test } from 'tap';
import type { SourceStep, Step } from '../../src/aws/chain.js';
import { CredentialError } from '../../src/errors.js';
import { askBotocore, type BotocoreCase, needsBotocore } from '../support/botocore.js';
import { readProfiles } from '../support/profiles.js';

const env = { AWS_ACCESS_KEY_ID: 'AKIAENVIRONMENT', AWS_SECRET_ACCESS_KEY: 'secret' };
const arn = (name: string) => `arn:aws:iam::123456789012:role/${name}`;
const keys = (id: string) => `aws_access_key_id = ${id}\naws_secret_access_key = secret\n`;
const role = (name: string, more: string) => `role_arn = ${arn(name)}\n${more}\n`;
const sso =
  'sso_account_id = 123456789012\nsso_role_name = Dev\nsso_start_url = https://wut.awsapps.com/start/#\nsso_region = eu-west-1\n';
const process = `credential_process = echo '{"Version":1,"AccessKeyId":"AKIAPROCESS","SecretAccessKey":"x"}'\n`;
const webIdentity = 'web_identity_token_file = /nowhere/token\n';
const corp =
  '[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-central-1\nsso_registration_scopes = sso:account:access\n';

const all = role('All', 'source_profile = base') + webIdentity + sso + process;

/** Profile `a` in each of these is resolved by us and by botocore. */
const cases: Record<string, Omit<BotocoreCase, 'profile'>> = {
  'keys in the config file': { config: `[profile a]\n${keys('AKIACONFIG')}` },
  'keys in the credentials file': { credentials: `[a]\n${keys('AKIACREDENTIALS')}` },
  'keys in both files': {
    config: `[profile a]\n${keys('AKIACONFIG')}`,
    credentials: `[a]\n${keys('AKIACREDENTIALS')}`,
  },
  'keys with a session token': { credentials: `[a]\n${keys('ASIAPASTED')}aws_session_token = token\n` },
  'keys with a token under its old name': {
    credentials: `[a]\n${keys('ASIAPASTED')}aws_security_token = token\n`,
  },
  'a process before keys in the config file': { config: `[profile a]\n${process}${keys('AKIACONFIG')}` },
  'keys in the credentials file before a process': {
    config: `[profile a]\n${process}`,
    credentials: `[a]\n${keys('AKIACREDENTIALS')}`,
  },
  'SSO before keys and process': {
    config: `[profile a]\n${sso}${process}`,
    credentials: `[a]\n${keys('AKIACREDENTIALS')}`,
  },
  'web identity before SSO, keys and process': {
    config: `[profile a]\nrole_arn = ${arn('W')}\nrole_session_name = me\n${webIdentity}${sso}${process}`,
    credentials: `[a]\n${keys('AKIACREDENTIALS')}`,
  },
  'web identity before a role with a source': {
    config: `[profile a]\n${all}[profile base]\n${keys('AKIABASE')}`,
  },
  'a role before SSO, keys and process': {
    config: `[profile a]\n${role('R', 'source_profile = base')}${sso}${process}[profile base]\n${keys('AKIABASE')}`,
    credentials: `[a]\n${keys('AKIACREDENTIALS')}`,
  },
  'a role in the credentials file': {
    credentials: `[a]\n${role('R', 'source_profile = base')}[base]\n${keys('AKIABASE')}`,
  },
  'every setting of a role': {
    config: `[profile a]\n${role('R', 'source_profile = base\nexternal_id = ext/1\nrole_session_name = me\nduration_seconds = 7200')}[profile base]\n${keys('AKIABASE')}`,
  },
  'a duration that is not a number': {
    config: `[profile a]\n${role('R', 'source_profile = base\nduration_seconds = 1h')}[profile base]\n${keys('AKIABASE')}`,
  },
  'a role on keys from the other file': {
    config: `[profile a]\n${role('R', 'source_profile = base')}[profile base]\nregion = eu-west-1\n`,
    credentials: `[base]\n${keys('AKIABASE')}`,
  },
  'a chain of four': {
    config: `[profile a]\n${role('A', 'source_profile = b')}[profile b]\n${role('B', 'source_profile = c')}[profile c]\n${role('C', 'source_profile = d')}[profile d]\n${role('D', 'source_profile = base')}[profile base]\n${sso}`,
  },
  'a role on SSO': { config: `[profile a]\n${role('R', 'source_profile = base')}[profile base]\n${sso}` },
  'a role on an sso-session': {
    config: `${corp}[profile a]\n${role('R', 'source_profile = base')}[profile base]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = Dev\n`,
  },
  'a role on a process': {
    config: `[profile a]\n${role('R', 'source_profile = base')}[profile base]\n${process}`,
  },
  'a role on web identity': {
    config: `[profile a]\n${role('R', 'source_profile = base')}[profile base]\nrole_arn = ${arn('W')}\n${webIdentity}`,
  },
  'a role on the environment': { config: `[profile a]\n${role('R', 'credential_source = Environment')}` },
  'a role on itself with keys': {
    config: `[profile a]\n${role('R', 'source_profile = a')}${keys('AKIASELF')}`,
  },
  'a role on itself with keys in the other file': {
    config: `[profile a]\n${role('R', 'source_profile = a')}`,
    credentials: `[a]\n${keys('AKIASELF')}`,
  },
  'a role on itself without keys': { config: `[profile a]\n${role('R', 'source_profile = a')}` },
  'a role on a role on itself': {
    config: `[profile a]\n${role('A', 'source_profile = b')}[profile b]\n${role('B', 'source_profile = b')}${keys('AKIASELF')}`,
  },
  'in a later hop keys beat role_arn': {
    config: `[profile a]\n${role('A', 'source_profile = b')}[profile b]\n${role('B', 'source_profile = base')}${keys('AKIAHOP')}[profile base]\n${keys('AKIABASE')}`,
  },
  'in a later hop SSO beats keys and role_arn': {
    config: `[profile a]\n${role('A', 'source_profile = b')}[profile b]\n${role('B', 'source_profile = base')}${sso}${keys('AKIAHOP')}`,
  },
  'a loop of two': {
    config: `[profile a]\n${role('A', 'source_profile = b')}[profile b]\n${role('B', 'source_profile = a')}`,
  },
  'a loop behind the first': {
    config: `[profile a]\n${role('A', 'source_profile = b')}[profile b]\n${role('B', 'source_profile = c')}[profile c]\n${role('C', 'source_profile = b')}`,
  },
  'a loop that ends in keys': {
    config: `[profile a]\n${role('A', 'source_profile = b')}[profile b]\n${role('B', 'source_profile = a')}`,
    credentials: `[a]\n${keys('AKIALOOP')}`,
  },
  'a missing source': { config: `[profile a]\n${role('A', 'source_profile = zz')}` },
  'a missing source in a later hop': {
    config: `[profile a]\n${role('A', 'source_profile = b')}[profile b]\n${role('B', 'source_profile = zz')}`,
  },
  'a source without credentials': {
    config: `[profile a]\n${role('A', 'source_profile = b')}[profile b]\nregion = eu-west-1\n`,
  },
  'both source_profile and credential_source': {
    config: `[profile a]\n${role('A', 'source_profile = b\ncredential_source = Environment')}`,
  },
  'neither of them': { config: `[profile a]\n${role('A', '')}` },
  'keys beside a role without a source': { config: `[profile a]\n${role('A', '')}${keys('AKIASELF')}` },
  'an unknown credential_source': { config: `[profile a]\n${role('A', 'credential_source = Lambda')}` },
  'a legacy SSO profile': { config: `[profile a]\n${sso}` },
  'an sso-session': {
    config: `${corp}[profile a]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = Dev\n`,
  },
  'an sso-session that repeats the profile': {
    config: `${corp}[profile a]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = Dev\nsso_region = eu-central-1\n`,
  },
  'an sso-session that contradicts the profile': {
    config: `${corp}[profile a]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = Dev\nsso_region = us-east-1\n`,
  },
  'an sso-session that does not exist': {
    config: '[profile a]\nsso_session = q\nsso_account_id = 1\nsso_role_name = Dev\n',
  },
  'an sso-session without a region': {
    config:
      '[sso-session q]\nsso_start_url = https://q.awsapps.com/start\n[profile a]\nsso_session = q\nsso_account_id = 1\nsso_role_name = Dev\n',
  },
  'SSO without a start URL and region': { config: '[profile a]\nsso_account_id = 1\nsso_role_name = Dev\n' },
  'SSO without an account': {
    config:
      '[profile a]\nsso_role_name = Dev\nsso_start_url = https://q.awsapps.com/start\nsso_region = eu-west-1\n',
  },
  'an sso-session alone, and keys': {
    config: `${corp}[profile a]\nsso_session = corp\n`,
    credentials: `[a]\n${keys('AKIACREDENTIALS')}`,
  },
  'an id without its secret': { credentials: '[a]\naws_access_key_id = AKIAALONE\n' },
  'an id without its secret in the config file': { config: '[profile a]\naws_access_key_id = AKIAALONE\n' },
  'an id and a secret in different files': {
    config: '[profile a]\naws_secret_access_key = secret\n',
    credentials: '[a]\naws_access_key_id = AKIAALONE\n',
  },
  'a secret without its id, and a process': {
    config: `[profile a]\n${process}`,
    credentials: '[a]\naws_secret_access_key = secret\n',
  },
};

t.test('chooses the source that botocore chooses', { skip: needsBotocore }, async (t) => {
  const answers = askBotocore(Object.values(cases).map((files) => ({ ...files, profile: 'a' })));
  for (const [index, [name, files]] of Object.entries(cases).entries()) {
    await t.test(name, async (t) => {
      const { error, steps } = answers[index] ?? {};
      const ours = await resolved(t, files);
      if (error) t.match(ours, { code: 'InvalidProfile', statusCode: 400, message: error });
      else t.strictSame(ours, steps);
    });
  }
});

async function resolved(t: Test, files: { config?: string; credentials?: string }): Promise<unknown> {
  const profiles = await readProfiles(t, { ...files, env });
  try {
    return profiles.resolve('a').steps.map(asBotocore);
  } catch (error) {
    if (error instanceof CredentialError) return error;
    throw error;
  }
}

/** The same words, and null for what is not set. */
function asBotocore(step: Step): object {
  switch (step.kind) {
    case 'keys':
      return { kind: 'keys', accessKeyId: step.accessKeyId, token: step.sessionToken ?? null };
    case 'process':
      return { kind: 'keys', accessKeyId: 'AKIAPROCESS', token: null };
    case 'session-token':
      return asBotocore(step.of);
    case 'sso-role':
      return {
        kind: step.kind,
        startUrl: step.startUrl,
        region: step.sso.region,
        roleName: step.roleName,
        accountId: step.accountId,
        session: step.session ?? null,
      };
    case 'web-identity':
      return {
        kind: step.kind,
        roleArn: step.roleArn,
        externalId: null,
        sessionName: given(step.sessionName),
      };
    case 'assume-role':
      return {
        kind: step.kind,
        roleArn: step.roleArn,
        externalId: step.externalId ?? null,
        sessionName: given(step.sessionName),
        durationSeconds: step.durationSeconds === 3600 ? null : step.durationSeconds,
      };
    default:
      throw new Error(`botocore would go to the network for ${step.kind}`);
  }
}

const given = (sessionName: string) => (sessionName === 'credd-ada' ? null : sessionName);

const source = (steps: readonly Step[]) => steps[0] as SourceStep;

t.test('keys that are asked for themselves become a session; as a source they sign themselves', async (t) => {
  const { resolve } = await readProfiles(t, {
    config: `[profile a]\n${role('R', 'source_profile = base')}[profile base]\nregion = eu-west-1\n${keys('AKIABASE')}`,
  });
  t.match(resolve('base').steps, [
    { kind: 'session-token', of: { kind: 'keys', accessKeyId: 'AKIABASE' }, sts: { region: 'eu-west-1' } },
  ]);
  t.match(resolve('a').steps, [{ kind: 'keys', accessKeyId: 'AKIABASE' }, { kind: 'assume-role' }]);
});

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

t.test('takes a credential_source in any case', async (t) => {
  const { resolve } = await readProfiles(t, {
    config: `[profile a]\n${role('R', 'credential_source = ENVIRONMENT')}`,
    env: { ...env, AWS_SESSION_TOKEN: 'token' },
  });
  t.match(resolve('a').steps[0], { kind: 'keys', accessKeyId: 'AKIAENVIRONMENT', sessionToken: 'token' });
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

t.test('steps with the same credentials have the same key, whichever profile they stand in', async (t) => {
  const { resolve } = await readProfiles(t, {
    config: `[profile a]\n${role('R', 'source_profile = base')}[profile b]\n${role('R', 'source_profile = base')}
[profile c]\n${role('R', 'source_profile = base\nexternal_id = x')}[profile d]\n${role('R', 'source_profile = other')}
[profile base]\n${keys('AKIABASE')}[profile other]\n${keys('AKIAOTHER')}`,
  });
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => resolve(name).keys);
  t.strictSame(a, b);
  t.equal(a?.[0], c?.[0]);
  t.not(a?.[1], c?.[1]);
  t.not(a?.[1], d?.[1], 'the same role from another source is another session');
  t.notMatch(JSON.stringify(a), 'secret');
});

t.test('names the role session after the person, in letters that AWS takes', async (t) => {
  const config = `[profile a]\n${role('R', 'credential_source = EcsContainer')}`;
  const nameFor = async (env: Record<string, string>) => {
    const { resolve } = await readProfiles(t, { config, env });
    return (resolve('a').steps[1] as { sessionName: string }).sessionName;
  };
  t.equal(await nameFor({ USER: 'Zoë Doe' }), 'credd-Zo--Doe');
  t.equal(await nameFor({ USER: 'x'.repeat(100) }), `credd-${'x'.repeat(58)}`);
});

t.test('a chain thousands of profiles long takes no time to speak of, and no stack', async (t) => {
  const length = 3000;
  const hops = Array.from(
    { length },
    (_, i) => `[profile p${i}]\n${role('R', `source_profile = p${i + 1}`)}`,
  );
  const { resolve } = await readProfiles(t, {
    config: `${hops.join('')}[profile p${length}]\n${keys('AKIAEND')}`,
  });
  t.equal(resolve('p0').steps.length, length + 1);
});
