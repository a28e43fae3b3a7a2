import t from 'tap';
import { CLI, machine, run } from '../support/cli.js';
import { ready } from '../support/sources.js';

const NOTHING = /^$/;

for (const daemon of [true, false]) {
  t.test(`every format, ${daemon ? 'with' : 'without'} a daemon`, async (t) => {
    const { credd, aws, env, home } = await ready(t, { daemon });
    const creds = async (...args: string[]) => {
      const ended = await credd(['creds', 'app', ...args]);
      t.match(ended, { code: 0, stderr: NOTHING });
      return ended.stdout;
    };
    const ecs = JSON.parse(await creds());
    t.same(Object.keys(ecs), [
      'Code',
      'AccessKeyId',
      'SecretAccessKey',
      'Token',
      'Expiration',
      'AccountId',
      'RoleArn',
    ]);
    t.match(ecs.Expiration, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    t.equal(aws.world.session(ecs.AccessKeyId)?.sessionToken, ecs.Token);

    const process_ = JSON.parse(await creds('--format', 'process'));
    t.same(Object.keys(process_).sort(), [
      'AccessKeyId',
      'AccountId',
      'Expiration',
      'SecretAccessKey',
      'SessionToken',
      'Version',
    ]);
    t.equal(process_.Version, 1);

    const { Credentials, AssumedRoleUser } = JSON.parse(await creds('--format', 'sts'));
    t.match(Credentials.Expiration, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/);
    t.match(AssumedRoleUser.Arn, /:assumed-role\/MyS3Access\/it$/);

    const script = `eval "$('${process.execPath}' '${CLI}' creds app --format env)"; env`;
    const { stdout } = await run(t, ['sh', '-c', script], { env, cwd: home }).ended;
    const id = /^AWS_ACCESS_KEY_ID=(.+)$/m.exec(stdout)?.[1] ?? '';
    t.equal(aws.world.session(id)?.sessionToken, /^AWS_SESSION_TOKEN=(.+)$/m.exec(stdout)?.[1]);
    t.match(stdout, /^AWS_CREDENTIAL_EXPIRATION=\d{4}-/m);
    t.equal(aws.count('AssumeRole'), daemon ? 1 : 4, 'the daemon keeps what it has');
  });

  t.test(`a failure is for the person alone, ${daemon ? 'with' : 'without'} a daemon`, async (t) => {
    const { credd, aws } = await ready(t, { daemon });
    t.match(await credd(['creds', 'nope']), {
      code: 1,
      stdout: NOTHING,
      stderr: /^credd: There is no profile "nope"\. Type: credd list\n$/,
    });
    aws.faults.set('AssumeRole', { kind: 'garbage' });
    t.match(await credd(['creds', 'app']), {
      code: 1,
      stdout: NOTHING,
      stderr: /^credd: Profile "app".*\n$/,
    });
  });

  t.test(`a mistyped name is recognised, ${daemon ? 'with' : 'without'} a daemon`, async (t) => {
    const { credd, aws } = await ready(t, { daemon });
    const stderr = /^credd: There is no profile "proces"\. Did you mean "process"\? Type: credd list\n$/;
    for (const command of ['creds', 'whoami', 'refresh', 'forget', 'exec']) {
      t.match(await credd([command, 'proces']), { code: 1, stdout: NOTHING, stderr }, command);
    }
    t.equal(aws.calls.length, 0);
  });

  t.test(`a profile that asks for itself is told so, ${daemon ? 'with' : 'without'} a daemon`, async (t) => {
    const own = machine(t);
    const ask = (name: string) => `${process.execPath} ${CLI} creds ${name} --format process`;
    own.profiles(`[profile self]\ncredential_process = ${ask('self')}\n`);
    if (daemon) await own.serve();
    t.match(await own.credd(['creds', 'self']), {
      code: 1,
      stdout: NOTHING,
      stderr: /Profile "self" gets its credentials from credd, which gets them from profile "self"/,
    });
  });
}
