import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { startSimulatedAws } from '../../src/demo/aws.js';
import { drivenClock } from '../support/driven-clock.js';
import { type ProfileFiles, readProfiles } from '../support/profiles.js';

const future = '2100-01-02T03:04:05Z';
const printed = { Version: 1, AccessKeyId: 'ASIAPROCESS', SecretAccessKey: 'hush', SessionToken: 'a-token' };

/** Profile `p` runs this script, with these arguments. */
async function script(t: Test, text: string, args = '', more: ProfileFiles = {}) {
  const folder = join(t.testdirName, 'my tools');
  const path = join(folder, 'helper');
  const config = `[profile p]\ncredential_process = "${path}" ${args}\n${more.config ?? ''}`;
  const profiles = await readProfiles(t, { ...more, config });
  mkdirSync(folder);
  writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return profiles;
}

const prints = (value: unknown) =>
  `cat <<'END'\n${typeof value === 'string' ? value : JSON.stringify(value)}\nEND`;

t.test('is run without a shell, in the environment of the daemon', async (t) => {
  const text = `printf '{"Version":1,"AccessKeyId":"%s","SecretAccessKey":"%s","SessionToken":"%s %s","Expiration":"${future}"}' "$1" "$2" "$OWN" "$CREDD_RESOLVING"`;
  const { obtain } = await script(t, text, `'$HOME;*' "a b"`, { env: { OWN: 'value' } });
  t.strictSame(await obtain('p'), {
    accessKeyId: '$HOME;*',
    secretAccessKey: 'a b',
    sessionToken: 'value p',
    expiration: Date.UTC(2100, 0, 2, 3, 4, 5),
  });
});

t.test('what it prints may be of any age, and hold more than is asked for', async (t) => {
  const clock = drivenClock();
  const { obtain } = await script(t, prints({ ...printed, AccountId: '123456789012', Extra: true }), '', {
    clock,
  });
  t.strictSame(await obtain('p'), {
    accessKeyId: 'ASIAPROCESS',
    secretAccessKey: 'hush',
    sessionToken: 'a-token',
    accountId: '123456789012',
    expiration: clock.now() + 20 * 60_000,
  });
});

t.test('keys without a token become a session, or sign AssumeRole themselves', async (t) => {
  const aws = await startSimulatedAws({
    world: {
      users: [
        { accountId: '123456789012', name: 'ada', accessKeyId: 'AKIAADA', secretAccessKey: 'ada-secret' },
      ],
      roleFor: (arn) => ({ arn, trusts: ['*'] }),
    },
  });
  t.teardown(aws.close);
  const { obtain } = await script(
    t,
    prints({ Version: 1, AccessKeyId: 'AKIAADA', SecretAccessKey: 'ada-secret' }),
    '',
    {
      env: { AWS_ENDPOINT_URL: aws.url },
      config: '[profile role]\nrole_arn = arn:aws:iam::123456789012:role/R\nsource_profile = p\n',
    },
  );
  t.match(await obtain('p'), { accessKeyId: /^ASIA/, sessionToken: String, expiration: Number });
  t.match(await obtain('role'), { roleArn: 'arn:aws:iam::123456789012:role/R' });
  t.match(aws.calls, [{ operation: 'GetSessionToken' }, { operation: 'AssumeRole', principal: /user\/ada/ }]);
});

t.test('whatever goes wrong is said, without a secret', async (t) => {
  const cases: Record<string, [string, string]> = {
    'it fails': [
      'echo "no such\nvault \x1b[31mred" >&2; echo hush; exit 3',
      'it ended with exit code 3: no such vault [31mred.',
    ],
    'it fails silently': ['exit 3', 'it ended with exit code 3.'],
    'it is killed': ['kill -9 $$', 'it ended with SIGKILL.'],
    'it prints nothing': ['true', 'it printed nothing.'],
    'it prints garbage': ['echo hush', 'what it printed is not JSON.'],
    'it prints half': [prints(JSON.stringify(printed).slice(0, 70)), 'what it printed is not JSON.'],
    'it prints null': ['echo null', 'the "Version" that it printed is not 1.'],
    'another version': [prints({ ...printed, Version: 'hush' }), 'the "Version" that it printed is not 1.'],
    'no key': [prints({ ...printed, AccessKeyId: '' }), 'it printed no "AccessKeyId".'],
    'no secret': [prints({ Version: 1, AccessKeyId: 'ASIAPROCESS' }), 'it printed no "SecretAccessKey".'],
    'no time': [
      prints({ ...printed, Expiration: 'tomorrow' }),
      'the "Expiration" that it printed is not a time.',
    ],
    'a number': [prints({ ...printed, Expiration: 4_000_000_000 }), 'is not a time.'],
    expired: [prints({ ...printed, Expiration: '2020-01-01T00:00:00Z' }), 'have already expired.'],
    'it prints for ever': ['yes hush', 'it printed more than 1 MB.'],
  };
  for (const [name, [text, message]] of Object.entries(cases)) {
    const error = await (await script(t, text, '--password hush')).refusal('p');
    t.match(error, { code: 'CredentialProcessFailed', statusCode: 403, retryable: true }, name);
    t.match(error.message, `Profile "p": its credential_process failed: `);
    t.match(error.message, message, name);
    t.match(error.message, 'Run that command by hand');
    t.notMatch(error.message, /hush|a-token/, name);
    t.notMatch(error.message, '\x1b', name);
  }
});

t.test('what it complains of is cut short', async (t) => {
  const { refusal } = await script(t, 'head -c 100000 /dev/zero | tr "\\0" é >&2; exit 1');
  t.ok((await refusal('p')).message.length < 1300);
});

t.test('a command that cannot be run', async (t) => {
  const file = join(t.testdirName, '.aws/credentials');
  const { refusal } = await readProfiles(t, {
    config: `[profile none]\ncredential_process = no-such-helper --password hush
[profile file]\ncredential_process = ${file}
[profile quote]\ncredential_process = helper "hush
[profile empty]\ncredential_process = ""\n`,
  });
  t.match((await refusal('none')).message, 'there is no program no-such-helper. Run');
  t.match((await refusal('file')).message, 'may not be executed');
  t.match((await refusal('quote')).message, 'a quote in it is not closed');
  t.match((await refusal('empty')).message, 'it is empty');
  for (const name of ['none', 'quote']) t.notMatch((await refusal(name)).message, 'hush');
});

/** Processes of which we know when they end: each holds a connection to us, and ends with it. */
async function lifelines(t: Test) {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const stay = `require('node:net').connect(${port}, '127.0.0.1').on('close', () => process.exit()).resume();`;
  const grandchild = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(stay)}], {stdio: 'inherit'})`;
  const node = (text: string) => `exec '${process.execPath}' -e '${text.replaceAll("'", "'\\''")}'`;
  const arrivals = async (count: number): Promise<Socket[]> => {
    const sockets: Socket[] = [];
    while (sockets.length < count) {
      const [socket] = (await once(server, 'connection')) as [Socket];
      sockets.push(socket.on('error', () => {}).resume());
    }
    return sockets;
  };
  return { stay, grandchild, node, arrivals };
}

t.test('one that hangs is killed after a minute, with all that it started', async (t) => {
  const { stay, grandchild, node, arrivals } = await lifelines(t);
  const clock = drivenClock();
  const { refusal } = await script(t, node(`${stay}${grandchild}`), '', { clock });
  const arrived = arrivals(2);
  const refused = refusal('p');
  const sockets = await arrived;
  const ends = sockets.map((socket) => once(socket, 'close'));
  clock.advance(60_000);
  t.match((await refused).message, 'it gave no answer within 60 s');
  await Promise.all(ends);
  while (zombies() > 0) await setImmediate();
});

t.test('one that leaves a child with the pipe is done when it ends itself', async (t) => {
  const { grandchild, node, arrivals } = await lifelines(t);
  const json = JSON.stringify({ ...printed, Expiration: future });
  const text = `${grandchild}.on('spawn', () => { process.stdout.write(${JSON.stringify(json)}); process.exit() })`;
  const { obtain } = await script(t, node(text));
  const arrived = arrivals(1);
  t.match(await obtain('p'), { accessKeyId: 'ASIAPROCESS' });
  const [agent] = await arrived;
  t.notOk(agent?.closed, 'an agent that it started goes on');
  agent?.destroy();
});

function zombies(): number {
  const { stdout } = spawnSync('ps', ['-A', '-o', 'ppid=,stat='], { encoding: 'utf8' });
  return stdout.split('\n').filter((line) => new RegExp(`^\\s*${process.pid}\\s+Z`).test(line)).length;
}
