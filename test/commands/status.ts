import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import t from 'tap';
import { startSimulatedAws } from '../../src/demo/aws.js';
import { systemClock } from '../../src/system/clock.js';
import { machine } from '../support/cli.js';
import { KEYS, USER } from '../support/own-keys.js';
import { everySource, ready } from '../support/sources.js';

const NOTHING = /^$/;

t.test('the life of a session, as a person sees it', async (t) => {
  const own = machine(t);
  const { aws, daemonEnv, secrets } = await everySource(t, own);
  const { credd } = own;
  t.match(await credd(['status']), {
    code: 0,
    stdout: /^No daemon is running\. Start one: credd serve\n/,
    stderr: NOTHING,
  });
  const down = JSON.parse((await credd(['status', '--json'])).stdout);
  t.match(down, { running: false, url: null, store: { kind: 'memory' }, problems: [], sessions: [] });

  const daemon = await own.serve([], { env: daemonEnv });
  t.match(
    (await credd(['status'])).stdout,
    /^credd runs at http:\/\/127\.0\.0\.1:\d+, process \d+\n[\s\S]*Try: credd whoami/,
  );

  const whoami = await credd(['whoami', 'app']);
  t.match(whoami, { code: 0, stderr: NOTHING });
  t.match(JSON.parse(whoami.stdout), {
    Account: '123456789012',
    Arn: /:assumed-role\/MyS3Access\/it$/,
    UserId: /:it$/,
  });
  aws.faults.set('AssumeRole', { kind: 'error', status: 403, code: 'AccessDenied', message: 'not you' });
  t.match(await credd(['whoami', 'web']), { code: 0 });
  t.match(await credd(['whoami', 'sso.role']), {
    code: 1,
    stdout: NOTHING,
    stderr: /^credd: Profile "sso\.role".*not you/,
  });

  const { stdout } = await credd(['status']);
  t.match(stdout, /^PROFILE +STATE +EXPIRES +RENEWS +ASKED +LAST TAKEN BY +CREDENTIALS$/m);
  t.match(stdout, /^app +ready +in (59|60) min +in \d+ min +\d s ago +- +access key -> role MyS3Access$/m);
  t.match(stdout, /^sso\.role +failed +- +- +\d s ago +- +sso example -> role developer -> role on-sso$/m);
  t.match(stdout, /^Last errors:\n {2}\d s ago: Profile "sso\.role": .*not you/m);

  const { running, url, pid, sessions } = JSON.parse((await credd(['status', '--json'])).stdout);
  t.match({ running, url, pid }, { running: true, url: daemon.url, pid: daemon.pid });
  t.match(
    sessions.find(({ profile }: { profile: string }) => profile === 'app'),
    {
      profile: 'app',
      state: 'ready',
      expiresAt: Number,
      renewsAt: Number,
      lastAskedAt: Number,
      source: String,
    },
  );
  for (const secret of secrets()) t.notOk(JSON.stringify(sessions).includes(secret));

  t.match(await credd(['refresh', 'app']), { code: 1, stderr: /not you/ });
  aws.faults.clear();
  const calls = aws.count('AssumeRole');
  t.match(await credd(['refresh', 'app']), {
    code: 0,
    stdout: NOTHING,
    stderr: /new session; it expires in (59|60) min\.\n$/,
  });
  t.match(await credd(['forget', 'app']), {
    code: 0,
    stdout: NOTHING,
    stderr: /^The session of profile "app" is forgotten\.\n$/,
  });
  t.equal(aws.count('AssumeRole'), calls + 1);
  t.match(await credd(['creds', 'app']), { code: 0 });
  t.equal(aws.count('AssumeRole'), calls + 2);
});

t.test('a broken config.ini shows in status, and stops no command that asks a daemon', async (t) => {
  const own = await ready(t, { daemon: false });
  own.env.CREDD_CONFIG = own.path('config.ini');
  writeFileSync(own.env.CREDD_CONFIG, 'access = same-user\n');
  const daemon = await own.serve();
  writeFileSync(own.env.CREDD_CONFIG, 'access = tok');
  await daemon.prints(/tok.*The last good settings go on/);
  t.match(await own.credd(['status']), {
    code: 0,
    stdout:
      /^credd runs at .*\n[\s\S]*^The last good state goes on: "tok" \(line 1 of .*config\.ini\) will not do/m,
  });
  t.match(await own.credd(['creds', 'app', '--format', 'process']), { code: 0, stdout: /^\{"Version":1,/ });
  for (const verb of ['refresh', 'whoami', 'forget']) t.match(await own.credd([verb, 'app']), { code: 0 });
  for (const words of [['list'], ['leases'], ['revoke', '--all'], ['audit']])
    t.match(await own.credd(words), { code: 0 }, words.join(' '));
  await daemon.stop();
  t.match(await own.credd(['status']), { code: 1, stdout: NOTHING, stderr: /^credd: "tok" .* will not do/ });
});

t.test('forget says where the session may still be stored', async (t) => {
  const own = await ready(t, { daemon: false });
  const passphrase = own.path('passphrase');
  writeFileSync(passphrase, 'correct horse', { mode: 0o600 });
  await own.serve(['--store', 'file'], { env: { CREDD_STORE_PASSPHRASE_FILE: passphrase } });
  t.match(await own.credd(['creds', 'app']), { code: 0 });
  const store = own.path('.local', 'state', 'credd', 'sessions');
  const sealed = () => readdirSync(store).filter((name) => name.endsWith('.sealed'));
  t.match(await own.credd(['forget', 'app']), { code: 0, stderr: /is forgotten\.\n$/ });
  t.same(sealed(), []);
  t.match(await own.credd(['creds', 'app']), { code: 0 });
  while (sealed().length === 0) await setImmediate();
  for (const name of sealed()) {
    rmSync(join(store, name));
    mkdirSync(join(store, name));
  }
  t.match(await own.credd(['forget', 'app']), {
    code: 1,
    stderr:
      /^credd: The session of profile "app" is forgotten here, but may still be stored: .*type again: credd forget app\n$/,
  });
});

t.test('whoami, refresh and forget without a daemon, and for no profile', async (t) => {
  const own = machine(t);
  await everySource(t, own);
  t.match(await own.credd(['whoami', 'app']), { code: 0, stdout: /MyS3Access/, stderr: NOTHING });
  t.match(await own.credd(['refresh', 'app']), { code: 0, stderr: /new session/ });
  t.match(await own.credd(['forget', 'app']), { code: 0, stderr: /forgotten/ });
  for (const verb of ['whoami', 'refresh', 'forget']) {
    t.match(await own.credd([verb, 'nope']), { code: 1, stdout: NOTHING, stderr: /no profile "nope"/ }, verb);
  }
});

t.test('a daemon that was killed: commands go on by themselves, and the next one starts', async (t) => {
  const own = machine(t);
  await everySource(t, own);
  const daemon = await own.serve();
  daemon.process.kill('SIGKILL');
  await daemon.ended;
  t.ok(existsSync(own.path('.local', 'state', 'credd', 'endpoint')));
  t.match(await own.credd(['status']), { code: 0, stdout: /^No daemon is running/ });
  t.match(await own.credd(['whoami', 'app']), { code: 0, stdout: /MyS3Access/, stderr: NOTHING });
  const next = await own.serve(['--port', String(daemon.port)]);
  t.equal(next.url, daemon.url);
  t.match(await own.credd(['status']), { stdout: new RegExp(`process ${next.pid}\n`) });
  t.match(await next.stop(), { code: 0 });
  t.notOk(existsSync(own.path('.local', 'state', 'credd', 'endpoint')));
  t.equal(readFileSync(own.path('.local', 'state', 'credd', 'token')).length, 43);
});

t.test("a computer whose clock is hours behind AWS's: works, and is told of it", async (t) => {
  const clock = { ...systemClock, now: () => Date.now() + 3 * 3600_000 };
  const aws = await startSimulatedAws({ world: { users: [USER] }, clock, signingClock: clock });
  t.teardown(aws.close);
  const own = machine(t, {
    env: { AWS_ENDPOINT_URL: aws.url },
    config: '[profile dev]\nregion = eu-west-1\n',
    credentials: `[dev]\n${KEYS}`,
  });
  const daemon = await own.serve();
  const { stdout } = await own.credd(['creds', 'dev']);
  const left = (Date.parse(JSON.parse(stdout).Expiration) - Date.now()) / 60_000;
  t.ok(left > 719 && left <= 720, `${left}`);
  const wrong =
    /^This computer's clock is behind: it says \S+Z, and AWS says \S+Z\. .* set the clock right\.$/m;
  t.match((await own.credd(['status'])).stdout, wrong);
  t.match(JSON.parse((await own.credd(['status', '--json'])).stdout), { clock: wrong });
  t.match(daemon.stderr(), /This computer's clock is behind/);
});
