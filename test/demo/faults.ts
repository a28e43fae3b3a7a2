import '../support/clean-environment.js';
import { GetRoleCredentialsCommand, SSOClient } from '@aws-sdk/client-sso';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import t, { type Test } from 'tap';
import { startSimulatedAws } from '../../src/demo/aws.js';
import { drivenClock } from '../support/driven-clock.js';

const user = {
  accountId: '123456789012',
  name: 'ada',
  accessKeyId: 'AKIAADA',
  secretAccessKey: 'ada-secret',
};

async function start(t: Test, { maxAttempts = 1 } = {}) {
  const clock = drivenClock();
  const aws = await startSimulatedAws({ world: { users: [user] }, clock });
  t.teardown(aws.close);
  const sts = new STSClient({ endpoint: aws.url, region: 'us-east-1', credentials: user, maxAttempts });
  t.teardown(() => sts.destroy());
  return { aws, clock, ask: () => sts.send(new GetCallerIdentityCommand({})) };
}

/** Lets the event loop turn until the server has seen a number of requests. */
async function seen(aws: { calls: unknown[] }, requests: number): Promise<void> {
  while (aws.calls.length < requests) await new Promise(setImmediate);
}

t.test('throttles, in each service’s own words', async (t) => {
  const { aws, ask } = await start(t);
  aws.faults.set('*', { kind: 'throttle' });
  await t.rejects(ask(), {
    name: 'Throttling',
    message: 'Rate exceeded',
    $metadata: { httpStatusCode: 400 },
  });
  const portal = new SSOClient({ endpoint: aws.url, region: 'us-east-1', maxAttempts: 1 });
  t.teardown(() => portal.destroy());
  const roleCredentials = new GetRoleCredentialsCommand({ accessToken: 'x', accountId: '1', roleName: 'r' });
  await t.rejects(portal.send(roleCredentials), {
    name: 'TooManyRequestsException',
    $metadata: { httpStatusCode: 429 },
  });
  t.equal(aws.count('GetCallerIdentity', 'Throttling'), 1);
});

t.test('fails as many times as it is told', async (t) => {
  const { aws, ask } = await start(t);
  aws.faults.set('GetCallerIdentity', { kind: 'error', status: 503, code: 'ServiceUnavailable', times: 2 });
  const unavailable = { name: 'ServiceUnavailable', $metadata: { httpStatusCode: 503 } };
  await t.rejects(ask(), unavailable);
  await t.rejects(ask(), unavailable);
  await t.resolves(ask());
  aws.faults.set('AssumeRole', { kind: 'error' });
  await t.resolves(ask(), 'another operation’s fault is no matter');
  aws.faults.set('GetCallerIdentity', { kind: 'error' });
  await t.rejects(ask(), { name: 'InternalFailure', $metadata: { httpStatusCode: 500 } });
  aws.faults.clear('GetCallerIdentity');
  await t.resolves(ask());
});

t.test('an SDK that asks again gets over it', async (t) => {
  const { aws, ask } = await start(t, { maxAttempts: 3 });
  aws.faults.set('GetCallerIdentity', { kind: 'throttle', times: 2 });
  await t.resolves(ask());
  t.strictSame(
    aws.calls.map(({ outcome }) => outcome),
    ['Throttling', 'Throttling', 'ok'],
  );
});

t.test('drops the connection', async (t) => {
  const { aws, ask } = await start(t);
  aws.faults.set('GetCallerIdentity', { kind: 'drop', times: 1 });
  await t.rejects(ask(), { code: 'ECONNRESET' });
  await t.resolves(ask());
});

t.test('answers what nobody can read', async (t) => {
  const { aws, ask } = await start(t);
  aws.faults.set('GetCallerIdentity', { kind: 'garbage' });
  await t.rejects(ask());
});

t.test('hangs until it is released', async (t) => {
  const { aws, ask } = await start(t);
  aws.faults.set('GetCallerIdentity', { kind: 'hang' });
  const answers = [ask(), ask()];
  await seen(aws, 2);
  t.equal(aws.count('GetCallerIdentity', 'pending'), 2);
  aws.faults.release();
  await t.resolves(Promise.all(answers));
  const third = ask();
  await seen(aws, 3);
  t.equal(aws.count('GetCallerIdentity', 'pending'), 1, 'the fault goes on');
  aws.faults.clear();
  await t.resolves(third);
});

t.test('closes while a request hangs', async (t) => {
  const { aws, ask } = await start(t);
  aws.faults.set('GetCallerIdentity', { kind: 'hang' });
  const answer = t.rejects(ask());
  await seen(aws, 1);
  await aws.close();
  await answer;
});

t.test('answers late, by the clock', async (t) => {
  const { aws, clock, ask } = await start(t);
  aws.faults.set('GetCallerIdentity', { kind: 'delay', ms: 30_000 });
  const answer = ask();
  await seen(aws, 1);
  clock.advance(29_999);
  t.equal(aws.calls[0]?.outcome, 'pending');
  clock.advance(1);
  await t.resolves(answer);
});

t.test('has a clock of its own, and an SDK adapts to it', async (t) => {
  const ahead = { kind: 'skew', ms: 30 * 60_000 } as const;
  const { aws, ask } = await start(t);
  aws.faults.set('GetCallerIdentity', ahead);
  await t.rejects(ask(), { name: 'SignatureDoesNotMatch', message: /^Signature expired/ });
  const patient = await start(t, { maxAttempts: 2 });
  patient.aws.faults.set('GetCallerIdentity', ahead);
  await t.resolves(patient.ask());
  t.equal(patient.aws.count('GetCallerIdentity'), 2);
});
