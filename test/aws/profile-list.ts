import t from 'tap';
import { listProfiles } from '../../src/aws/profile-list.js';
import { readProfiles } from '../support/profiles.js';

const arn = (name: string) => `arn:aws:iam::123456789012:role/${name}`;

t.test('says how each profile gets its credentials, or why it cannot', async (t) => {
  const { config } = await readProfiles(t, {
    config: `[sso-session corp]\nsso_start_url = https://corp.awsapps.com/start\nsso_region = eu-west-1
[profile legacy]\nsso_start_url = https://wellcome.awsapps.com/start/#\nsso_region = eu-west-1\nsso_account_id = 1\nsso_role_name = Dev
[profile dev]\nsso_session = corp\nsso_account_id = 1\nsso_role_name = Dev\nregion = eu-west-1
[profile platform]\nrole_arn = ${arn('team/platform-developer')}\nsource_profile = legacy
[profile tool]\ncredential_process = "/opt/my tools/helper" --password hush
[profile ci]\nrole_arn = ${arn('Ci')}\nweb_identity_token_file = /token
[profile ecs]\nrole_arn = ${arn('R')}\ncredential_source = EcsContainer
[profile ec2]\nrole_arn = ${arn('R')}\ncredential_source = Ec2InstanceMetadata
[profile gone]\nrole_arn = ${arn('R')}\nsource_profile = zz\n`,
    credentials:
      '[keys]\naws_access_key_id = A\naws_secret_access_key = hush\n[pasted]\naws_access_key_id = A\naws_secret_access_key = hush\naws_session_token = hush\n',
  });
  const listed = listProfiles(config, {});
  t.strictSame(
    Object.fromEntries(listed.map(({ profile, source, problem }) => [profile, source ?? problem?.code])),
    {
      keys: 'access key -> session',
      pasted: 'access key with session token',
      legacy: 'sso wellcome -> role Dev',
      dev: 'sso corp -> role Dev',
      platform: 'sso wellcome -> role Dev -> role platform-developer',
      tool: 'process /opt/my tools/helper',
      ci: 'web identity -> role Ci',
      ecs: 'container -> role R',
      ec2: 'EC2 instance -> role R',
      gone: 'InvalidProfile',
    },
  );
  t.match(
    listed.find(({ profile }) => profile === 'dev'),
    { region: 'eu-west-1', where: '~/.aws/config:9' },
  );
  t.notMatch(JSON.stringify(listed), 'hush');
});

t.test('lists profiles by the thousand', async (t) => {
  const roles = Array.from(
    { length: 5000 },
    (_, i) =>
      `[profile p${i}]\nrole_arn = ${arn(`R${i}`)}\nsource_profile = ${i % 4 ? `p${i - 1}` : 'base'}\n`,
  );
  const { config } = await readProfiles(t, {
    config: `[profile base]\naws_access_key_id = A\naws_secret_access_key = s\n${roles.join('')}`,
  });
  const listed = listProfiles(config, {});
  t.equal(listed.length, 5001);
  t.equal(listed.at(-1)?.source, 'access key -> role R4996 -> role R4997 -> role R4998 -> role R4999');
});
