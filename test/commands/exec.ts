import { chmodSync, existsSync, readdirSync, watch, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { resolve } from 'node:path';
import t, { type Test } from 'tap';
import { CLI, lacks, type Machine, machine, run } from '../support/cli.js';
import { everySource, OTHER, role, USER } from '../support/sources.js';

const NOTHING = /^$/;
const FETCH = [process.execPath, resolve('test/support/fetch.mjs')];
const TERMINAL = resolve('test/support/terminal.py');
const noPython = lacks('python3', 'apt-get install -y python3');

/** A machine with a profile of every kind, and a daemon if wanted. */
async function ready(t: Test, { daemon }: { daemon: boolean }) {
  const own = machine(t);
  const world = await everySource(t, own);
  return { ...own, ...world, daemon: daemon ? await own.serve() : undefined };
}

/** The variables within `credd exec`. */
async function variables({ credd }: Machine, args: string[], env = {}): Promise<Record<string, string>> {
  const script = 'console.log(JSON.stringify(process.env))';
  const { code, stdout, stderr } = await credd(['exec', ...args, '--', process.execPath, '-e', script], {
    env,
  });
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

for (const daemon of [true, false]) {
  t.test(`${daemon ? 'with' : 'without'} a daemon, the command takes our place`, async (t) => {
    const { credd, path } = await ready(t, { daemon });
    const within = (script: string, input = '') =>
      credd(['exec', 'app', '--', 'sh', '-c', script], { input });

    t.match(await within('cat; echo told >&2', 'through\n'), {
      code: 0,
      stdout: /^through\n$/,
      stderr: /^told\n$/,
    });
    for (const code of [1, 77]) t.match(await within(`exit ${code}`), { code, stderr: NOTHING });
    t.match(await within('kill -KILL $$'), { code: 128 + 9, stderr: NOTHING });
    t.match(await within('kill -TERM $$'), { code: 128 + 15, stderr: NOTHING });
    const fetched = await credd(['exec', 'app', '--', ...FETCH]);
    t.match(fetched, {
      code: 0,
      stdout: /^200 ASIA\w+ http:\/\/127\.0\.0\.1:\d+\/creds\/app\n$/,
      stderr: NOTHING,
    });

    const leftOver = await within(
      'echo "$AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE $AWS_CONFIG_FILE"; ls -l $XDG_RUNTIME_DIR/credd/*',
    );
    const files = (leftOver.stdout.split('\n')[0] ?? '').split(' ');
    t.equal(files.length, 2);
    for (const file of files) t.notOk(existsSync(file), `${file} is gone`);
    t.same(readdirSync(path('run', 'credd')), [], 'and all else');
    t.notMatch(leftOver.stdout, /^-rw.r|^-rw....r/m, 'others could read none of it');
  });
}

t.test('what cannot be run: 127 and 126, as in a shell', async (t) => {
  const { credd, path } = await ready(t, { daemon: true });
  writeFileSync(path('plain'), 'text');
  t.match(await credd(['exec', 'app', '--', 'no-such-command', '-x']), {
    code: 127,
    stderr: /^credd: "no-such-command" cannot be run: there is no such command\.\n$/,
  });
  t.match(await credd(['exec', 'app', '--', path('plain')]), {
    code: 126,
    stderr: /"\S+plain" cannot be run: .*EACCES/,
  });
  t.same(readdirSync(path('run', 'credd')), []);
});

t.test('a profile that has no credentials: nothing is run', async (t) => {
  const { credd, path, aws } = await ready(t, { daemon: true });
  const marker = path('was-run');
  aws.world.removeRole(role('MyApp/MyS3Access'));
  for (const [profile, stderr] of [
    ['nope', /^credd: There is no profile "nope"/],
    ['app', /^credd: Profile "app": AssumeRole .*AccessDenied/],
  ] as const) {
    t.match(await credd(['exec', profile, '--', 'touch', marker]), { code: 1, stdout: NOTHING, stderr });
    t.notOk(existsSync(marker));
  }
});

t.test('without a command it runs the shell of the person', async (t) => {
  const { credd, path } = await ready(t, { daemon: true });
  writeFileSync(path('my shell'), '#!/bin/sh\necho "my shell, $# words, $CREDD_PROFILE"\n');
  chmodSync(path('my shell'), 0o755);
  const shell = { env: { SHELL: path('my shell') } };
  t.match(await credd(['exec', 'app'], shell), { code: 0, stdout: /^my shell, 0 words, app\n$/ });
  t.match(await credd(['exec', 'app', '--'], shell), { stdout: /^my shell, 0 words/ });
  t.match(await credd(['exec', 'app'], { input: 'echo plain; exit 3\n' }), { code: 3, stdout: /^plain\n$/ });
});

t.test('words reach the command as they are', async (t) => {
  const { credd } = await ready(t, { daemon: true });
  const words = ['--help', '-h', '--', '--ttl', 'a b', '$HOME', '', "it's", '日本', '*'];
  const script = 'console.log(JSON.stringify(process.argv.slice(1)))';
  const { stdout } = await credd(['exec', 'app', '--', process.execPath, '-e', script, '--', ...words]);
  t.same(JSON.parse(stdout), words);
  t.match(await credd(['exec', 'app', 'echo', 'plain']), { code: 0, stdout: /^plain\n$/ });
});

t.test('signals go to the command', async (t) => {
  const { start } = await ready(t, { daemon: true });
  for (const name of ['TERM', 'INT', 'HUP', 'QUIT', 'USR1', 'USR2']) {
    const script = `process.on('SIG${name}', () => { console.log('caught ${name}'); process.exit(5); });
      setInterval(() => {}, 1e6); console.log('ready')`;
    const running = start(['exec', 'app', '--', process.execPath, '-e', script]);
    await running.prints(/ready/);
    running.process.kill(`SIG${name}` as NodeJS.Signals);
    t.match(await running.ended, { code: 5, stdout: new RegExp(`^ready\ncaught ${name}\n$`) });
  }
  const running = start(['exec', 'app', '--', 'sh', '-c', 'echo ready; exec sleep 60']);
  await running.prints(/ready/);
  running.process.kill('SIGTERM');
  t.match(await running.ended, { code: 128 + 15 });
});

t.test('Ctrl-C on a terminal reaches the command once, and credd lives on', { skip: noPython }, async (t) => {
  const own = await ready(t, { daemon: true });
  const pipe = own.path('pipe');
  await run(t, ['mkfifo', pipe], { env: own.env }).ended;
  const script = `let times = 0;
    process.on('SIGINT', () => console.log('caught', ++times));
    process.stdin.once('data', () => { console.log('in all', times); process.exit(9); });
    console.log('ready');`;
  const exec = [process.execPath, CLI, 'exec', 'app', '--', process.execPath, '-e', script];

  const onTerminal = run(t, ['python3', TERMINAL, ...exec], { env: own.env });
  await onTerminal.prints(/ready/);
  onTerminal.process.stdin?.write('\x03');
  await onTerminal.prints(/caught 1/);
  onTerminal.process.stdin?.write('go on\n');
  t.match(await onTerminal.ended, { code: 9, stdout: /in all 1/ });

  const redirected = run(t, ['python3', TERMINAL, 'sh', '-c', `"$@" < '${pipe}'`, 'sh', ...exec], {
    env: own.env,
  });
  const writer = await open(pipe, 'w');
  await redirected.prints(/ready/);
  redirected.process.stdin?.write('\x03');
  await redirected.prints(/caught 1/);
  await writer.write('go on\n');
  t.match(await redirected.ended, { code: 9, stdout: /in all 1/ });
  await writer.close();
});

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

t.test('--no-session gives the long-term keys', async (t) => {
  const own = await ready(t, { daemon: false });
  const within = await variables(own, ['keys', '--no-session', '--region', 'eu-west-1'], {
    AWS_PROFILE: 'app',
  });
  t.match(within, {
    AWS_ACCESS_KEY_ID: USER.accessKeyId,
    AWS_SECRET_ACCESS_KEY: USER.secretAccessKey,
    AWS_REGION: 'eu-west-1',
  });
  for (const name of ['AWS_PROFILE', 'AWS_SESSION_TOKEN', 'AWS_CONTAINER_CREDENTIALS_FULL_URI']) {
    t.notOk(name in within, `${name} is not there`);
  }
  t.match(await own.credd(['exec', 'app', '--no-session', '--', 'true']), {
    code: 1,
    stderr: /^credd: Profile "app" has no keys of its own: leave out --no-session\.\n$/,
  });
  t.match(await own.credd(['exec', 'nope', '--no-session', '--', 'true']), {
    code: 1,
    stderr: /no profile "nope"/,
  });
  t.equal(own.aws.calls.length, 0);
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

t.test('when credd is killed its lease ends, and what it left is swept', async (t) => {
  const own = await ready(t, { daemon: true });
  const { start, credd, path } = own;
  const script =
    'echo "$AWS_CONTAINER_CREDENTIALS_FULL_URI $AWS_CONTAINER_AUTHORIZATION_TOKEN"; exec sleep 600';
  const running = start(['exec', 'app', '--', 'sh', '-c', script]);
  const [, uri = '', authorization = ''] = await running.prints(/^(\S+) (\S+)\n/);
  const fetched = async () => (await fetch(uri, { headers: { authorization } })).status;
  t.equal(await fetched(), 200);

  const folder = path('run', 'credd');
  const lease = readdirSync(folder).find((name) => name.startsWith('lease-'));
  const gone = new Promise<void>((resolve) => {
    const watcher = watch(folder, () => {
      if (readdirSync(folder).includes(lease ?? '')) return;
      watcher.close();
      resolve();
    });
  });
  running.process.kill('SIGKILL');
  running.process.stdout?.destroy();
  running.process.stderr?.destroy();
  await gone;
  t.equal(await fetched(), 401);
  t.equal(readdirSync(folder).length, 1, 'its config lies there still');
  t.match(await credd(['exec', 'app', '--', 'true']), { code: 0 });
  t.same(readdirSync(folder), []);
});
