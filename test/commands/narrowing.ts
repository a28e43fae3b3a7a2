import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { pathToFileURL } from 'node:url';
import t, { type Test } from 'tap';
import { machine } from '../support/cli.js';
import { ask } from '../support/raw-http.js';
import { everySource } from '../support/sources.js';

const READ_ONLY = 'arn:aws:iam::aws:policy/ReadOnlyAccess';
const POLICY =
  '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}';
const sdk = pathToFileURL(createRequire(import.meta.url).resolve('@aws-sdk/client-sts')).href;
/** A program with the JavaScript SDK that says whose credentials it has, and of which session. */
const PROGRAM = `
  import { GetCallerIdentityCommand, STSClient } from '${sdk}';
  const sts = new STSClient({ endpoint: process.env.ENDPOINT, region: 'eu-west-1' });
  const { Arn } = await sts.send(new GetCallerIdentityCommand({}));
  console.log((await sts.config.credentials()).accessKeyId, Arn);`;

async function ready(t: Test, settings = '') {
  const own = machine(t);
  const world = await everySource(t, own);
  const configure = (text: string) => {
    mkdirSync(dirname(own.path('.config', 'credd', 'config.ini')), { recursive: true });
    writeFileSync(own.path('.config', 'credd', 'config.ini'), text);
  };
  if (settings) configure(settings);
  const env = { ENDPOINT: world.aws.url, NODE_NO_WARNINGS: '1' };
  const program = async (args: string[]) => {
    const ended = await own.credd(
      ['exec', ...args, '--', process.execPath, '--input-type=module', '-e', PROGRAM],
      { env },
    );
    const [accessKeyId = '', arn = ''] = ended.stdout.trim().split(' ');
    return { ...ended, arn, details: world.aws.world.session(accessKeyId)?.details };
  };
  return { ...own, ...world, configure, program };
}

for (const daemon of [true, false]) {
  t.test(
    `a program ${daemon ? 'with' : 'without'} a daemon holds exactly the session that was asked for`,
    async (t) => {
      const { aws, path, program, serve } = await ready(t, '[profile app]\naccess = token\n');
      writeFileSync(path('policy.json'), POLICY);
      if (daemon) await serve();
      const plain = { policy: undefined, policyArns: [], tags: {} };

      t.match(await program(['app', '--read-only']), {
        code: 0,
        stderr: /^(?!.*credd:)/s,
        arn: /assumed-role\/MyS3Access\/it$/,
        details: { ...plain, policyArns: [READ_ONLY] },
      });
      const call = aws.calls.findLast(({ operation }) => operation === 'AssumeRole');
      t.match(JSON.stringify(call?.params), READ_ONLY);
      t.match(
        await program([
          'app',
          '--policy',
          path('policy.json'),
          '--source-ip',
          '203.0.113.0/24',
          '--session-name',
          'agent',
          '--source-identity',
          'ada',
          '--tag',
          'a=b=d',
          '--tag',
          'e=f',
          '--transitive-tag',
          'e',
          '--duration',
          '15m',
        ]),
        {
          code: 0,
          stderr: /^(?!.*credd:)/s,
          arn: /\/agent$/,
          details: {
            policy: JSON.stringify({
              Version: '2012-10-17',
              Statement: [
                { Effect: 'Allow', Action: 's3:GetObject', Resource: '*' },
                {
                  Effect: 'Deny',
                  Action: '*',
                  Resource: '*',
                  Condition: {
                    NotIpAddress: { 'aws:SourceIp': '203.0.113.0/24' },
                    Bool: { 'aws:ViaAWSService': 'false' },
                  },
                },
              ],
            }),
            policyArns: [],
            tags: { a: 'b=d', e: 'f' },
            transitiveTagKeys: ['e'],
            sourceIdentity: 'ada',
          },
        },
      );
      t.match(await program(['app']), { code: 0, details: plain }, 'beside it the profile as it is');
    },
  );
}

t.test('settings narrow a profile for everybody, and their change is noticed', async (t) => {
  const { path, program, serve, credd, configure, aws } = await ready(
    t,
    '[profile app]\nread_only = true\n[profile sso*]\nread_only = true\n',
  );
  const daemon = await serve();
  const vended = async () => {
    const answer = JSON.parse((await ask(daemon.port, { target: '/creds/app' }))?.body ?? '{}');
    return aws.world.session(answer.AccessKeyId)?.details;
  };
  t.match(await vended(), { policyArns: [READ_ONLY], policy: undefined });
  t.match(await program(['app', '--read-only']), {
    code: 1,
    stdout: /^$/,
    stderr:
      /cannot be narrowed so: its settings say already .* Leave out --policy, --policy-arn and --read-only\.\n$/,
  });
  t.match((await program(['app', '--source-ip', '10.0.0.0/8'])).details, {
    policyArns: [READ_ONLY],
    policy: /"Effect":"Deny"/,
  });
  t.match(await program(['sso']), {
    code: 1,
    stderr:
      /^credd: Profile "sso" cannot be narrowed: .*Identity Center.*source_profile = sso, and narrow that\.\n$/,
  });
  t.match(await credd(['list']), { stderr: /Profile "sso" cannot be narrowed/ });

  writeFileSync(path('app.json'), POLICY);
  configure('[profile app]\npolicy = ../../app.json\n');
  await daemon.prints(/the settings have changed/);
  t.match(await vended(), { policyArns: [], policy: POLICY });
  const wider = POLICY.replace('GetObject', '*');
  writeFileSync(path('app.json'), wider);
  await daemon.prints(/a policy file has changed/);
  t.match(await vended(), { policy: wider });
  writeFileSync(path('torn.json'), `${wider.slice(0, -2)}\n,,`);
  configure('[profile app]\npolicy = ../../torn.json\n');
  await daemon.prints(/the settings have changed[\s\S]*the settings have changed/);
  t.match(await credd(['exec', 'app', '--', 'true']), {
    code: 1,
    stderr: /^credd: Profile "app": the policy \S+torn\.json is no JSON from line 2, column 2 on\.\n$/,
  });
});

t.test('a narrowed program has no other profile, and not the same one whole', async (t) => {
  const { credd, serve } = await ready(t, 'access = token\n');
  await serve();
  const { stdout, stderr } = await credd([
    'exec',
    'app',
    '--read-only',
    '--',
    'sh',
    '-c',
    'cat "$AWS_CONFIG_FILE"; env',
  ]);
  t.equal(stderr, '');
  t.match(stdout, /^\[default\]\n[^[]*region = eu-west-3[^[]*\[profile app\]\n/);
  t.notMatch(stdout, /credential_process/);
  t.notMatch(stdout, /\[profile (?!app\])/);
  t.notMatch(stdout, /^CREDD_AWS_/m);
});

t.test('exec says when the same profile is open to whoever asks without a token', async (t) => {
  const { credd, path } = await ready(t, '[profile "app/*"]\naccess = token\n');
  t.match(await credd(['exec', 'app', '--read-only', '--', 'true']), {
    code: 0,
    stdout: /^$/,
    stderr: `access = token under [profile app] in ${path('.config', 'credd', 'config.ini')}\n`,
  });
  t.match(await credd(['exec', 'app/prod €', '--read-only', '--', 'true']), { code: 0, stderr: /^$/ });
  t.match(await credd(['exec', 'app', '--', 'true']), { code: 0, stderr: /^$/ });
});

t.test('env hands out a narrowed lease', async (t) => {
  const { credd, serve, aws } = await ready(t, 'access = token\n');
  await serve();
  const { stdout, stderr } = await credd(['env', 'app', '--read-only', '--shell', 'dotenv']);
  t.equal(stderr, '');
  const variables = Object.fromEntries(stdout.split('\n').map((line) => line.split(/=(.*)/).slice(0, 2)));
  const { port, pathname } = new URL(variables.AWS_CONTAINER_CREDENTIALS_FULL_URI ?? '');
  const answer = await ask(Number(port), {
    target: pathname,
    headers: [`Authorization: ${variables.AWS_CONTAINER_AUTHORIZATION_TOKEN}`],
  });
  const { AccessKeyId } = JSON.parse(answer?.body ?? '{}');
  t.match(aws.world.session(AccessKeyId)?.details, { policyArns: [READ_ONLY] });
});

t.test('wrong usage is told, and nothing is run', async (t) => {
  const { credd, path, aws } = await ready(t);
  writeFileSync(path('torn.json'), '{\n  "Statement": [\n    {"Effect": "Allow",}\n  ]\n}');
  writeFileSync(path('who.json'), POLICY.replace('"Action"', '"Principal":"*","Action"'));
  writeFileSync(path('deny.json'), POLICY.replace('Allow', 'Deny'));
  writeFileSync(path('half.json'), POLICY.slice(0, -1));
  for (const [args, code, stderr] of [
    [
      ['--policy', path('torn.json')],
      1,
      /The policy in \S+torn\.json is no JSON from line 3, column 24 on\.\n/,
    ],
    [['--policy', path('half.json')], 1, /no JSON from line 1, column \d+ \(where it ends too early\) on/],
    [['--policy', path('who.json')], 1, /statement 1 names a "Principal"/],
    [['--policy', path('deny.json')], 1, /allows nothing/],
    [['--policy', path('none.json')], 2, /--policy: .*there is no such file/],
    [['--policy-arn', 'ReadOnlyAccess'], 2, /--policy-arn: "ReadOnlyAccess" is not the ARN of a policy/],
    [['--read-only', '--policy-arn', READ_ONLY], 2, /one of a policy, policy ARNs and read-only/],
    [['--source-ip', '10.0.0.0/33'], 2, /--source-ip: "10.0.0.0\/33" is not an address/],
    [['--source-ip', 'here'], 2, /use auto, or a block/],
    [['--duration', '5m'], 2, /--duration: .*cannot last "300" seconds/],
    [['--duration', 'long'], 2, /--duration: "long" is not a time/],
    [['--session-name', 'a b'], 2, /--session-name: "a b" cannot be a session name/],
    [['--tag', 'team'], 2, /--tag: "team" is not a tag: write it as KEY=VALUE/],
    [['--tag', 'team=a', '--tag', 'team=b'], 2, /--tag: "team" has two values: give it one/],
    [['--read-only', '--no-session'], 2, /Long-term keys cannot be narrowed/],
  ] as const) {
    const ended = await credd(['exec', 'app', ...args, '--', 'echo', 'was run']);
    t.match(ended, { code, stdout: /^$/, stderr }, args.join(' '));
  }
  t.equal(aws.calls.length, 0);
});
