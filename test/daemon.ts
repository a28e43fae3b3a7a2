import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import type { Grant } from '../src/access/lease.js';
import { startDaemon } from '../src/daemon.js';
import { ask, RawConnection, requestText } from './support/raw-http.js';
import { CREDENTIALS, problems, role, runDaemon } from './support/running-daemon.js';

const keyIn = ({ body }: { body: string }): string => JSON.parse(body).AccessKeyId;

t.test('the role sessions of the profiles in the files', async (t) => {
  const { answerTo, aws, lines, api } = await runDaemon(t, { roles: ['dev', 'prod'] });
  const dev = await answerTo('dev');
  t.equal(dev.status, 200);
  t.match(JSON.parse(dev.body), { RoleArn: 'arn:aws:iam::123456789012:role/dev', AccountId: '123456789012' });
  t.not(keyIn(await answerTo('prod')), keyIn(dev));
  t.equal(keyIn(await answerTo('dev')), keyIn(dev));
  t.equal(aws.count('AssumeRole', 'ok'), 2);
  t.match(await api('GET', 'status'), {
    pid: process.pid,
    store: { kind: 'memory' },
    problems: [],
    sessions: [
      { profile: 'dev', state: 'ready' },
      { profile: 'prod', state: 'ready' },
    ],
  });
  const { SecretAccessKey, Token } = JSON.parse(dev.body);
  for (const secret of [SecretAccessKey, Token, 'ada-secret'])
    t.notOk(lines.join('').includes(secret), 'in the log');
});

t.test('a narrowed session is renewed while a lease for it lasts, and serves the next one too', async (t) => {
  const { api, aws } = await runDaemon(t);
  const narrowing = { allowed: { readOnly: true } };
  const lease = async () =>
    ((await api('POST', 'leases', { profile: 'dev', narrowing })) as unknown as Grant).lease;
  const renews = async () => {
    const { sessions } = (await api('GET', 'status')) as { sessions: { renewsAt?: number }[] };
    return sessions.map(({ renewsAt }) => renewsAt !== undefined);
  };
  const leases = [await lease(), await lease()];
  t.same(await renews(), [true]);
  await api('DELETE', `leases/${leases[0]?.id}`);
  t.same(await renews(), [true], 'another has the same');
  await api('DELETE', `leases/${leases[1]?.id}`);
  t.same(await renews(), [false]);
  await lease();
  t.same(await renews(), [true]);
  t.equal(aws.count('AssumeRole'), 1);
  const refused = await api('POST', 'leases', {
    profile: 'dev',
    narrowing: { sessionName: 'other' },
    pid: 2 ** 22 + 1,
  });
  t.match(refused, { code: 'NoSuchProcess' });
  t.same(await renews(), [true, false], 'nor for a lease that was not granted');
});

t.test('an edit of the AWS files takes effect, and drops only the sessions that it changes', async (t) => {
  const { answerTo, answerIs, aws, paths } = await runDaemon(t, { roles: ['dev', 'prod'] });
  const dev = keyIn(await answerTo('dev'));
  const prod = keyIn(await answerTo('prod'));
  t.equal((await answerTo('new')).status, 400);

  await writeFile(
    paths.awsConfig,
    role(aws, 'dev') + role(aws, 'prod', 'duration_seconds = 900') + role(aws, 'new'),
  );
  await answerIs('new', ({ status }) => status === 200);
  t.equal(keyIn(await answerTo('dev')), dev, 'an unchanged chain keeps its session');
  t.not(keyIn(await answerTo('prod')), prod, 'a changed one has another');
  t.equal(aws.count('AssumeRole', 'ok'), 4);

  await writeFile(`${paths.awsConfig}.new`, role(aws, 'dev'));
  await rename(`${paths.awsConfig}.new`, paths.awsConfig);
  await answerIs('prod', ({ status }) => status === 400);
  t.equal(keyIn(await answerTo('dev')), dev);
  t.equal(aws.count('AssumeRole', 'ok'), 4);
});

t.test('other keys of the source make other sessions', async (t) => {
  const { answerTo, answerIs, aws, paths } = await runDaemon(t);
  const before = keyIn(await answerTo('dev'));
  aws.world.addUser({
    accountId: '123456789012',
    name: 'bo',
    accessKeyId: 'AKIABO',
    secretAccessKey: 'bo-secret',
  });
  await writeFile(
    paths.awsCredentials,
    CREDENTIALS.replace('AKIAADA', 'AKIABO').replace('ada-secret', 'bo-secret'),
  );
  await answerIs('dev', (answer) => answer.status === 200 && keyIn(answer) !== before);
});

t.test('AWS files that are half-written or empty change nothing, and status says so', async (t) => {
  const running = await runDaemon(t);
  const { answerTo, answerIs, aws, paths, lines } = running;
  const before = keyIn(await answerTo('dev'));
  for (const text of [`${role(aws, 'dev')}[profile ne`, '']) {
    await writeFile(paths.awsConfig, text);
    const [problem] = await problems(running, (found) => found.length > 0);
    t.match(problem, /~\/\.aws\/config/);
    t.equal(keyIn(await answerTo('dev')), before);
    await writeFile(paths.awsConfig, role(aws, 'dev') + role(aws, 'new'));
    await answerIs('new', ({ status }) => status === 200);
    t.same(await problems(running, (found) => found.length === 0), []);
    t.equal(keyIn(await answerTo('dev')), before);
  }
  t.match(lines.join(''), /last good state goes on/);
  t.equal(aws.count('AssumeRole', 'ok'), 2);
});

t.test('config.ini: access flips to token and back while the daemon runs', async (t) => {
  const { answerTo, answerIs, paths, api } = await runDaemon(t);
  const { lease, token } = (await api('POST', 'leases', { profile: 'dev' })) as unknown as Grant;
  t.equal((await answerTo('dev')).status, 200);

  await writeFile(paths.configFile, '[profile dev]\naccess = token\n');
  const refused = await answerIs('dev', ({ status }) => status !== 200);
  t.equal(refused.status, 401);
  t.match(JSON.parse(refused.body).Message, /credd exec/);
  t.equal((await answerTo('dev', token)).status, 200, 'a lease goes on');
  t.equal((await answerTo('nobody')).status, 400, 'other profiles are as they were');

  await writeFile(paths.configFile, '[profile other]\naccess = token\n');
  await answerIs('dev', ({ status }) => status === 200);
  await api('DELETE', `leases/${lease.id}`);
  t.equal((await answerTo('dev', token)).status, 401);
});

t.test('config.ini: a broken one changes nothing, and status says so', async (t) => {
  const running = await runDaemon(t, { settings: '[profile dev]\naccess = token\n' });
  const { answerTo, answerIs, paths, lines } = running;
  t.equal((await answerTo('dev')).status, 401);
  await writeFile(paths.configFile, '[profile dev]\naccess = to');
  const [problem] = await problems(running, (found) => found.length > 0);
  t.match(problem, /line 2 of .*config\.ini/);
  t.equal((await answerTo('dev')).status, 401);
  await writeFile(paths.configFile, 'access = same-user\n');
  await answerIs('dev', ({ status }) => status === 200);
  t.same(await problems(running, (found) => found.length === 0), []);
  t.match(lines.join(''), /last good settings go on/);
});

t.test('a lease for a process, with the token in its file', async (t) => {
  const { answerTo, api } = await runDaemon(t);
  const child = spawn('sleep', ['1000']);
  t.teardown(() => child.kill('SIGKILL'));
  await once(child, 'spawn');
  const { lease, token } = (await api('POST', 'leases', {
    profile: 'dev',
    pid: child.pid,
  })) as unknown as Grant;
  t.equal(lease.holder?.pid, child.pid);
  t.equal((await answerTo('dev', token)).status, 200);
  t.equal(await readFile(lease.tokenFile ?? '', 'utf8'), token);
});

t.test('leases that make no sense are refused', async (t) => {
  const { api, paths } = await runDaemon(t);
  for (const body of [
    {},
    { profile: 1 },
    { profile: 'nobody' },
    { profile: 'dev', ttl: 0 },
    { profile: 'dev', ttl: -1 },
    { profile: 'dev', ttl: '1h' },
    { profile: 'dev', ttl: null },
    { profile: 'dev', pid: 'x' },
    { profile: 'dev', pid: 1.5 },
    [],
  ])
    t.match(await api('POST', 'leases', body), { code: String, Message: String }, JSON.stringify(body));
  await t.rejects(stat(paths.runtimeDir), { code: 'ENOENT' });
  t.match(await api('DELETE', 'leases/nonsense'), { code: 'NoSuchLease' });
});

t.test('the port is taken', async (t) => {
  const { port, parts, answerTo } = await runDaemon(t);
  await t.rejects(startDaemon({ ...parts, port }), { code: 'EADDRINUSE' });
  t.equal((await answerTo('dev')).status, 200);
});

t.test('stop() finishes what is being answered, and leaves no listener and no token file', async (t) => {
  const { aws, daemon, port, api, paths } = await runDaemon(t);
  await api('POST', 'leases', { profile: 'dev' });
  t.equal((await readdir(paths.runtimeDir)).length, 1);
  aws.faults.set('AssumeRole', { kind: 'hang' });
  const idle = new RawConnection(port).send(requestText(port, { target: '/healthz' }));
  const half = new RawConnection(port).send('GET /creds/dev HTTP/1.1\r\n');
  const unsaid = new RawConnection(port);
  const busy = new RawConnection(port).send(requestText(port, {}));
  t.equal((await idle.answer())?.status, 200);
  await until(() => aws.count('AssumeRole') > 0);

  const stopped = daemon.stop();
  await idle.rest();
  aws.faults.clear();
  aws.faults.release();
  const answer = await busy.answer();
  t.equal(answer?.status, 200);
  t.ok(keyIn(answer ?? { body: '' }));
  await stopped;
  t.equal(await busy.rest(), '', 'a kept-alive connection ends with its answer');
  await half.rest();
  await unsaid.rest();
  t.same(await readdir(paths.runtimeDir), []);
  const [error] = await once(connect(port, '127.0.0.1'), 'error');
  t.equal(error.code, 'ECONNREFUSED');
});

t.test('after stop() nothing holds the process', async (t) => {
  const home = t.testdir({ '.aws': { config: '[profile dev]\nregion = eu-west-1\n' } });
  const daemon = daemonProcess(t, home, 0);
  const url = await daemon.line();
  const port = Number(new URL(url).port);
  const connection = new RawConnection(port).send(requestText(port, {}));
  t.equal((await connection.answer())?.status, 400);

  const second = daemonProcess(t, home, port);
  t.equal(await second.line(), 'EADDRINUSE');
  t.equal(await second.ended, 0, 'one that could not listen ends by itself');

  daemon.process.stdin.write('stop\n');
  t.equal(await daemon.line(), 'stopped');
  t.equal(await daemon.ended, 0);
  await connection.rest();
});

t.test('the folders of the state are not made before they are needed', async (t) => {
  const { paths, answerTo } = await runDaemon(t);
  t.equal((await answerTo('dev')).status, 200);
  t.same(await readdir(join(paths.home, 'run')), []);
});

t.test('200 connections at once, each looked up by itself', async (t) => {
  const { port, aws } = await runDaemon(t);
  const answers = await Promise.all(Array.from({ length: 200 }, () => ask(port)));
  t.equal(answers.filter((answer) => answer?.status === 200).length, 200);
  t.equal(aws.count('AssumeRole'), 1);
});

function daemonProcess(t: Test, home: string, port: number) {
  const script = join(import.meta.dirname, 'support', 'daemon-process.ts');
  const child = spawn(process.execPath, [...process.execArgv, script, home, String(port)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    process: child,
    ended: once(child, 'exit').then(([code]) => code),
    line: async (): Promise<string> => (await lines.next()).value,
  };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise(setImmediate);
}
