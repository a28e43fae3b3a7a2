import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { startSimulatedAws } from '../../src/demo/aws.js';
import type { Fault } from '../../src/demo/faults.js';
import { readProfiles } from '../support/profiles.js';

const credentials = '[ada]\naws_access_key_id = AKIAADA\naws_secret_access_key = ada-secret\n';
const ada = { accountId: '123456789012', name: 'ada', accessKeyId: 'AKIAADA', secretAccessKey: 'ada-secret' };

async function start(t: Test, timeout?: number) {
  const aws = await startSimulatedAws({ world: { users: [ada] } });
  t.teardown(aws.close);
  return { aws, ...(await readProfiles(t, { credentials, timeout, env: { AWS_ENDPOINT_URL: aws.url } })) };
}

/** Whatever answers in AWS's place. */
async function impostor(t: Test, answer: RequestListener, timeout?: number) {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return readProfiles(t, { credentials, timeout, env: { AWS_ENDPOINT_URL: url } });
}

t.test('faults that pass are tried twice, and said to pass', async (t) => {
  const faults: [Fault, object][] = [
    [
      { kind: 'throttle' },
      { code: 'Throttling', message: /Rate exceeded \(Throttling\)\. This may pass: try again\.$/ },
    ],
    [{ kind: 'error' }, { code: 'InternalFailure', message: /This may pass/ }],
    [{ kind: 'error', status: 503, code: 'ServiceUnavailable' }, { code: 'ServiceUnavailable' }],
    [{ kind: 'drop' }, { code: 'NetworkError', message: /socket hang up|ECONNRESET/ }],
  ];
  const { aws, obtain, refusal } = await start(t);
  for (const [fault, expected] of faults) {
    const before = aws.calls.length;
    aws.faults.set('*', fault);
    t.match(await refusal('ada'), { statusCode: 503, retryable: true, ...expected }, fault.kind);
    t.equal(aws.calls.length - before, 2);
    aws.faults.set('*', { ...fault, times: 1 });
    await t.resolves(obtain('ada'), 'the second attempt succeeds');
  }
});

t.test('an endpoint that hangs is given up, attempt by attempt', async (t) => {
  const { aws, refusal } = await start(t, 200);
  aws.faults.set('*', { kind: 'hang' });
  t.match(await refusal('ada'), {
    code: 'Timeout',
    statusCode: 503,
    retryable: true,
    message:
      'Profile "ada": GetSessionToken failed: no answer in time. Check the network, the proxy and the endpoint.',
  });
  t.equal(aws.calls.length, 2);
});

t.test('an answer that begins and never ends', async (t) => {
  const { refusal } = await impostor(
    t,
    (_, response) => {
      response.writeHead(200, { 'Content-Type': 'text/xml', 'Content-Length': 1000 });
      response.write('<GetSessionTokenResponse>');
    },
    200,
  );
  t.match(await refusal('ada'), { code: 'Timeout', statusCode: 503, retryable: true });
});

t.test("answers that are not AWS's", async (t) => {
  const secret = '<SecretAccessKey>hush</SecretAccessKey>';
  const answers: [number, string][] = [
    [200, '<html><body>Welcome to our WiFi</body></html>'],
    [
      200,
      `<GetSessionTokenResponse><GetSessionTokenResult><Credentials>${secret}</Credentials></GetSessionTokenResult></GetSessionTokenResponse>`,
    ],
    [200, `${secret}<<<`],
    [200, ''],
    [302, ''],
    [404, '<html>nginx</html>'],
    [403, 'hush'],
    [502, '<html>Bad gateway</html>'],
  ];
  for (const [status, body] of answers) {
    const { refusal } = await impostor(t, (_, response) => {
      response
        .writeHead(status, { 'Content-Type': 'text/html', Location: 'https://login.example.com' })
        .end(body);
    });
    const error = await refusal('ada');
    t.match(error, { statusCode: 503, retryable: true }, `${status} ${body}`);
    t.match(
      error.message,
      /what answered is not AWS \(status \d+\)\. Check for a proxy|the answer holds no credentials/,
    );
    t.notMatch(error.message, 'hush');
    t.notMatch(error.message, 'undefined');
  }
  const { aws, refusal } = await start(t);
  aws.faults.set('*', { kind: 'garbage' });
  t.match(await refusal('ada'), { code: 'NetworkError', message: /what answered is not AWS/ });
});

t.test('nobody there', async (t) => {
  const refused = async (url: string) =>
    (await readProfiles(t, { credentials, env: { AWS_ENDPOINT_URL: url } })).refusal('ada');
  const closed = await refused('http://127.0.0.1:1');
  t.match(closed, { code: 'NetworkError', statusCode: 503, retryable: true });
  t.match(
    closed.message,
    '127.0.0.1:1 refuses connections (ECONNREFUSED). Check the endpoint and the proxy.',
  );
  const both = await refused('http://localhost:1');
  t.match(both.message, 'refuses connections (ECONNREFUSED)');
  const unknown = await refused('http://no-such-host.invalid');
  t.match(unknown, { code: 'NetworkError', statusCode: 503 });
  t.match(
    unknown.message,
    /the host no-such-host\.invalid cannot be found \(E\w+\). Check the network, the region/,
  );
});

t.test('a clock that is wrong', async (t) => {
  const { aws, obtain } = await start(t);
  aws.faults.set('*', { kind: 'skew', ms: 3_600_000 });
  await t.resolves(obtain('ada'), 'the SDK signs again by the clock of AWS');
});

t.test('a clock that is wrong, and the first answer did not help', async (t) => {
  const { aws, refusal } = await start(t);
  aws.faults.set('*', {
    kind: 'error',
    status: 403,
    code: 'SignatureDoesNotMatch',
    message: 'Signature expired: x is now earlier than y',
  });
  t.match(await refusal('ada'), {
    code: 'SignatureDoesNotMatch',
    statusCode: 403,
    message: /The clock of this machine is wrong/,
  });
});

t.test('what AWS refuses for a reason that we know nothing of', async (t) => {
  const { aws, refusal } = await start(t);
  aws.faults.set('*', { kind: 'error', status: 400, code: 'SomethingNew', message: 'This is new.' });
  t.match(await refusal('ada'), {
    code: 'SomethingNew',
    statusCode: 403,
    retryable: false,
    message: 'Profile "ada": GetSessionToken failed: This is new (SomethingNew).',
  });
  aws.faults.set('*', { kind: 'error', status: 403, code: 'AccessDenied', message: 'explicit deny' });
  t.notMatch((await refusal('ada')).message, 'trust policy', 'there is no role in this');
});

t.test('settings that exclude each other', async (t) => {
  const { refusal } = await readProfiles(t, {
    credentials: `${credentials}use_fips_endpoint = true\nendpoint_url = http://127.0.0.1:1\n`,
  });
  t.match(await refusal('ada'), {
    code: 'InvalidEndpoint',
    statusCode: 400,
    retryable: false,
    message: /FIPS/,
  });
});
