import t from 'tap';
import { parseSettingsFile } from '../../src/settings/file.js';
import { matches } from '../../src/settings/profile.js';

const PATH = '/home/ada/.config/credd/config.ini';
const READ_ONLY = { allowed: { readOnly: true } };
const settings = (text: string) => parseSettingsFile(text, PATH).profile;

t.test('the most specific section decides, setting by setting', async (t) => {
  const of = settings(`access = token
[profile prod-eu-*]
source_ip = 10.0.0.0/8
tags = a=1
[profile prod-*]
access = same-user
read_only = true
tags = b=2
allow_origins = https://one.example, http://localhost:3000
[profile prod-eu-west]
access = token
read_only = false
allow_origins =
[profile *-west]
duration_seconds = 900
`);
  t.strictSame(of('dev'), { access: 'token', allowOrigins: [], narrowing: {} });
  t.strictSame(of('prod-us'), {
    access: 'same-user',
    allowOrigins: ['https://one.example', 'http://localhost:3000'],
    narrowing: { ...READ_ONLY, tags: { b: '2' } },
  });
  t.match(of('prod-eu-north'), {
    access: 'same-user',
    narrowing: { ...READ_ONLY, addresses: ['10.0.0.0/8'], tags: { a: '1' } },
  });
  t.strictSame(of('prod-eu-west'), {
    access: 'token',
    allowOrigins: [],
    narrowing: { durationSeconds: 900, addresses: ['10.0.0.0/8'], tags: { a: '1' } },
  });
  t.strictSame(
    of('prod-*').narrowing,
    { ...READ_ONLY, tags: { b: '2' } },
    'a name that looks like a pattern',
  );
});

t.test('one way to say what is allowed', async (t) => {
  const all = ['read_only = true', 'policy = p.json', 'policy_arns = arn:aws:iam::aws:policy/ReadOnlyAccess'];
  for (const one of all) {
    for (const other of all) {
      t.throws(() => settings(`[profile a]\n${one}\n${other}\n`), {
        message: `line 3 of ${PATH}: a session takes one of a policy`,
      });
    }
    const kept = settings(`[profile a]\n${one}\n`)('a').narrowing;
    t.strictSame(settings(`[profile a]\nread_only = false\n${one}\n`)('a').narrowing, kept);
    if (one !== all[0])
      t.strictSame(settings(`[profile a]\n${one}\nread_only = false\n`)('a').narrowing, kept);
    t.strictSame(settings(`[profile *]\nread_only = true\n[profile a]\n${one}\n`)('a').narrowing, kept);
  }
  t.match(settings('[profile a]\npolicy = p.json\n')('a').narrowing?.allowed, {
    policyFile: '/home/ada/.config/credd/p.json',
  });
});

t.test('what is not well formed is refused with its line', async (t) => {
  for (const line of [
    'read_only = yes',
    'policy =',
    'policy_arns =',
    'policy_arns = ReadOnlyAccess',
    'source_ip = here',
    'source_ip = 10.0.0.0/33',
    'source_ip = 10.0.0',
    'source_ip = fe80::1%eth0',
    'duration_seconds = 1h',
    'duration_seconds = 899',
    'session_name = a b',
    'source_identity = x',
    'tags = team',
    'tags = a=1,A=2',
    'tags = a=1, a=2',
    'transitive_tags = a$',
    'allow_origins = *',
    'allow_origins = null',
    'allow_origins = app.wut.dev',
    'allow_origins = https://app.wut.dev/',
    'allow_origins = https://APP.wut.dev',
    'allow_origins = https://app.wut.dev:443',
    'allow_origins = file:///tmp',
    'allow_origins = https://*.wut.dev',
  ]) {
    t.throws(
      () => settings(`[profile a]\n${line}\n`),
      { code: 'InvalidSettings', message: `line 2 of ${PATH}` },
      line,
    );
    t.throws(() => settings(`${line}\n`), { message: 'is not a setting here' }, 'on top');
  }
});

t.test('patterns', async (t) => {
  for (const [pattern, name, expected] of [
    ['a', 'a', true],
    ['a', 'ab', false],
    ['*', '', true],
    ['a*', 'a', true],
    ['a*', 'a/b c', true],
    ['*a', 'ba', true],
    ['a*a', 'a', false],
    ['a*a', 'aa', true],
    ['a*b*c', 'abbcc', true],
    ['a*b*c', 'acb', false],
    ['ab*bc', 'abc', false],
    ['a.c*', 'abc', false],
    ['**', 'x', true],
  ] as const) {
    t.equal(matches(pattern, name), expected, `${pattern} ${name}`);
  }
});
