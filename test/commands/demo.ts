import { once } from 'node:events';
import { mkdirSync, readdirSync, watch } from 'node:fs';
import { createServer } from 'node:net';
import t, { type Test } from 'tap';
import { ask, lacks, machine, run } from '../support/cli.js';

const GREETING = /are running on (http:\/\/127\.0\.0\.1:(\d+));/;
const noClients = lacks('curl', 'apt-get install -y curl') || lacks('aws', 'pip install awscli');

/** Its folder goes where we can see it. */
function ready(t: Test) {
  const own = machine(t, {
    env: { AWS_PROFILE: 'mine', AWS_ENDPOINT_URL: 'http://127.0.0.1:1', HTTP_PROXY: 'http://127.0.0.1:1' },
  });
  mkdirSync(own.path('tmp'));
  const temporary = () => readdirSync(own.path('tmp'));
  const demo = (...args: string[]) => own.start(['demo', ...args], { env: { TMPDIR: own.path('tmp') } });
  return { ...own, temporary, demo, all: () => readdirSync(own.home, { recursive: true }).sort() };
}

t.test('every line that it prints works when it is typed', { skip: noClients }, async (t) => {
  const own = ready(t);
  const before = own.all();
  const demo = own.demo('--port', '0');
  await demo.prints(GREETING);
  await demo.prints(/credd status\n/);
  const typed = [...demo.stderr().matchAll(/^ {4}(\S.*)$/gm)].map(([, line]) => line);
  t.equal(typed.length, 8);
  const outputs = typed.map((line) => `echo "--- ${typed.indexOf(line)}"; ${line}`);
  const { PATH, HOME, LANG } = own.env;
  const env = { PATH, HOME, LANG, AWS_DEFAULT_REGION: 'eu-west-1' };
  const result = await run(t, ['dash', '-e'], { env, cwd: own.home, input: outputs.join('\n') }).ended;
  t.match(result, { code: 0 }, result.stderr);
  const [, dev, audit, forbidden, , list, whoami, exec, status] = result.stdout.split(/--- \d\n/);
  t.match(JSON.parse(dev ?? ''), { Code: 'Success', AccountId: '123456789012' });
  t.match(JSON.parse(audit ?? ''), { Code: 'Success', RoleArn: 'arn:aws:iam::210987654321:role/audit' });
  t.match(JSON.parse(forbidden ?? ''), { code: 'AccessDenied', message: /Profile "forbidden"/ });
  t.match(list, /^audit +sso example -> role developer -> role audit/m);
  t.match(JSON.parse(whoami ?? ''), { Arn: /assumed-role\/audit\// });
  t.match(JSON.parse(exec ?? ''), { Arn: /assumed-role\/deploy\// });
  t.match(status, /^forbidden +failed/m);

  const sourced = typed.slice(3, 5).join('\n');
  for (const [shell, ...args] of [
    ['bash', '-O', 'expand_aliases'],
    ['zsh'],
    ['fish', '-c', sourced],
  ] as const) {
    await t.test(`in ${shell}`, { skip: lacks(shell, `apt-get install -y ${shell}`) }, async (t) => {
      const { stdout, stderr } = await run(t, [shell, ...args], { env, cwd: own.home, input: sourced }).ended;
      t.match(stdout, /^PROFILE +CREDENTIALS/m, stderr);
    });
  }
  demo.process.kill('SIGINT');
  t.match(await demo.ended, { code: 0 });
  t.same(own.temporary(), [], 'its folder is gone');
  const after = own
    .all()
    .filter((name) => !String(name).match(/^\.(config\/fish|local\/share\/fish|cache|aws\/cli)/));
  t.same(
    after.filter((name) => !/^\.(config|local|local\/share)$/.test(String(name))),
    before,
  );
});

t.test('it ends with every signal, also before it is up, and leaves nothing', async (t) => {
  const own = ready(t);
  const before = own.all();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    const demo = own.demo('--port', '0');
    await demo.prints(GREETING);
    demo.process.kill(signal);
    t.match(await demo.ended, { code: 0 }, signal);
    t.same(own.all(), before);
  }
  const watcher = watch(own.path('tmp'));
  const early = own.demo('--port', '0');
  await once(watcher, 'change');
  watcher.close();
  early.process.kill('SIGTERM');
  t.match(await early.ended, { code: 0 });
  t.same(own.all(), before);
});

t.test('where its port is taken', async (t) => {
  const own = ready(t);
  const usual = createServer().listen(8363, '127.0.0.1');
  // Whoever runs these tests may have a credd of his own there: it is taken either way.
  await once(usual, 'listening').catch(() => {});
  t.teardown(() => usual.close());
  const fallback = own.demo();
  const [, url = '', port] = await fallback.prints(GREETING);
  t.not(port, '8363');
  t.match(fallback.stderr(), /^Port 8363 is taken, so the demo takes a free one\.$/m);
  t.match(await ask(`${url}/creds/dev`), { status: 200 });
  t.match(await ask(`${url}/creds/user`), { status: 200 });

  t.match(await own.demo('--port', String(port)).ended, {
    code: 1,
    stderr: new RegExp(
      `^credd: Port ${port} is taken by another program\\. .*choose another with --port PORT\\.\n$`,
    ),
  });
  t.equal(own.temporary().length, 1, 'of the one that runs');
  fallback.process.kill('SIGTERM');
  await fallback.ended;
  t.same(own.temporary(), []);
});
