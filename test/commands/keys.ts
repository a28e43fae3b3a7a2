import {
  chmodSync,
  lstatSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startSimulatedAws } from '../../src/demo/aws.js';
import { machine, run } from '../support/cli.js';
import { noTerminal, onTerminal } from '../support/terminal.js';

const ACCOUNT = '123456789012';
const USER = {
  accountId: ACCOUNT,
  name: 'ada',
  accessKeyId: 'AKIAADAADAADAADA',
  secretAccessKey: 'adas/secret+that-is-not-shown',
};
const DEVICE = `arn:aws:iam::${ACCOUNT}:mfa/ada`;
const EVE = { ...USER, name: 'eve', accessKeyId: 'AKIAEVEEVEEVEEVE', mfaSerial: DEVICE };
const ROLE = `arn:aws:iam::${ACCOUNT}:role/app`;
const KEYS = `aws_access_key_id = ${USER.accessKeyId}\naws_secret_access_key = ${USER.secretAccessKey}\n`;

async function ready(t: Test, { store = 'file', daemon = true } = {}) {
  const aws = await startSimulatedAws({
    world: { users: [USER, EVE], roles: [{ arn: ROLE, trusts: [ACCOUNT] }] },
  });
  t.teardown(() => aws.close());
  const own = machine(t, {
    env: { CREDD_STORE: store, CREDD_LOG_LEVEL: 'trace', AWS_ENDPOINT_URL: aws.url },
    config: `[profile dev]
region = eu-west-1
[profile app]
role_arn = ${ROLE}
source_profile = dev
[profile eve]
mfa_serial = ${DEVICE}
`,
    credentials: '',
  });
  writeFileSync(own.path('passphrase'), 'a passphrase', { mode: 0o600 });
  own.env.CREDD_STORE_PASSPHRASE_FILE = own.path('passphrase');
  const running = daemon ? await own.serve(['--store', store]) : undefined;
  const credentials = own.path('.aws', 'credentials');
  return { ...own, aws, running, credentials };
}

type Ready = Awaited<ReturnType<typeof ready>>;

const typed = (keys = USER) => ({ input: `${keys.accessKeyId}\n${keys.secretAccessKey}\n` });

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
      t.match(listed, { code: 0, stdout: /^PROFILE +ACCESS KEY +AGE\ndev +AKIA…AADA +\d+ s\n$/ });
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
      t.match(await own.credd(['keys', 'list']), { code: 0, stdout: /^$/, stderr: /no long-term keys/ });
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

t.test('where nothing would keep them they are refused, with the reason', async (t) => {
  const own = await ready(t, { store: 'memory' });
  const stderr = /Long-term keys need a place that keeps them: sessions are kept in memory/;
  t.match(await own.credd(['keys', 'add', 'dev'], typed()), { code: 1, stderr });
  own.profiles('[profile dev]\nregion = eu-west-1\n', `[dev]\n${KEYS}`);
  t.match(await own.credd(['keys', 'import', 'dev']), { code: 1, stderr });
  t.equal(readFileSync(own.credentials, 'utf8'), `[dev]\n${KEYS}`);
});

const ODD = `# mine\r\n\r\n[other]\r\naws_access_key_id=AKIAOTHER\r\naws_secret_access_key=x\r\n\r\n[dev]  # here\r\n  ; a note\r\naws_access_key_id\t=  ${USER.accessKeyId}\r\nregion = eu-west-1\r\naws_secret_access_key: ${USER.secretAccessKey}\r\n[last]\r\nregion=x`;

t.test('keys import takes exactly two lines out, and --undo gives the file back', async (t) => {
  const own = await ready(t);
  const real = own.path('dotfiles-credentials');
  writeFileSync(own.credentials, ODD);
  renameSync(own.credentials, real);
  symlinkSync(real, own.credentials);
  chmodSync(real, 0o640);
  writeFileSync(own.path('before'), ODD);
  t.match(await own.credd(['keys', 'import', 'dev']), {
    code: 0,
    stderr: /user\/ada are in the keychain.*--undo dev/,
  });
  const { stdout: diff } = await run(t, ['diff', own.path('before'), real], { env: own.env }).ended;
  t.match(diff, /^9d8\n< aws_access_key_id[^\n]*\n11d9\n< aws_secret_access_key: [^\n]*\n$/);
  t.ok(lstatSync(own.credentials).isSymbolicLink());
  t.equal(statSync(real).mode & 0o777, 0o640);
  t.match(await own.credd(['whoami', 'dev']), { code: 0, stdout: /user\/ada/ });
  t.match(await own.credd(['keys', 'import', 'dev']), { code: 1, stderr: /has no keys in/ });

  t.match(await own.credd(['keys', 'import', '--undo', 'dev']), { code: 0, stderr: /are back in/ });
  t.equal(readFileSync(own.credentials, 'utf8'), ODD);
  t.ok(lstatSync(own.credentials).isSymbolicLink());
  t.equal(statSync(real).mode & 0o777, 0o640);
  t.match(await own.credd(['keys', 'list']), { stdout: /^$/ });
  t.match(await own.credd(['keys', 'import', '--undo', 'dev']), {
    code: 1,
    stderr: /holds no keys of "dev"/,
  });
  t.same(
    readdirSync(own.home).filter((name) => name.endsWith('.tmp')),
    [],
  );
});

t.test('keys import that cannot be done changes nothing', async (t) => {
  const own = await ready(t);
  const cases = [
    [`[dev]\naws_access_key_id = ${USER.accessKeyId}\naws_secret_access_key = mistyped\n`, /does not belong/],
    [`[dev]\n${KEYS}aws_session_token = x\n`, /they are temporary/],
    [`[DEFAULT]\n${KEYS}[dev]\n`, /two lines of its own section/],
    ['[dev]\nregion = x\n', /has no keys in/],
  ] as const;
  for (const [text, stderr] of cases) {
    writeFileSync(own.credentials, text);
    t.match(await own.credd(['keys', 'import', 'dev']), { code: 1, stderr });
    t.equal(readFileSync(own.credentials, 'utf8'), text);
    t.match(await own.credd(['keys', 'list']), { stdout: /^$/ });
  }
  t.match(await own.credd(['keys', 'add', 'app'], typed()), { code: 0 });
  t.match(await own.credd(['keys', 'import', '--undo', 'app']), { code: 1, stderr: /nothing to put back/ });
});

async function rotating(t: Test): Promise<Ready> {
  const own = await ready(t);
  t.match(await own.credd(['keys', 'add', 'dev'], typed()), { code: 0 });
  return own;
}

const statuses = ({ aws }: Ready) =>
  aws.world
    .keysOf(`arn:aws:iam::${ACCOUNT}:user/ada`)
    .map(({ accessKeyId, inactive }) => [accessKeyId, !inactive]);

t.test('keys rotate: a new key that works, the old one deactivated, and deleted the next time', async (t) => {
  const own = await rotating(t);
  own.aws.faults.set('GetCallerIdentity', {
    kind: 'error',
    status: 403,
    code: 'InvalidClientTokenId',
    times: 1,
  });
  t.match(await own.credd(['keys', 'rotate', 'dev']), {
    code: 0,
    stderr: /has the new key AKIA….*AKIA…AADA is deactivated/,
  });
  const [first, second] = statuses(own);
  t.same(first, [USER.accessKeyId, false]);
  t.equal(second?.[1], true);
  t.match(await own.credd(['whoami', 'app']), { code: 0, stdout: /assumed-role\/app/ });
  t.match(await own.credd(['keys', 'rotate', 'dev']), { code: 0 });
  t.match(statuses(own), [
    [second?.[0], false],
    [String, true],
  ]);
  t.match(await own.credd(['whoami', 'dev']), { code: 0, stdout: /user\/ada/ });
  t.match(await own.credd(['keys', 'rotate', 'app']), { code: 1, stderr: /no keys of "app"/ });
});

for (const operation of ['CreateAccessKey', 'GetCallerIdentity', 'UpdateAccessKey']) {
  t.test(`keys rotate undoes all when ${operation} fails`, async (t) => {
    const own = await rotating(t);
    own.aws.faults.set(operation, { kind: 'error', status: 403, code: 'AccessDenied', message: 'no' });
    t.match(await own.credd(['keys', 'rotate', 'dev']), { code: 1, stderr: /failed: no \(AccessDenied\)/ });
    own.aws.faults.clear();
    t.same(statuses(own), [[USER.accessKeyId, true]]);
    t.match(await own.credd(['whoami', 'app']), { code: 0, stdout: /assumed-role\/app/ });
  });
}

t.test('keys rotate where AWS allows no third key', async (t) => {
  const own = await rotating(t);
  own.aws.world.createKey(`arn:aws:iam::${ACCOUNT}:user/ada`);
  t.match(await own.credd(['keys', 'rotate', 'dev']), {
    code: 1,
    stderr: /two access keys already.*list-access-keys/,
  });
  t.equal(statuses(own).length, 2);
});

t.test('keys rotate goes through the MFA session of who has a device', async (t) => {
  const own = await ready(t);
  t.match(await own.credd(['keys', 'add', 'eve'], typed(EVE)), { code: 0 });
  t.match(await own.credd(['keys', 'rotate', 'eve']), { code: 1, stderr: /credd login eve/ });
  t.equal(own.aws.count('CreateAccessKey'), 0);
});
