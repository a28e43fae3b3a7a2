import t, { type Test } from 'tap';
import type { Step } from '../../src/aws/chain.js';
import { CredentialError } from '../../src/errors.js';
import { askBotocore, type BotocoreCase, needsBotocore } from '../support/botocore.js';
import { arn, corp, env, keys, process, role, sso, webIdentity } from '../support/profile-texts.js';
import { readProfiles } from '../support/profiles.js';

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
