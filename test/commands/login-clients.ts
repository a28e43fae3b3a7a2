import { statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import t, { type Test } from 'tap';
import { SsoTokenCache } from '../../src/aws/sso-token.js';
import { needsBotocore } from '../support/botocore.js';
import { lacks, run } from '../support/cli.js';
import { type Office, office } from '../support/identity-center.js';

const noAws = lacks('aws', 'pip install awscli');

/** The real AWS CLI, botocore and JavaScript SDK, with the home's profiles and its one sign-in. */
const clients: Record<string, { skip: string | false; command: string[] }> = {
  'the AWS CLI': {
    skip: noAws,
    command: ['aws', 'sts', 'get-caller-identity', '--profile', 'dev', '--output', 'json'],
  },
  botocore: {
    skip: needsBotocore,
    command: [
      'python3',
      '-c',
      "import boto3; print(boto3.Session(profile_name='dev').client('sts').get_caller_identity()['Arn'])",
    ],
  },
  'the JavaScript SDK': {
    skip: false,
    command: [
      process.execPath,
      '--input-type=module',
      '-e',
      `import { fromSSO } from '${resolve('node_modules/@aws-sdk/credential-provider-sso/dist-cjs/index.js')}';
const { STSClient, GetCallerIdentityCommand } = await import('${resolve('node_modules/@aws-sdk/client-sts/dist-cjs/index.js')}');
const sts = new STSClient({ region: 'eu-west-1', credentials: fromSSO({ profile: 'dev' }) });
console.log((await sts.send(new GetCallerIdentityCommand({}))).Arn);`,
    ],
  },
};
const ask = (t: Test, { env, home }: Office, command: string[]) => run(t, command, { env, cwd: home }).ended;
const DEV = /assumed-role\/AWSReservedSSO_Dev_\w+\/ada/;

/** Makes the cached token an old one, as time would. */
function age(own: Office, change: (token: Record<string, string>) => Record<string, string>): void {
  const path = new SsoTokenCache(own.path('.aws', 'sso', 'cache')).path('wellcome');
  writeFileSync(path, JSON.stringify(change(own.token())));
}

t.test('one sign-in through the browser serves credd, the AWS CLI and the SDKs', async (t) => {
  const own = await office(t, { autoApprove: true });
  const { credd, browser, aws, path } = own;
  const login = await credd(['login', 'dev'], { env: { BROWSER: browser } });
  t.match(login, {
    code: 0,
    stdout: /^$/,
    stderr: /open this address in a browser:\n\n {2}http\S+authorize\?/,
  });
  t.match(login.stderr, /Signed in to wellcome: it ends in 7 h/);
  t.equal(statSync(path('.aws', 'sso', 'cache')).mode & 0o777, 0o700);
  t.match(await credd(['whoami', 'dev']), { code: 0, stdout: DEV });
  for (const [name, { skip, command }] of Object.entries(clients)) {
    t.test(name, { skip }, async (t) => {
      t.match(await ask(t, own, command), { code: 0, stdout: DEV });
    });
  }
  t.equal(aws.count('CreateToken'), 1);
  const { accessToken = '', refreshToken = '' } = own.token();
  t.notMatch(login.stderr, accessToken);
  t.notMatch(login.stderr, refreshToken);
});

for (const [name, { skip, command }] of Object.entries(clients)) {
  t.test(`${name} renews the token that credd wrote, and credd uses that`, { skip }, async (t) => {
    const own = await office(t, { autoApprove: true });
    await own.credd(['login'], { env: { BROWSER: own.browser } });
    age(own, (token) => ({
      ...token,
      expiresAt: new Date(Date.now() + 60_000).toISOString(),
      kept: 'by all',
    }));
    const before = own.token();
    t.match(await ask(t, own, command), { code: 0, stdout: DEV });
    t.not(own.token().accessToken, before.accessToken, 'renewed');
    t.match(await own.credd(['whoami', 'dev']), { code: 0, stdout: DEV });
    age(own, (token) => ({ ...token, expiresAt: '2020-01-01T00:00:00Z' }));
    t.match(await own.credd(['whoami', 'dev']), { code: 0, stdout: DEV }, 'credd renews what they wrote');
    t.match(await ask(t, own, command), { code: 0, stdout: DEV });
    t.equal(own.aws.count('CreateToken', 'ok'), 3);
  });
}
