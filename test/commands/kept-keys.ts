import { mkdirSync, writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { startSimulatedAws } from '../../src/demo/aws.js';
import { machine } from '../support/cli.js';

const ACCOUNT = '123456789012';
const DEVICE = `arn:aws:iam::${ACCOUNT}:mfa/eve`;
const ADA = {
  accountId: ACCOUNT,
  name: 'ada',
  accessKeyId: 'AKIAADAADAADAADA',
  secretAccessKey: 'adas/secret+that-is-not-shown',
};
const EVE = { ...ADA, name: 'eve', accessKeyId: 'AKIAEVEEVEEVEEVE', mfaSerial: DEVICE };
const READ_ONLY = 'arn:aws:iam::aws:policy/ReadOnlyAccess';
const IDS = 'echo $AWS_ACCESS_KEY_ID';

/** `filed` and `guarded` have their keys in a file, `kept` and `kept-guarded` the same keys in the encrypted store. */
async function ready(t: Test, settings = '') {
  const role = `arn:aws:iam::${ACCOUNT}:role/app`;
  const aws = await startSimulatedAws({
    world: { users: [ADA, EVE], roles: [{ arn: role, trusts: [ACCOUNT] }] },
  });
  t.teardown(() => aws.close());
  const section = (name: string, { accessKeyId, secretAccessKey }: typeof ADA) =>
    `[${name}]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`;
  const own = machine(t, {
    env: { CREDD_STORE: 'file', AWS_ENDPOINT_URL: aws.url },
    config: `[profile filed]\n[profile guarded]\nmfa_serial = ${DEVICE}\n[profile kept]\n[profile kept-guarded]\nmfa_serial = ${DEVICE}\n[profile app]\nrole_arn = ${role}\nsource_profile = kept\n`,
    credentials: section('filed', ADA) + section('guarded', EVE),
  });
  writeFileSync(own.path('passphrase'), 'a passphrase', { mode: 0o600 });
  own.env.CREDD_STORE_PASSPHRASE_FILE = own.path('passphrase');
  mkdirSync(own.path('.config', 'credd'), { recursive: true });
  const configure = (text: string) => writeFileSync(own.path('.config', 'credd', 'config.ini'), text);
  const daemon = await own.serve(['--store', 'file']);
  for (const [name, { accessKeyId, secretAccessKey }] of [
    ['kept', ADA],
    ['kept-guarded', EVE],
  ] as const)
    t.match(await own.credd(['keys', 'add', name], { input: `${accessKeyId}\n${secretAccessKey}\n` }), {
      code: 0,
    });
  configure(settings);
  return { ...own, aws, configure, daemon };
}

t.test('keys in the keychain are narrowed as keys in a file are', async (t) => {
  const { credd, aws } = await ready(t);
  for (const profile of ['filed', 'kept']) {
    const { code, stdout, stderr } = await credd(['env', profile, '--read-only', '--shell', 'dotenv']);
    t.equal(code, 0, stderr);
    t.match(stdout, /AWS_CONTAINER_AUTHORIZATION_TOKEN=/);
    const session = aws.world.sessions().at(-1);
    t.equal(session?.principal.arn, `arn:aws:sts::${ACCOUNT}:federated-user/credd`, profile);
    t.match(session?.details, { policyArns: [READ_ONLY] });
    t.match(await credd(['exec', profile, '--duration', '15m', '--', 'true']), { code: 0 });
    t.equal(aws.world.sessions().at(-1)?.principal.arn, `arn:aws:iam::${ACCOUNT}:user/ada`);
    t.match(await credd(['exec', profile, '--source-identity', 'ada', '--', 'echo', 'was run']), {
      code: 1,
      stdout: /^$/,
      stderr:
        /^credd: Profile "\w+" cannot be given a source identity: a session of access keys has none\. [^\n]*\n$/,
    });
  }
  t.equal(aws.count('GetFederationToken', 'ok'), 2);
});

t.test('keys with MFA are not narrowed, wherever they are, and nothing else is said first', async (t) => {
  const { credd, aws } = await ready(t);
  for (const profile of ['guarded', 'kept-guarded']) {
    for (const command of [
      ['exec', profile, '--read-only', '--', 'echo', 'was run'],
      ['env', profile, '--read-only'],
      ['lease', profile, '--read-only'],
    ])
      t.match(await credd(command), {
        code: 1,
        stdout: /^$/,
        stderr: new RegExp(
          `^credd: Profile "${profile}" cannot be narrowed: AWS gives a narrowed session of access keys no MFA\\. Put a role on top[^\\n]*\\n$`,
        ),
      });
  }
  t.equal(aws.count('GetFederationToken'), 0);
  t.equal(aws.count('GetSessionToken'), 0);
});

t.test('exec --no-session gives no raw keys of a profile that is narrowed', async (t) => {
  const { credd, configure } = await ready(t);
  for (const profile of ['filed', 'kept']) {
    const raw = ['exec', profile, '--no-session'];
    t.match(await credd([...raw, '--', 'sh', '-c', IDS]), { code: 0, stdout: `${ADA.accessKeyId}\n` });
    for (const narrowing of ['--read-only', '--duration=15m', '--source-ip=10.0.0.0/8', '--tag=a=b'])
      t.match(await credd([...raw, narrowing, '--', 'sh', '-c', IDS]), {
        code: 2,
        stdout: /^$/,
        stderr: /cannot be narrowed/,
      });
  }
  for (const settings of ['read_only = true', 'duration_seconds = 900', 'source_ip = 10.0.0.0/8']) {
    configure(`[profile filed]\n${settings}\n[profile k*]\n${settings}\n`);
    for (const profile of ['filed', 'kept'])
      t.match(await credd(['exec', profile, '--no-session', '--', 'sh', '-c', IDS]), {
        code: 1,
        stdout: /^$/,
        stderr: /settings narrow profile "\w+", and its long-term keys cannot be narrowed/,
      });
  }
});

t.test('the trail tells of keys and consoles, taken and refused', async (t) => {
  const { credd, configure, aws } = await ready(t);
  configure(`federation_url = ${aws.url}/federation\n`);
  t.match(await credd(['exec', 'kept', '--no-session', '--', 'true']), { code: 0 });
  t.match(await credd(['console', 'app', '--print']), { code: 0 });
  t.match(await credd(['console', 'kept', '--print']), { code: 1 });
  t.match(await credd(['keys', 'rotate', 'kept']), { code: 0 });
  t.match(await credd(['keys', 'remove', 'kept']), { code: 0 });
  t.match(await credd(['keys', 'remove', 'kept']), { code: 1 });
  const lines = (await credd(['audit', '--json'])).stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  t.match(lines, [
    { profile: 'kept', outcome: '200', agent: 'credd' },
    { profile: 'app', outcome: '200', agent: 'credd' },
    { profile: 'kept', outcome: /./, agent: 'credd' },
    { profile: 'kept', outcome: 'NoKeptKeys', agent: 'credd' },
  ]);
  t.notMatch(JSON.stringify(lines), /SigninToken|secret/);
});
