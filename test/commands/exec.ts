import { chmodSync, existsSync, readdirSync, writeFileSync } from 'node:fs';
import t from 'tap';
import { FETCH, variables } from '../support/exec.js';
import { ready, role, USER } from '../support/sources.js';

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
