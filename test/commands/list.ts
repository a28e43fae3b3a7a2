import { chmodSync } from 'node:fs';
import t from 'tap';
import { machine } from '../support/cli.js';
import { ARNS, everySource } from '../support/sources.js';

const NOTHING = /^$/;

t.test('every kind of source is named, in columns, and nobody is asked', async (t) => {
  const own = machine(t);
  const { aws, daemonEnv, secrets } = await everySource(t, own);
  const alone = await own.credd(['list'], { env: { ...daemonEnv, HTTPS_PROXY: '' } });
  t.match(alone, { code: 0 });
  const lines = alone.stdout.trimEnd().split('\n');
  t.match(lines[0], /^PROFILE +CREDENTIALS +REGION$/);
  const column = lines[0]?.indexOf('CREDENTIALS') ?? -1;
  t.equal(lines.length, Object.keys(ARNS).length + 2, 'each, and default');
  for (const line of lines.slice(1)) t.match(line.slice(column - 2), /^ {2}\S/, line);
  for (const row of [
    /^keys +access key -> session +-$/m,
    /^app +access key -> role MyS3Access +eu-west-3$/m,
    /^app\/prod € +access key -> role MyS3Access -> role prod +-$/m,
    /^sso +sso example -> role developer +-$/m,
    /^sso\.role +sso example -> role developer -> role on-sso +-$/m,
    /^process +process cat/m,
    /^web +web identity -> role from-web +-$/m,
    /^default +none, see below +-$/m,
  ]) {
    t.match(alone.stdout, row);
  }
  t.match(
    alone.stderr,
    /^\nOne thing to look at:\n {2}~\/\.aws\/config:\d+: profile default: it has no credentials/,
  );

  await own.serve([], { env: daemonEnv });
  t.same(await own.credd(['list']), alone, 'the same from the daemon');
  const { stdout } = await own.credd(['list', '--json']);
  const { profiles, warnings } = JSON.parse(stdout);
  t.match(
    profiles.find(({ profile }: { profile: string }) => profile === 'app'),
    {
      profile: 'app',
      source: 'access key -> role MyS3Access',
      region: 'eu-west-3',
      where: /^~\/\.aws\/config:\d+$/,
    },
  );
  t.match(warnings, [
    { profile: 'default', line: Number, path: own.path('.aws', 'config'), message: String },
  ]);
  for (const secret of secrets()) t.notOk(`${stdout}${alone.stdout}${alone.stderr}`.includes(secret));
  t.equal(aws.calls.length, 0);
});

t.test('what is wrong is said once each, with its line', async (t) => {
  const { credd, path } = machine(t, {
    config: `[default]
aws_access_key_id = AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = secret-one
[profile a]
role_arn = arn:aws:iam::123456789012:role/r
source_profile = zz
[profile b]
role_arn = arn:aws:iam::123456789012:role/r
source_profile = c
[profile c]
role_arn = arn:aws:iam::123456789012:role/r
source_profile = b
[profile nothing]
region = eu-west-1
[profile dup]
role_arn = arn:aws:iam::123456789012:role/r
credential_source = Nope
[profile dup]
region = eu-west-1
`,
    credentials: '[other]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = secret-one\n',
  });
  chmodSync(path('.aws', 'credentials'), 0o644);
  const { code, stdout, stderr } = await credd(['list']);
  t.equal(code, 0);
  t.match(stderr, /^\n8 things to look at:\n/);
  const lines = stderr.trim().split('\n').slice(1);
  t.equal(lines.length, 8);
  for (const line of [
    /^ {2}~\/\.aws\/config:18: the section stands on line 15 already/m,
    /^ {2}~\/\.aws\/credentials: other users.*chmod 600/m,
    /^ {2}~\/\.aws\/config:6: profile a: its source_profile zz does not exist/m,
    /^ {2}~\/\.aws\/config:13: profile nothing: it has no credentials/m,
    /stands in several profiles: other .*credentials:2.*default .*config:2/,
    /Infinite loop.*\['b', 'c'\]/,
    /Infinite loop.*\['c', 'b'\]/,
    /"Nope" referenced in profile "dup" is not valid.*config:17/,
  ]) {
    t.match(stderr, line);
  }
  t.notMatch(stdout + stderr, /secret-one|AKIAIOSFODNN7EXAMPLE/);
});

t.test('long and wide names, many of them, and control characters', async (t) => {
  const names = [
    '日本語のプロファイル',
    'ünïcödé',
    'e\u0301',
    '😀',
    `long-${'x'.repeat(80)}`,
    'bell\u0007\u001b[31m',
  ];
  for (let index = 0; index < 500; index++) names.push(`p${index}`);
  const { credd } = machine(t, {
    config: names.map((name) => `[profile ${name}]\ncredential_process = cat\nregion = r\n`).join(''),
  });
  const { stdout } = await credd(['list']);
  const lines = stdout.trimEnd().split('\n');
  t.equal(lines.length, names.length + 1);
  t.notMatch(stdout, /(?!\n)\p{Cc}/u);
  t.match(lines[1], /^日本語のプロファイル {67}process cat/, 'two cells each');
  t.match(lines[3], /^e\u0301 {86}process cat/, 'one cell together');
  t.match(lines[4], /^😀 {85}process cat/);
  const { stdout: listed } = await credd(['list', '--names']);
  t.same(listed.trimEnd().split('\n'), names);
});

t.test('without any files it says how to begin', async (t) => {
  const { credd } = machine(t);
  t.match(await credd(['list']), {
    code: 0,
    stdout: NOTHING,
    stderr:
      /^There are no profiles yet, neither in \S+\/config nor in \S+\/credentials\.\n[\s\S]*credd setup[\s\S]*credd demo\n$/,
  });
  t.match(await credd(['list', '--json']), {
    stdout: /^\{\n {2}"profiles": \[\],\n {2}"warnings": \[\],\n {2}"signIns": \[\]\n\}\n$/,
  });
  t.match(await credd(['list', '--names']), { code: 0, stdout: NOTHING, stderr: NOTHING });
});
