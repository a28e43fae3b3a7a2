import { spawnSync } from 'node:child_process';
import { appendFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import t, { type Test } from 'tap';
import { CLI, type Machine, machine, run, type Variables } from '../support/cli.js';
import { ARNS, everySource, OTHER, role, USER, type World } from '../support/sources.js';

const noPython =
  spawnSync('python3', ['-c', 'import boto3, awscli']).status !== 0 && 'pip install boto3 awscli';
const noV2 = !isInstalled('aws-sdk') && 'npm install';

/** What a client is asked: with these variables, and for this profile if any, who are we? */
interface Question {
  name: string;
  env: Variables;
  arn?: string;
  profile?: string;
  /** Another command of the AWS CLI. */
  words?: string[];
  endpoint?: string;
}

/** No client may reach AWS itself, whatever goes wrong. */
const OFFLINE = { HTTPS_PROXY: 'http://127.0.0.1:1', NO_PROXY: '127.0.0.1' };
const REGION = { AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'eu-west-1' };

async function answersOf<T>(t: Test, command: string[], questions: Question[]): Promise<T[]> {
  const input = JSON.stringify(questions);
  const { code, stdout, stderr } = await run(t, command, { env: { PATH: process.env.PATH }, input }).ended;
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

const python = (t: Test, questions: Question[]) =>
  answersOf<{ boto3: string; cli: unknown }>(
    t,
    ['python3', resolve('test/clients/identities.py')],
    questions,
  );
const node = (t: Test, script: string, questions: Question[]) =>
  answersOf<{ chain: string; http?: string }>(
    t,
    [process.execPath, '--no-warnings', resolve('test/clients', script)],
    questions,
  );

/** The variables within `credd exec PROFILE`, which goes on until the test is over. */
async function within(t: Test, { start }: Machine, profile: string, env: Variables): Promise<Variables> {
  const script = 'process.stdout.write(JSON.stringify(process.env) + "\\n"); process.stdin.resume()';
  const running = start(['exec', profile, '--', process.execPath, '-e', script], { env });
  const [line] = await running.prints(/^\{.*\}\n/);
  t.teardown(() => running.process.stdin?.end());
  return JSON.parse(line);
}

/** What `eval "$(credd env PROFILE)"` makes of the environment. */
async function afterEnv(t: Test, own: Machine, profile: string, env: Variables): Promise<Variables> {
  const script = `eval "$(${process.execPath} ${CLI} env '${profile}')" && exec "${process.execPath}" -p 'JSON.stringify(process.env)'`;
  const { stdout, stderr } = await run(t, ['sh', '-c', script], {
    env: { ...own.env, ...env },
    cwd: own.home,
  }).ended;
  if (!stdout) throw new Error(stderr);
  return JSON.parse(stdout);
}

/** For every kind of source, the variables that a client has under `credd exec`, or after `credd env`. */
async function questions(t: Test, own: Machine, { aws, daemonEnv }: World): Promise<Question[]> {
  await own.serve([], { env: daemonEnv });
  const inTheWay = { AWS_PROFILE: 'keys', ...keys(OTHER), AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: '' };
  const ofEnv = Object.entries(ARNS).map(async ([profile, arn]) => {
    const env = await afterEnv(t, own, profile, { ...inTheWay, ...REGION, AWS_ENDPOINT_URL: aws.url });
    return { name: `env ${profile}`, env, arn };
  });
  const fromEnv = await Promise.all(ofEnv);
  const withDefault = own.path('credentials-with-default');
  writeFileSync(withDefault, `[default]\naws_access_key_id = ${OTHER.accessKeyId}\n`);
  appendFileSync(withDefault, `aws_secret_access_key = ${OTHER.secretAccessKey}\n`);
  const ofExec = Object.entries(ARNS).map(async ([profile, arn]) => {
    const env = await within(t, own, profile, {
      ...inTheWay,
      ...REGION,
      AWS_SHARED_CREDENTIALS_FILE: withDefault,
    });
    return { name: `exec ${profile}`, env, arn };
  });
  return [...fromEnv, ...(await Promise.all(ofExec))].map((question) => ({
    ...question,
    env: { ...question.env, ...OFFLINE },
    endpoint: aws.url,
  }));
}

const keys = ({ accessKeyId, secretAccessKey }: typeof USER) => ({
  AWS_ACCESS_KEY_ID: accessKeyId,
  AWS_SECRET_ACCESS_KEY: secretAccessKey,
});

t.test('under exec and after env, every SDK is the role, for every kind of source', async (t) => {
  const own = machine(t);
  const asked = await questions(t, own, await everySource(t, own));
  t.equal(asked.length, 2 * Object.keys(ARNS).length);

  await t.test('the JavaScript SDK v3, by its default chain and by fromHttp', async (t) => {
    const answers = await node(t, 'identities-v3.mjs', asked);
    for (const [index, { name, arn }] of asked.entries())
      t.same(answers[index], { chain: arn, http: arn }, name);
  });
  await t.test('the JavaScript SDK v2', { skip: noV2 }, async (t) => {
    const answers = await node(t, 'identities-v2.mjs', asked);
    for (const [index, { name, arn }] of asked.entries()) t.same(answers[index], { chain: arn }, name);
  });
  await t.test('boto3 and the AWS CLI', { skip: noPython }, async (t) => {
    const answers = await python(t, asked);
    for (const [index, { name, arn }] of asked.entries())
      t.match(answers[index], { boto3: arn, cli: { Arn: arn } }, name);
  });
});

t.test('the other profiles, by name within exec, and through credential_process', async (t) => {
  const own = machine(t);
  const world = await everySource(t, own);
  await own.serve([], { env: world.daemonEnv });
  const inside = { ...(await within(t, own, 'keys', REGION)), ...OFFLINE };
  const others: Question[] = ['app/prod €', 'sso.role', 'web', 'pasted', 'keys'].map((profile) => ({
    name: `--profile ${profile}`,
    env: inside,
    profile,
    arn: ARNS[profile] ?? '',
  }));
  const file = own.path('drop-in');
  const endpoint = `endpoint_url = ${world.aws.url}`;
  const command = `'${process.execPath}' '${CLI}' creds app --format process`;
  writeFileSync(
    file,
    `[default]\n${endpoint}\n[profile drop-in]\ncredential_process = ${command}\n${endpoint}\n`,
  );
  const dropIn: Question = {
    name: 'credential_process = credd creds',
    env: { ...own.env, ...REGION, ...OFFLINE, AWS_CONFIG_FILE: file },
    profile: 'drop-in',
    arn: ARNS.app ?? '',
  };
  const byVariable: Question = {
    name: 'AWS_PROFILE',
    env: { ...inside, AWS_PROFILE: 'sso.role' },
    arn: ARNS['sso.role'] ?? '',
  };
  const asked = [...others, byVariable, dropIn];

  await t.test('the JavaScript SDK v3', async (t) => {
    // Its reader knows no names with spaces.
    const known = asked.filter(({ profile }) => !profile?.includes(' '));
    const answers = await node(t, 'identities-v3.mjs', known);
    for (const [index, { name, arn }] of known.entries()) t.equal(answers[index]?.chain, arn, name);
  });
  await t.test('boto3 and the AWS CLI', { skip: noPython }, async (t) => {
    const answers = await python(t, asked);
    for (const [index, { name, arn }] of asked.entries())
      t.match(answers[index], { boto3: arn, cli: { Arn: arn } }, name);
  });
});

t.test('creds --format sts has the shape of `aws sts assume-role`', { skip: noPython }, async (t) => {
  const own = machine(t);
  const { aws } = await everySource(t, own);
  const words = ['sts', 'assume-role', '--role-session-name', 'it', '--role-arn', role('MyApp/MyS3Access')];
  const env = { ...own.env, ...keys(USER), ...REGION, ...OFFLINE, AWS_ENDPOINT_URL: aws.url };
  const [real] = await python(t, [{ name: 'cli', env, words: [...words, '--external-id', 'demo=7#1'] }]);
  const { stdout } = await own.credd(['creds', 'app', '--format', 'sts']);
  t.equal(shape(stdout), shape(JSON.stringify(real?.cli, null, 4)));
});

/** The text with every value replaced by what it is made of. */
function shape(json: string): string {
  return json
    .trim()
    .replace(/"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\S+)"/g, 'a time $1')
    .replace(/: "(ASIA|AROA)[^"]*"/g, ': $1…')
    .replace(/: "[^"]*"/g, ': …');
}

function isInstalled(name: string): boolean {
  try {
    createRequire(import.meta.url).resolve(name);
    return true;
  } catch {
    return false;
  }
}
