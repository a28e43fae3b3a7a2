import { readdirSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { CLI, machine } from '../support/cli.js';
import { FETCH, variables } from '../support/exec.js';
import { OTHER, ready } from '../support/sources.js';

t.test('nothing that would go before the endpoint is left in the environment', async (t) => {
  const own = await ready(t, { daemon: true });
  const inherited = {
    AWS_PROFILE: 'keys',
    AWS_DEFAULT_PROFILE: 'keys',
    AWS_ACCESS_KEY_ID: OTHER.accessKeyId,
    AWS_SECRET_ACCESS_KEY: OTHER.secretAccessKey,
    AWS_SESSION_TOKEN: 'x',
    AWS_SECURITY_TOKEN: 'x',
    AWS_ROLE_ARN: 'x',
    AWS_WEB_IDENTITY_TOKEN_FILE: '/nowhere',
    AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '',
    AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://127.0.0.1:1/',
    AWS_CONTAINER_AUTHORIZATION_TOKEN: 'x',
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: '',
    AWS_PAGER: 'less',
  };
  const within = await variables(own, ['app'], inherited);
  const expected = [
    'AWS_CONFIG_FILE',
    'AWS_CONTAINER_AUTHORIZATION_TOKEN',
    'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
  ];
  expected.push(
    'AWS_CONTAINER_CREDENTIALS_FULL_URI',
    'AWS_DEFAULT_REGION',
    'AWS_EC2_METADATA_DISABLED',
    'AWS_PAGER',
  );
  expected.push('AWS_REGION', 'AWS_SDK_LOAD_CONFIG', 'AWS_SHARED_CREDENTIALS_FILE');
  t.same(
    Object.keys(within)
      .filter((name) => name.startsWith('AWS_'))
      .sort(),
    expected,
  );
  t.match(within.AWS_CONTAINER_CREDENTIALS_FULL_URI, /\/creds\/app$/);
  t.match(within.AWS_CONTAINER_AUTHORIZATION_TOKEN, /^[\w-]{43}$/);
  t.equal(within.CREDD_PROFILE, 'app');
});

t.test("the region is the profile's, or the one that is asked for, or what was there", async (t) => {
  const own = await ready(t, { daemon: true });
  const regionOf = async (args: string[], env = {}) => {
    const { AWS_REGION, AWS_DEFAULT_REGION } = await variables(own, args, env);
    return [AWS_REGION, AWS_DEFAULT_REGION];
  };
  t.same(await regionOf(['app'], { AWS_REGION: 'us-east-2' }), ['eu-west-3', 'eu-west-3']);
  t.same(await regionOf(['app', '--region', 'sa-east-1']), ['sa-east-1', 'sa-east-1']);
  t.same(await regionOf(['keys']), [undefined, undefined]);
  t.same(await regionOf(['keys'], { AWS_REGION: 'us-east-2' }), ['us-east-2', undefined]);
});

t.test('--ttl ends the access while the command goes on', async (t) => {
  const { credd } = await ready(t, { daemon: true });
  const [node, fetching] = FETCH;
  const script = `"${node}" "${fetching}"; until "${node}" "${fetching}" | grep ^401; do :; done`;
  const { code, stdout } = await credd(['exec', 'app', '--ttl', '2s', '--', 'sh', '-c', script]);
  t.equal(code, 0);
  t.match(stdout, /^200 .*\n401 /);
});

t.test('any name will do', async (t) => {
  const { credd, path, profiles, serve } = machine(t);
  const names = [
    'a b',
    "it's",
    'ünï 日本',
    'a/b+c@d%e',
    '%20',
    '~x',
    '..',
    '-dash',
    'x#y',
    '$(id)',
    '😀',
    'default',
  ];
  const expiration = new Date(Date.now() + 3600_000).toISOString();
  writeFileSync(
    path('answer'),
    JSON.stringify({
      Version: 1,
      AccessKeyId: 'ASIAX',
      SecretAccessKey: 'x',
      SessionToken: 'x',
      Expiration: expiration,
    }),
  );
  profiles(names.map((name) => `[profile "${name}"]\ncredential_process = cat ${path('answer')}\n`).join(''));
  await serve();
  await Promise.all(
    names.map(async (name) => {
      const { stdout, stderr } = await credd(['exec', '--', name, ...FETCH]);
      t.match(stdout, /^200 ASIAX http:\/\/127\.0\.0\.1:\d+\/creds\/[\w.~-]+\n$/, `${name} ${stderr}`);
    }),
  );
});

t.test('exec within exec, and another profile by its name, from the files of the person', async (t) => {
  for (const daemon of [true, false]) {
    const { credd, path } = await ready(t, { daemon });
    const inner = `"${process.execPath}" "${CLI}" exec "app/prod €" -- "${FETCH[0]}" "${FETCH[1]}"`;
    const { stdout, stderr } = await credd(['exec', 'keys', '--', 'sh', '-c', inner]);
    t.match(stdout, /^200 ASIA\w+ \S+\/creds\/~\S+\n$/, stderr);
    t.same(readdirSync(path('run', 'credd')), []);
  }
});
