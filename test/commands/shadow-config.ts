import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { readSharedConfig, type SharedConfig } from '../../src/aws/shared-config.js';
import { shadowText } from '../../src/commands/shadow-config.js';

const noBotocore = spawnSync('python3', ['-c', 'import botocore']).status !== 0 && 'pip install botocore';
const v3 = createRequire(createRequire(import.meta.url).resolve('@aws-sdk/credential-provider-node'));

const CONFIG = `
[default]
region = us-east-1
aws_access_key_id = AKIAX
aws_secret_access_key = hush
aws_session_token = hush
x_security_token_expires = 2030-01-01T00:00:00Z

[profile app]
role_arn = arn:aws:iam::123456789012:role/r
source_profile = default
external_id = hush
mfa_serial = arn
duration_seconds = 900
role_session_name = me
region = eu-west-3
output = json
endpoint_url = http://localhost:4566/a=b?c#d
cli_pager =
services = local
s3 =
    addressing_style = path
    max_concurrent_requests = 20
retry_mode: standard
user_agent_appid = a#b=c

[profile "with space"]
sso_session = s
sso_account_id = 1
region = eu-west-1

[profile tab\there]
region = eu-west-2

[profile ünï@corp/x+y%z:1]
region = eu-west-4
credential_process = old "command"
login_session = x

[profile it's]
region = eu-west-5

[profile "back\\\\slash"]
region = eu-west-6

[profile __proto__]
region = eu-west-7

[profile torn]
region = a
  b
output = text

[services local]
s3 =
  endpoint_url = http://localhost:4566/s3
dynamodb =
  endpoint_url = http://localhost:8000
`;

async function read(t: Test, config: string, credentials = ''): Promise<SharedConfig> {
  const folder = t.testdir({ config, credentials });
  return readSharedConfig({
    config: join(folder, 'config'),
    credentials: join(folder, 'credentials'),
    home: folder,
  });
}

const OF_APP = {
  region: 'eu-west-3',
  output: 'json',
  endpoint_url: 'http://localhost:4566/a=b?c#d',
  services: 'local',
  retry_mode: 'standard',
  user_agent_appid: 'a#b=c',
};

t.test('settings stay, and whatever leads to credentials goes', async (t) => {
  const text = shadowText(
    await read(t, CONFIG, '[app]\naws_access_key_id = AKIAY\naws_secret_access_key = hush\n'),
    'app',
  );
  t.notMatch(text, /hush|AKIA|sso_|role_arn|source_profile|mfa|login_session|old|external|expires|duration/);
  const { profiles, services, problems } = await read(t, text);
  t.same(problems, []);
  for (const name of ['default', 'app']) {
    const section = profiles.get(name);
    for (const [key, value] of Object.entries(OF_APP))
      t.equal(section?.get(key)?.value, value, `${name} ${key}`);
    t.equal(section?.get('s3')?.nested.get('max_concurrent_requests')?.value, '20');
  }
  t.notOk(profiles.get('default')?.has('credential_process'), 'the container endpoint is all it has');
  t.equal(services.get('local')?.get('dynamodb')?.get('endpoint_url')?.value, 'http://localhost:8000');
  t.same([...profiles.keys()], ['default', 'app', 'with space', 'tab\there', 'ünï@corp/x+y%z:1', 'torn']);
});

t.test('the leased profile may be [default], or have no settings at all', async (t) => {
  const config = await read(t, CONFIG);
  const { profiles } = await read(t, shadowText(config, 'default'));
  t.same([...(profiles.get('default')?.keys() ?? [])], ['region']);
  t.equal(profiles.get('default')?.text('region'), 'us-east-1');
  t.match(shadowText(config, 'nope'), /^\[default\]\n\n/);
});

t.test('botocore reads it so', { skip: noBotocore }, async (t) => {
  const folder = t.testdir({ config: shadowText(await read(t, CONFIG), 'app') });
  const script = `import json, sys, botocore.configloader
print(json.dumps(botocore.configloader.load_config(sys.argv[1])))`;
  const { stdout, stderr } = spawnSync('python3', ['-c', script, join(folder, 'config')], {
    encoding: 'utf8',
  });
  t.equal(stderr, '');
  const { profiles, services } = JSON.parse(stdout);
  t.match(profiles.default, { ...OF_APP, s3: { addressing_style: 'path', max_concurrent_requests: '20' } });
  t.match(profiles.app, OF_APP);
  t.equal(services.local.s3.endpoint_url, 'http://localhost:4566/s3');
  t.equal(profiles['with space'].region, 'eu-west-1');
  t.match(profiles['ünï@corp/x+y%z:1'].credential_process, /'creds' 'ünï@corp\/x\+y%z:1' --format process$/);
  t.equal(profiles.torn.output, 'text');
});

t.test('the JavaScript SDK v3 reads it so', async (t) => {
  const folder = t.testdir({ config: shadowText(await read(t, CONFIG), 'app'), credentials: '' });
  const { loadSharedConfigFiles } = v3('@smithy/core/config');
  const { configFile } = await loadSharedConfigFiles({
    configFilepath: join(folder, 'config'),
    filepath: join(folder, 'credentials'),
  });
  t.match(configFile.default, {
    ...OF_APP,
    's3.addressing_style': 'path',
    's3.max_concurrent_requests': '20',
  });
  t.match(configFile.app, { ...OF_APP, credential_process: /'creds' 'app' --format process$/ });
  t.equal(configFile['services.local']['dynamodb.endpoint_url'], 'http://localhost:8000');
  t.equal(configFile.torn.output, 'text');
});
