import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { KEYS, ready, typed, USER } from '../support/own-keys.js';
import { noTerminal, onTerminal } from '../support/terminal.js';

/** Whether any file below the home that others could read, or that is not sealed, holds the secret. */
function filesWith(secret: string, folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((it) => it.isFile())
    .map((it) => join(it.parentPath, it.name))
    .filter((path) => readFileSync(path, 'latin1').includes(secret));
}

for (const daemon of [true, false]) {
  t.test(
    `keys from stdin serve the profile and the roles behind it, ${daemon ? 'with' : 'without'} a daemon`,
    async (t) => {
      const own = await ready(t, { daemon });
      t.match(await own.credd(['creds', 'app']), { code: 1, stderr: /"dev" must have credentials/ });
      const added = await own.credd(['keys', 'add', 'dev'], typed());
      t.match(added, {
        code: 0,
        stdout: /^$/,
        stderr: /The keys of arn:aws:iam::\d+:user\/ada are in the encrypted store/,
      });
      t.match(await own.credd(['whoami', 'dev']), { code: 0, stdout: /user\/ada/ });
      t.match(await own.credd(['whoami', 'app']), { code: 0, stdout: /assumed-role\/app/ });
      t.match(await own.credd(['list']), { stdout: /app +access key in the keychain -> role app/ });
      const raw = await own.credd([
        'exec',
        'dev',
        '--no-session',
        '--',
        'sh',
        '-c',
        'echo $AWS_ACCESS_KEY_ID',
      ]);
      t.match(raw, { code: 0, stdout: new RegExp(`^${USER.accessKeyId}\n$`) });
      t.same(filesWith(USER.secretAccessKey, own.home), [], 'no file holds the secret in clear');
      t.notMatch(added.stderr + (own.running?.stderr() ?? ''), USER.secretAccessKey);

      const listed = await own.credd(['keys', 'list']);
      t.match(listed, { code: 0, stdout: /^PROFILE +ACCESS KEY +AGE\ndev +AKIA…AADA +added \d+ s ago\n$/ });
      t.match(JSON.parse((await own.credd(['keys', 'list', '--json'])).stdout), [
        { profile: 'dev', since: Number },
      ]);
      t.match(await own.credd(['forget', 'dev']), { code: 0 });
      t.match(await own.credd(['creds', 'dev']), { code: 0 }, 'forgetting sessions leaves the keys');
      t.match(await own.credd(['keys', 'remove', 'dev']), { code: 0 });
      t.match(await own.credd(['creds', 'app']), { code: 1, stderr: /must have credentials/ });
      t.match(await own.credd(['keys', 'remove', 'dev']), {
        code: 1,
        stderr: /no keys of "dev".*credd keys add dev/,
      });
      t.match(await own.credd(['keys', 'list']), {
        code: 0,
        stdout: /^$/,
        stderr: /No long-term keys are kept/,
      });
    },
  );
}

t.test('kept keys outlive the daemon', async (t) => {
  const own = await ready(t);
  await own.credd(['keys', 'add', 'dev'], typed());
  await own.running?.stop();
  await own.serve(['--store', 'file']);
  t.match(await own.credd(['whoami', 'app']), { code: 0, stdout: /assumed-role\/app/ });
});

t.test('asked for on the terminal, without echo', { skip: noTerminal }, async (t) => {
  const own = await ready(t);
  const adding = onTerminal(t, own, ['keys', 'add', 'dev']);
  await adding.answer(/Access key id: /, USER.accessKeyId);
  await adding.answer(/not shown\): /, USER.secretAccessKey);
  const { code, stdout } = await adding.ended;
  t.equal(code, 0, stdout);
  t.notMatch(stdout, USER.secretAccessKey);
  t.match(await own.credd(['whoami', 'dev']), { code: 0 });
});

t.test('keys that will not do are not kept', async (t) => {
  const own = await ready(t);
  const refusals = [
    [typed({ ...USER, secretAccessKey: 'mistyped' }), /does not belong to its access key id/],
    [typed({ ...USER, accessKeyId: 'AKIAUNKNOWN' }), /AWS does not know the access key/],
    [typed({ ...USER, accessKeyId: 'ASIAUNKNOWN' }), /temporary/],
    [{ input: 'one line\n' }, /An access key id is of letters and digits/],
    [{ input: '' }, /An access key id is/],
  ] as const;
  for (const [options, stderr] of refusals) {
    t.match(await own.credd(['keys', 'add', 'dev'], options), { code: 1, stderr });
  }
  t.match(await own.credd(['keys', 'add', 'nope'], typed()), { code: 1, stderr: /no profile "nope"/ });
  t.match(await own.credd(['keys', 'list']), { stdout: /^$/ });
  t.match(await own.credd(['keys', 'sing', 'dev']), { code: 2, stderr: /"sing" is not among add/ });
  t.match(await own.credd(['keys', 'add']), { code: 2, stderr: /Which profile/ });
});

t.test(
  'keys of a profile that gets its credentials otherwise are not kept, and stay where they are',
  async (t) => {
    const own = await ready(t);
    const filed = `[con]\n${KEYS}`;
    own.profiles('[profile con]\nlogin_session = x\n[profile sso]\nsso_account_id = 1\n', filed);
    t.match(await own.credd(['keys', 'add', 'sso'], typed()), {
      code: 1,
      stderr:
        /^credd: Profile "sso" gets its credentials otherwise \(sso_account_id, [^)]*config:4\), .* credd keys add NAME\n$/,
    });
    t.match(await own.credd(['keys', 'import', 'con']), {
      code: 1,
      stderr: /gets its credentials otherwise \(login_session/,
    });
    t.equal(readFileSync(own.credentials, 'utf8'), filed);
    t.match(await own.credd(['keys', 'rotate', 'con']), {
      code: 1,
      stderr: /type: credd keys import con\n$/,
    });
    t.match(await own.credd(['keys', 'list']), { stdout: /^$/ });
  },
);

t.test('where nothing would keep them they are refused, with the reason', async (t) => {
  const own = await ready(t, { store: 'memory' });
  const stderr =
    /Long-term keys need a place that keeps them: sessions are kept in memory.* With store = auto that is/;
  t.match(await own.credd(['keys', 'add', 'dev'], typed()), { code: 1, stderr });
  own.profiles('[profile dev]\nregion = eu-west-1\n', `[dev]\n${KEYS}`);
  t.match(await own.credd(['keys', 'import', 'dev']), { code: 1, stderr });
  t.equal(readFileSync(own.credentials, 'utf8'), `[dev]\n${KEYS}`);
});
