import t from 'tap';
import { parseConfigFile } from '../../src/aws/config-file.js';
import type { FileKind } from '../../src/aws/section-header.js';

type Values = Record<string, string | Record<string, string>>;

function read(text: string, kind: FileKind = 'config') {
  const file = parseConfigFile(text, kind);
  const sections: Record<string, Values> = {};
  for (const { type, name, entries } of file.sections) {
    sections[type === 'profile' ? name : `${type} ${name}`] = Object.fromEntries(
      [...entries].map(([key, { value, nested }]) => [
        key,
        nested ? Object.fromEntries([...nested].map(([inner, entry]) => [inner, entry.value])) : value,
      ]),
    );
  }
  return { ...file, sections, lines: file.problems.map(({ line }) => line) };
}

t.test('reads profiles as they stand in the wild', async (t) => {
  const { sections, problems } = read(`
[profile reply-b.paques]
sso_start_url = https://d-93670bd35a.awsapps.com/start/
[default]
sso_start_url = https://wellcome.awsapps.com/start/#
[profile s3]
role_arn=arn:aws:iam::123456789012:role/MyApp/MyS3Access
cli_follow_urlparam = true
`);
  t.strictSame(sections, {
    'reply-b.paques': { sso_start_url: 'https://d-93670bd35a.awsapps.com/start/' },
    default: { sso_start_url: 'https://wellcome.awsapps.com/start/#' },
    s3: { role_arn: 'arn:aws:iam::123456789012:role/MyApp/MyS3Access', cli_follow_urlparam: 'true' },
  });
  t.strictSame(problems, []);
});

t.test('knows the name in every spelling of a header that some tool takes', async (t) => {
  const names: Record<string, string> = {
    '[profile  a]': 'a',
    '[ profile a ]': 'a',
    '[profile\ta]': 'a',
    '[profile a]#c': 'a',
    '[profile a] ; see [b]': 'a',
    '  [profile a]': 'a',
    '[profile "a b"]': 'a b',
    "[profile 'a b']": 'a b',
    '[profile a\\ b]': 'a b',
    '[profile "a\\"b"]': 'a"b',
    '[profile x"y z"]': 'xy z',
    "[profile o'brien]": "o'brien",
    '[profile a]b]': 'a]b',
    '[profile me@x/y+z%1:2]': 'me@x/y+z%1:2',
    '[profile Zoë 日本]': 'Zoë 日本',
    '[profiles a]': 'a',
    '[Profile a]': 'a',
    '[profile a] x': 'a',
    '[default]': 'default',
    '[profile default]': 'default',
  };
  for (const [header, name] of Object.entries(names)) {
    t.strictSame(read(`${header}\nk=v`).sections, { [name]: { k: 'v' } }, header);
  }
  t.strictSame(read('[sso-session "a b"]\n[services x]').sections, {
    'sso-session a b': {},
    'services x': {},
  });
});

t.test('the credentials file has plain names', async (t) => {
  const text = '[a]\nk=1\n[a b]\nk=2\n["c d"]\nk=3\n[CORP\\me]\nk=4\n[profile]\nk=5\n';
  const { sections, problems } = read(text, 'credentials');
  const expected = {
    a: { k: '1' },
    'a b': { k: '2' },
    'c d': { k: '3' },
    'CORP\\me': { k: '4' },
    profile: { k: '5' },
  };
  t.strictSame(sections, expected);
  t.strictSame(problems, []);
});

t.test('the other spelling counts where nothing else has the name, with a warning', async (t) => {
  t.match(read('[work]\nk=1'), {
    sections: { work: { k: '1' } },
    problems: [{ line: 1, profile: 'work', message: /\[profile work\]/ }],
  });
  t.match(read('[profile w]\nk=1', 'credentials'), {
    sections: { w: { k: '1' } },
    problems: [{ line: 1, message: /\[w\]/ }],
  });
  t.strictSame(read('[profile w]\nk=1\n[w]\nk=2').sections, { w: { k: '1' } });
  t.strictSame(read('[w]\nk=1\n[profile w]\nk=2', 'credentials').sections, { w: { k: '1' } });
  const twice = read('[default]\nk=1\nj=1\n[profile default]\nk=2');
  t.strictSame(twice.sections, { default: { k: '2' } }, '[profile default] replaces [default]');
  t.match(twice.problems, [{ line: 1, message: /line 4/ }]);
  t.equal(read('[default]\nk=1').problems.length, 0);
});

t.test("the AWS CLI's own sections are no profiles", async (t) => {
  const { sections } = read('[preview]\n[plugins]\n[profile]\n[ ]\n[DEFAULT]\n');
  t.strictSame(
    Object.keys(sections).filter((name) => !name.startsWith('other')),
    [],
  );
  t.strictSame(Object.keys(read('[sso-session x]\n[services y]', 'credentials').sections), [
    'other sso-session x',
    'other services y',
  ]);
});

t.test('takes values verbatim, up to a comment', async (t) => {
  const values: Record<string, string> = {
    'k = x # c': 'x',
    'k = x\t; c': 'x',
    'k = x#y': 'x#y',
    'k = x;y': 'x;y',
    'k=#x': '#x',
    'k = # c': '',
    'k=': '',
    'k: x': 'x',
    'k = a=b : c': 'a=b : c',
    '  K \t=  x  ': 'x',
    'k = "x"': '"x"',
    'k = sh -c "a # b" # c': 'sh -c "a # b"',
    "k = sh --x='a ; b' ; it's": "sh --x='a ; b'",
    "k = it's # it's": "it's",
    'k = "x # c': '"x',
    'k = x\\': 'x\\',
  };
  for (const [line, value] of Object.entries(values)) {
    t.strictSame(read(`[profile a]\n${line}\n`).sections, { a: { k: value } }, line);
  }
});

t.test('BOM, CRLF, lone CR, comments and empty lines', async (t) => {
  const { sections, problems } = read(
    '\uFEFF[default]\r\n# c = d\r\nk = x\r\n\r\n  ; [profile no]\r\n[profile a]\rk=y\r',
  );
  t.strictSame(sections, { default: { k: 'x' }, a: { k: 'y' } });
  t.match(problems, [{ line: 1, severity: 'warning', message: /byte order mark.*without one/ }]);
  t.equal(problems.length, 1);
  t.strictSame(read('[default]\r\n# c = d\r\nk = x\r\n').problems, []);
  t.strictSame(read('').sections, {});
});

t.test('indented lines below a key belong to it', async (t) => {
  const text = `[profile a]
s3 =
  addressing_style = path # c

  # c
    Max_Queue = 1
region = x
credential_process = tool
  --flag=1
  name=2
  # c
\tlast
`;
  t.strictSame(read(text).sections, {
    a: {
      s3: { addressing_style: 'path', max_queue: '1' },
      region: 'x',
      credential_process: 'tool\n--flag=1\nname=2\nlast',
    },
  });
  t.strictSame(read('  [profile a]\n  k=1\n  j=2\n[profile b]\n\tk=1\n\tj=2').sections, {
    a: { k: '1', j: '2' },
    b: { k: '1', j: '2' },
  });
});

t.test('a key or header that is indented by mistake still counts, with a warning', async (t) => {
  const { sections, lines } = read(
    '[default]\naws_access_key_id = A\n aws_secret_access_key = S\n  [profile b]\n  k = 1\n',
  );
  t.strictSame(sections, { default: { aws_access_key_id: 'A', aws_secret_access_key: 'S' }, b: { k: '1' } });
  t.strictSame(lines, [3, 4]);
});

t.test('a value on the line below its key is found', async (t) => {
  const { sections, broken, lines } = read('[profile a]\nsso_start_url =\n  https://x.y/start\n');
  t.strictSame(sections, { a: { sso_start_url: 'https://x.y/start' } });
  t.strictSame([broken, lines], [false, [3]]);
});

t.test('sections of one name are one, and the last of equal keys counts', async (t) => {
  const file = parseConfigFile('[profile a]\nk=1\nk=2\n[profile b]\n[profile  a]\nj=3\nk=4\n', 'config');
  const [a] = file.sections;
  t.match(a, { name: 'a', lines: [1, 5] });
  t.match(a?.entries.get('k'), { value: '4', line: 7 });
  t.match(a?.entries.get('j'), { value: '3', line: 6 });
  t.match(file.problems, [
    { line: 3, profile: 'a', message: /k is set on line 2/ },
    { line: 5, profile: 'a', message: /line 1/ },
    { line: 7, profile: 'a', message: /line 3/ },
  ]);
  t.equal(file.broken, false);
});

t.test("settings before the first section are nobody's", async (t) => {
  const { sections, lines, broken } = read('k=1\nj=2\n[profile a]\nk=3');
  t.strictSame({ sections, lines, broken }, { sections: { a: { k: '3' } }, lines: [1], broken: false });
});

t.test('a torn line breaks the file, is not quoted, and the rest is read', async (t) => {
  for (const line of ['aws_secret_acc', '[profile b', '[]', '= x', 'k = \0\0']) {
    const file = read(`[profile a]\nk=1\n${line}\n[profile c]\nk=2\n`);
    t.equal(file.broken, true, JSON.stringify(line));
    t.strictSame(file.sections, { a: { k: '1' }, c: { k: '2' } });
    t.match(file.problems, [{ line: 3, severity: 'error' }]);
    t.notMatch(file.problems[0]?.message, 'secret_acc');
  }
});

t.test('every beginning of a file can be read, in either kind', async (t) => {
  const text =
    '\uFEFF[profile "a b"]\r\ns3 =\r\n  a = b # c\r\n[sso-session x] ; c\nk = "v ; w" ; x\n\t[default]\n k\n]';
  for (let end = 0; end <= text.length; end++) {
    t.ok(read(text.slice(0, end)).sections);
    t.ok(read(text.slice(0, end), 'credentials').sections);
  }
});

t.test('5,000 profiles', async (t) => {
  const text = Array.from(
    { length: 5000 },
    (_, n) => `[profile account-${n}/admin]\nsso_session = my\nsso_account_id = ${n}\n`,
  ).join('\n');
  const { sections, problems } = parseConfigFile(text, 'config');
  t.equal(sections.length, 5000);
  t.match(sections[4999], { name: 'account-4999/admin', lines: [19997] });
  t.equal(problems.length, 0);
});
