import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { readSharedConfig, type SharedConfig, watchSharedConfig } from '../../src/aws/shared-config.js';
import { steppedClock } from '../support/stepped-clock.js';

function pathsIn(home: string) {
  return { config: join(home, '.aws/config'), credentials: join(home, '.aws/credentials'), home };
}

async function read(t: Test, files: { config?: string; credentials?: string }): Promise<SharedConfig> {
  return readSharedConfig(pathsIn(t.testdir({ '.aws': files })));
}

t.test('no files at all is an empty state', async (t) => {
  const config = await readSharedConfig(pathsIn(t.testdir({})));
  t.equal(config.profiles.size, 0);
  t.strictSame(config.problems, []);
  t.match(config.files, { config: { exists: false }, credentials: { exists: false } });
});

t.test('a profile is one of both files, and knows where each key stands', async (t) => {
  const { profiles, files } = await read(t, {
    config: '[profile a]\nregion = eu-west-1\naws_access_key_id = AKIACONFIG\nrole_arn =\n[profile b]\n',
    credentials:
      '[a]\naws_access_key_id = AKIACREDENTIALS\n[role]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = a\n',
  });
  const a = profiles.get('a');
  t.equal(a?.text('aws_access_key_id'), 'AKIACREDENTIALS');
  t.equal(a?.from('config')?.text('aws_access_key_id'), 'AKIACONFIG');
  t.equal(a?.from('credentials')?.text('region'), undefined);
  t.match(a?.get('region'), { value: 'eu-west-1', file: 'config', path: files.config.path, line: 2 });
  t.equal(a?.where('region'), '~/.aws/config:2');
  t.equal(a?.where('aws_access_key_id'), '~/.aws/credentials:2');
  t.equal(a?.where('source_profile'), '~/.aws/credentials:1', 'the section, for a key that is not set');
  t.strictSame(
    a?.headers.map(({ where }) => where),
    ['~/.aws/credentials:1', '~/.aws/config:1'],
  );
  t.strictSame([a?.text('role_arn'), a?.has('role_arn'), a?.get('role_arn')?.value], [undefined, false, '']);
  t.strictSame([...(a?.keys() ?? [])].sort(), ['aws_access_key_id', 'region', 'role_arn']);
  t.equal(profiles.get('b')?.from('credentials'), undefined);
  t.equal(profiles.get('role')?.text('source_profile'), 'a');
});

t.test('sso-sessions, services and nested settings', async (t) => {
  const { profiles, ssoSessions, services } = await read(t, {
    config: `[sso-session my one]
sso_start_url = https://wellcome.awsapps.com/start/#
[services local]
sts =
  endpoint_url = http://localhost:4566
s3 =
  endpoint_url = http://localhost:4572
[profile a]
services = local
s3 =
  addressing_style = path
`,
  });
  t.equal(ssoSessions.get('my one')?.text('sso_start_url'), 'https://wellcome.awsapps.com/start/#');
  t.equal(services.get('local')?.get('sts')?.get('endpoint_url')?.value, 'http://localhost:4566');
  t.equal(services.get('local')?.get('s3')?.get('endpoint_url')?.where, '~/.aws/config:7');
  t.match(profiles.get('a')?.get('s3')?.nested.get('addressing_style'), { value: 'path', line: 11 });
  t.strictSame([...profiles.keys()], ['a']);
});

t.test('[DEFAULT] gives its settings to the sections of its own file, as the AWS CLI does', async (t) => {
  const { profiles } = await read(t, {
    config: '[profile a]\noutput = json\n[DEFAULT]\nregion = x\noutput = text\n',
    credentials: '[b]\naws_access_key_id = A\n',
  });
  t.strictSame([...profiles.keys()], ['b', 'a']);
  t.strictSame([profiles.get('a')?.text('region'), profiles.get('a')?.text('output')], ['x', 'json']);
  t.equal(profiles.get('a')?.headers.length, 1);
  t.equal(profiles.get('b')?.text('region'), undefined);
});

t.test('what could be read of broken files counts at the first reading', async (t) => {
  const home = t.testdir({ '.aws': { config: '[profile a]\nregion = x\ntorn', credentials: {} } });
  const { profiles, problems, files } = await readSharedConfig(pathsIn(home));
  t.equal(profiles.get('a')?.text('region'), 'x');
  t.match(problems, [
    {
      severity: 'error',
      path: files.credentials.path,
      line: 0,
      where: '~/.aws/credentials',
      message: /^cannot be read/,
    },
    { severity: 'error', where: '~/.aws/config:3', path: files.config.path, line: 3 },
  ]);
});

/** A watched home; `settle` lets a change be noticed and taken. */
async function watched(t: Test, files: Record<string, string>) {
  const paths = pathsIn(t.testdir({ '.aws': files }));
  const clock = steppedClock();
  const shared = await watchSharedConfig({ paths, clock });
  t.teardown(shared.close);
  let calls = 0;
  const unsubscribe = shared.subscribe(() => calls++);
  const names = () => [...shared.current.profiles.keys()];
  async function settle() {
    await clock.step();
    await clock.step();
  }
  return { paths, shared, settle, names, unsubscribe, calls: () => calls };
}

t.test('an edit gives a new snapshot and leaves the old one as it was', async (t) => {
  const { paths, shared, settle, names, unsubscribe, calls } = await watched(t, {
    config: '[profile a]\nregion=x\n',
  });
  const before = shared.current;
  writeFileSync(paths.config, '[profile a]\nregion=y\n[profile b]\n');
  writeFileSync(paths.credentials, '[c]\n');
  await settle();
  t.strictSame(names(), ['c', 'a', 'b']);
  t.equal(shared.current.profiles.get('a')?.text('region'), 'y');
  t.equal(before.profiles.get('a')?.text('region'), 'x');
  t.equal(calls(), 1);
  unsubscribe();
  rmSync(paths.config);
  await settle();
  t.strictSame(names(), ['c'], 'a removed file takes its profiles along');
  t.equal(shared.current.files.config.exists, false);
  t.equal(shared.problem, undefined);
  t.equal(calls(), 1);
});

t.test('a broken file leaves the last good state, and the other file goes on', async (t) => {
  const { paths, shared, settle, names, calls } = await watched(t, {
    config: '[profile a]\n',
    credentials: '[c]\n',
  });
  const good = shared.current;
  const faults: [RegExp, () => void][] = [
    [/config:2: .*last good state/, () => writeFileSync(paths.config, '[profile b]\ntorn')],
    [/config is suddenly empty/, () => writeFileSync(paths.config, '')],
    [
      /config: cannot be read/,
      () => {
        rmSync(paths.config);
        mkdirSync(paths.config);
      },
    ],
  ];
  for (const [problem, happen] of faults) {
    happen();
    await settle();
    t.match(shared.problem, problem);
    t.equal(shared.current, good);
  }
  t.equal(calls(), 3);
  writeFileSync(paths.credentials, '[d]\n');
  await settle();
  t.strictSame(names(), ['d', 'a']);
  t.match(shared.problem, /cannot be read/);
  rmSync(paths.config, { recursive: true });
  writeFileSync(`${paths.config}.new`, '[profile b]\n');
  renameSync(`${paths.config}.new`, paths.config);
  await settle();
  t.strictSame(names(), ['d', 'b']);
  t.equal(shared.problem, undefined);
});

t.test('a file broken from the start is followed as far as it can be read', async (t) => {
  const { paths, shared, settle, names } = await watched(t, { config: '[profile a]\ntorn\n' });
  t.match(shared.problem, /^~\/\.aws\/config:2: /);
  writeFileSync(paths.config, '[profile b]\ntorn\n');
  await settle();
  t.strictSame(names(), ['b']);
  t.match(shared.problem, /config:2/);
  writeFileSync(paths.config, '');
  await settle();
  t.strictSame(names(), ['b'], 'but not into nothing');
});

t.test('an empty file that appears is nothing to complain of', async (t) => {
  const { paths, shared, settle } = await watched(t, {});
  writeFileSync(paths.config, '');
  await settle();
  t.equal(shared.problem, undefined);
  t.equal(shared.current.files.config.exists, true);
});
