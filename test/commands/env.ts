import { readdirSync, writeFileSync } from 'node:fs';
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

for (const [shell, evaluate] of [
  ['dash', (command: string) => `eval "$(${command})"; ${AS_JSON}`],
  ['bash', (command: string) => `set -eu; eval "$(${command} --shell sh)"; ${AS_JSON}`],
  ['zsh', (command: string) => `eval "$(${command})"; ${AS_JSON}`],
  ['fish', (command: string) => `${command} --shell fish | source; ${AS_JSON}`],
] as const) {
  t.test(`in ${shell}`, { skip: lacks(shell, `apt-get install -y ${shell}`) }, async (t) => {
    const own = await ready(t, { daemon: true });
    const command = `'${process.execPath}' '${CLI}' env`;
    await isUsable(t, await environment(t, own, shell, evaluate(`${command} app`)), 'eu-west-3');
    await isUsable(
      t,
      await environment(t, own, shell, evaluate(`${command} 'app/prod €' --region "it's"`)),
      "it's",
    );
  });
}

t.test('for PowerShell and as a file of variables', async (t) => {
  const own = await ready(t, { daemon: true });
  const powershell = (
    await own.credd(['env', 'app', '--shell', 'powershell', '--region', "it's"])
  ).stdout.split('\n');
  t.ok(powershell.includes('Remove-Item Env:AWS_PROFILE -ErrorAction SilentlyContinue'));
  t.ok(powershell.includes("$Env:AWS_REGION = 'it''s'"));
  t.ok(powershell.includes(`$Env:AWS_CONTAINER_CREDENTIALS_FULL_URI = '${own.daemon?.url}/creds/app'`));

  const { stdout } = await own.credd(['env', 'app', '--shell', 'dotenv']);
  const lines = stdout.trim().split('\n');
  for (const line of lines)
    t.match(line, /^AWS_\w+=[\w.:/~-]+$/, 'no quotes, which docker --env-file would keep');
  const env = Object.fromEntries(lines.map((line) => line.split('=')));
  t.match(await ask(env.AWS_CONTAINER_CREDENTIALS_FULL_URI, env.AWS_CONTAINER_AUTHORIZATION_TOKEN), {
    status: 200,
  });
  const quoted = await own.credd(['env', 'app', '--shell', 'dotenv', '--region', 'a b']);
  t.match(quoted.stdout, /^AWS_REGION="a b"$/m);
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

t.test('keys in [default] would go before it, and it says so', async (t) => {
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
  profiles(`[default]
aws_access_key_id = AKIAX
aws_secret_access_key = x
[profile a]
credential_process = cat ${path('answer')}
`);
  await serve();
  t.match(await credd(['env', 'a']), {
    code: 0,
    stderr: /^credd: ~\/\.aws\/config:2: keys in \[default\] go before these variables.*Use credd exec/,
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
