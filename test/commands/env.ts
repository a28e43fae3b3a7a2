import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import t, { type Test } from 'tap';
import { ask, CLI, lacks, type Machine, machine, run } from '../support/cli.js';
import { everySource, ready } from '../support/sources.js';

const NOTHING = /^$/;
const IN_THE_WAY = { AWS_PROFILE: 'x', AWS_ACCESS_KEY_ID: 'x', AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '' };
const AS_JSON = `'${process.execPath}' -p 'JSON.stringify(process.env)'`;

async function environment(t: Test, own: Machine, shell: string, script: string) {
  const env = { ...own.env, ...IN_THE_WAY };
  const { stdout, stderr } = await run(t, [shell, '-c', script], { env, cwd: own.home }).ended;
  t.match(stderr, NOTHING);
  return JSON.parse(stdout) as Record<string, string>;
}

async function isUsable(t: Test, env: Record<string, string>, region: string | undefined) {
  const { AWS_CONTAINER_CREDENTIALS_FULL_URI: uri = '', AWS_CONTAINER_AUTHORIZATION_TOKEN: token } = env;
  t.match(await ask(uri, token), { status: 200 });
  t.match(await ask(uri, `${token}x`), { status: 401 });
  t.equal(env.AWS_REGION, region);
  t.equal(env.AWS_DEFAULT_REGION, region);
  for (const name of Object.keys(IN_THE_WAY)) t.notOk(name in env, `${name} is gone`);
}

/** The one value of all that may hold any character: the token file's folder is whatever the variable says. */
async function oddlyNamed(t: Test, folder: string) {
  const own = machine(t);
  own.env.XDG_RUNTIME_DIR = own.path(folder);
  const { daemonEnv } = await everySource(t, own);
  return { ...own, daemon: await own.serve([], { env: daemonEnv }) };
}

for (const [shell, evaluate] of [
  ['dash', (command: string) => `eval "$(${command})"; ${AS_JSON}`],
  ['bash', (command: string) => `set -eu; eval "$(${command} --shell sh)"; ${AS_JSON}`],
  ['zsh', (command: string) => `eval "$(${command})"; ${AS_JSON}`],
  ['fish', (command: string) => `${command} --shell fish | source; ${AS_JSON}`],
] as const) {
  t.test(`in ${shell}`, { skip: lacks(shell, `apt-get install -y ${shell}`) }, async (t) => {
    const own = await oddlyNamed(t, "it's $HOME");
    const command = `'${process.execPath}' '${CLI}' env`;
    const env = await environment(t, own, shell, evaluate(`${command} app`));
    await isUsable(t, env, 'eu-west-3');
    const { AWS_CONTAINER_AUTHORIZATION_TOKEN: token, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file = '' } =
      env;
    t.equal(dirname(file), own.path("it's $HOME", 'credd'));
    t.equal(readFileSync(file, 'utf8'), token);
    await isUsable(
      t,
      await environment(t, own, shell, evaluate(`${command} 'app/prod €' --region eu-west-2`)),
      'eu-west-2',
    );
  });
}

t.test('for PowerShell and as a file of variables', async (t) => {
  const own = await oddlyNamed(t, "it's b");
  const folder = own.path("it's b", 'credd');
  const powershell = (await own.credd(['env', 'app', '--shell', 'powershell'])).stdout;
  t.ok(powershell.includes('Remove-Item Env:AWS_PROFILE -ErrorAction SilentlyContinue\n'));
  const doubled = folder.replace("'", "''");
  t.ok(powershell.includes(`$Env:AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE = '${doubled}/lease-`));
  t.ok(powershell.includes(`$Env:AWS_CONTAINER_CREDENTIALS_FULL_URI = '${own.daemon?.url}/creds/app'\n`));

  const { stdout } = await own.credd(['env', 'app', '--shell', 'dotenv']);
  const all = stdout.trim().split('\n');
  const quoted = all.find((line) => line.includes('TOKEN_FILE')) ?? '';
  t.equal(dirname(JSON.parse(quoted.replace(/^.*?=/, ''))), folder);
  const lines = all.filter((line) => line !== quoted);
  for (const line of lines)
    t.match(line, /^AWS_\w+=[\w.:/~-]+$/, 'no quotes, which docker --env-file would keep');
  const env = Object.fromEntries(lines.map((line) => line.split('=')));
  t.match(await ask(env.AWS_CONTAINER_CREDENTIALS_FULL_URI, env.AWS_CONTAINER_AUTHORIZATION_TOKEN), {
    status: 200,
  });
});

t.test('it insists on a running daemon, and on a profile that works', async (t) => {
  const own = machine(t);
  const { aws, daemonEnv } = await everySource(t, own);
  t.match(await own.credd(['env', 'app']), {
    code: 1,
    stdout: NOTHING,
    stderr: /^credd: No daemon is running\. Start one in another terminal: credd serve\n$/,
  });
  await own.serve([], { env: daemonEnv });
  t.match(await own.credd(['env', 'nope']), { code: 1, stdout: NOTHING, stderr: /no profile "nope"/ });
  aws.faults.set('AssumeRole', { kind: 'error', status: 403, code: 'AccessDenied', message: 'no' });
  t.match(await own.credd(['env', 'app']), { code: 1, stdout: NOTHING, stderr: /AccessDenied/ });
});

t.test('credentials in [default] would go before it, and it says so', async (t) => {
  const { credd, profiles, path, serve } = machine(t);
  const expiration = new Date(Date.now() + 3600_000).toISOString();
  const answer = {
    Version: 1,
    AccessKeyId: 'ASIAX',
    SecretAccessKey: 'x',
    SessionToken: 'x',
    Expiration: expiration,
  };
  writeFileSync(path('answer'), JSON.stringify(answer));
  const withDefault = (settings: string) =>
    profiles(`[profile a]\ncredential_process = cat ${path('answer')}\n[default]\n${settings}\n`);
  withDefault('region = eu-west-1');
  await serve();
  t.match(await credd(['env', 'a']), { code: 0, stderr: NOTHING });
  for (const [settings, source] of [
    ['aws_access_key_id = AKIAX\naws_secret_access_key = x', 'the keys in the config file'],
    ['sso_start_url = https://example.awsapps.com/start', 'the sso_ settings'],
    ['role_arn = arn:aws:iam::123456789012:role/r\nsource_profile = a', 'role_arn'],
    ['credential_process = true', 'credential_process'],
  ] as const) {
    withDefault(settings);
    const said = `credd: ~/.aws/config:3: [default] has credentials of its own (${source}), and in nearly every SDK they go before these variables. Use credd exec, or give that profile another name.\n`;
    t.match(await credd(['env', 'a']), { code: 0, stderr: said });
    t.match(await credd(['env', 'a', '--global']), { code: 0, stderr: said });
  }
});

const GENERATOR = '/usr/lib/systemd/user-environment-generators/30-systemd-environment-d-generator';

t.test(
  'for the whole desktop, as systemd reads it',
  { skip: !existsSync(GENERATOR) && 'apt-get install -y systemd' },
  async (t) => {
    const own = await ready(t, { daemon: true });
    const read = async (...args: string[]) => {
      const { stdout, stderr } = await own.credd(['env', ...args, '--global']);
      t.match(stderr, NOTHING);
      mkdirSync(own.path('.config', 'environment.d'), { recursive: true });
      writeFileSync(own.path('.config', 'environment.d', '90-credd.conf'), stdout);
      const script = `set -a; eval "$(${GENERATOR})"; ${AS_JSON}`;
      const ended = await run(t, ['dash', '-c', script], { env: { HOME: own.home } }).ended;
      const variables = JSON.parse(ended.stdout) as Record<string, string>;
      return Object.fromEntries(Object.entries(variables).filter(([name]) => name.startsWith('AWS_')));
    };
    const { AWS_CONTAINER_CREDENTIALS_FULL_URI: uri = '', ...rest } = await read('app/prod €');
    t.match(await ask(uri), { status: 200 }, 'no token is needed');
    t.strictSame(rest, {}, 'and none is there');
    t.match(await read('app'), { AWS_REGION: 'eu-west-3', AWS_DEFAULT_REGION: 'eu-west-3' });
  },
);

t.test('for a shell that is to have a default, without an end', async (t) => {
  const own = await ready(t, { daemon: true });
  const script = `eval "$('${process.execPath}' '${CLI}' env app --global --shell sh)"; ${AS_JSON}`;
  const { stdout } = await run(t, ['dash', '-c', script], { env: own.env, cwd: own.home }).ended;
  const env = JSON.parse(stdout);
  t.match(await ask(env.AWS_CONTAINER_CREDENTIALS_FULL_URI), { status: 200 });
  t.match(env, { AWS_REGION: 'eu-west-3', AWS_DEFAULT_REGION: 'eu-west-3' });
  t.notOk(Object.keys(env).some((name) => name.includes('TOKEN')));
  t.match((await own.credd(['leases'])).stdout, /no leases|^$/i);
});

t.test('a default that a shell reads anew gives way to what exec and env have set', async (t) => {
  const own = await ready(t, { daemon: true });
  for (const [shell, read] of [
    ['dash', '. ./lines'],
    ['bash', 'set -eu; . ./lines'],
    ['zsh', '. ./lines'],
    ['fish', 'source lines'],
  ] as const) {
    const missing = lacks(shell, `apt-get install -y ${shell}`);
    await t.test(shell, { skip: missing }, async (t) => {
      const lines = ['env', 'app', '--global', '--shell', shell === 'fish' ? 'fish' : 'sh'];
      writeFileSync(own.path('lines'), (await own.credd(lines)).stdout);
      const seen = async (...exec: string[]) => {
        const command = [shell, '-c', `${read}; ${AS_JSON}`];
        const ended = exec.length
          ? await own.credd([...exec, '--', ...command])
          : await run(t, command, { env: own.env, cwd: own.home }).ended;
        t.match(ended, { code: 0, stderr: NOTHING });
        return JSON.parse(ended.stdout);
      };
      const region = 'eu-west-2';
      const inExec = await seen('exec', 'keys', '--region', region);
      t.match(inExec, { AWS_CONTAINER_CREDENTIALS_FULL_URI: /\/creds\/keys$/, AWS_REGION: region });
      const raw = await seen('exec', 'keys', '--no-session', '--region', region);
      t.match(raw, { AWS_ACCESS_KEY_ID: String, AWS_REGION: region });
      t.notOk('AWS_CONTAINER_CREDENTIALS_FULL_URI' in raw);
      t.match(await seen(), { AWS_CONTAINER_CREDENTIALS_FULL_URI: /\/creds\/app$/, AWS_REGION: 'eu-west-3' });
    });
  }
  const powershell = (await own.credd(['env', 'app', '--global', '--shell', 'powershell'])).stdout;
  t.match(
    powershell,
    /^if \(-not \(\$Env:AWS_CONTAINER_AUTHORIZATION_TOKEN -or \$Env:CREDD_PROFILE\)\) \{\n(\$Env:\w+ = '.*'\n)+\}\n$/,
  );
});

t.test('a default has no end', async (t) => {
  const { credd } = machine(t, { config: '' });
  t.match(await credd(['env', 'app', '--global', '--ttl', '1h']), {
    code: 2,
    stdout: NOTHING,
    stderr: /--global hands out no lease.*leave out --ttl/,
  });
});

t.test('what is given only for a token can be no default', async (t) => {
  const own = await ready(t, { daemon: true });
  mkdirSync(own.path('.config', 'credd'), { recursive: true });
  writeFileSync(own.path('.config', 'credd', 'config.ini'), '[profile app]\naccess = token\n');
  t.match(await own.credd(['env', 'app', '--global']), {
    code: 1,
    stdout: NOTHING,
    stderr: /^credd: Profile "app" is given only for a token .*cannot be a default.*credd exec/,
  });
});

t.test('what it handed out ends with its time', async (t) => {
  const own = await ready(t, { daemon: true });
  const { stdout } = await own.credd(['env', 'app', '--ttl', '1s']);
  const [, uri = '', token = ''] = /FULL_URI='(.+?)'[\s\S]*TOKEN='(.+?)'/.exec(stdout) ?? [];
  while ((await ask(uri, token)).status === 200);
  t.match(await ask(uri, token), { status: 401 });
  t.equal(readdirSync(own.path('run', 'credd')).length, 1);
  await own.daemon?.stop();
  t.same(readdirSync(own.path('run', 'credd')), []);
});
