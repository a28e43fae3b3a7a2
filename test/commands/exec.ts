import { chmodSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { FETCH, variables } from '../support/exec.js';
import { ready, role, USER } from '../support/sources.js';
import { noTerminal, TERMINAL } from '../support/terminal.js';

const NOTHING = /^$/;

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
  const script = (name: string, first: string) => {
    writeFileSync(path(name), `${first}\necho never\n`);
    chmodSync(path(name), 0o755);
  };
  script('lost', '#! /no/such/shell -e');
  for (const [program, code, why] of [
    ['no-such-command', 127, 'there is no such command'],
    ['', 127, 'there is no such command'],
    [path('nothing'), 127, 'there is no such file'],
    [path('plain'), 126, 'permission denied'],
    [path('lost'), 126, 'its interpreter /no/such/shell does not exist'],
    [path(), 126, 'it is a directory'],
    [path('plain', 'below'), 126, 'a part of its path is not a directory'],
    [`/${'x'.repeat(300)}`, 126, 'its name is too long'],
  ] as const) {
    const ended = await credd(['exec', 'app', '--', program, '-x']);
    t.same(ended, {
      code,
      signal: null,
      stdout: '',
      stderr: `credd: "${program}" cannot be run: ${why}.\n`,
    });
  }
  const env = { PATH: `${path()}:${process.env.PATH}` };
  t.match(await credd(['exec', 'app', '--', 'lost'], { env }), { code: 126, stderr: /no\/such\/shell/ });
  t.match(await credd(['exec', 'app', '--', 'plain'], { env }), { code: 126, stderr: /permission denied/ });
  t.match(await credd(['exec', 'app', '--', 'run'], { env }), { code: 127 }, 'a directory is no command');
  t.same(readdirSync(path('run', 'credd')), []);
});

t.test('on a terminal it says that no region is set, where none is', { skip: noTerminal }, async (t) => {
  const { credd } = await ready(t, { daemon: true });
  const terminal = ['python3', TERMINAL];
  const shown = async (args: string[], env: Record<string, string> = {}) =>
    (await credd(['exec', ...args, '--', 'echo', 'ran'], { through: terminal, env })).stdout;
  const hint = /^credd: profile "keys" has no region: use --region, or add region = /;
  t.match(await shown(['keys']), hint);
  t.match(await shown(['keys']), /ran/);
  for (const quiet of [
    await shown(['keys', '--region', 'eu-west-1']),
    await shown(['keys'], { AWS_REGION: 'eu-west-1' }),
    await shown(['keys'], { AWS_DEFAULT_REGION: 'eu-west-1' }),
    await shown(['app']),
  ]) {
    t.equal(quiet, 'ran\r\n');
  }
  t.match(await credd(['exec', 'keys', '--', 'true']), { code: 0, stderr: NOTHING }, 'no terminal');
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
