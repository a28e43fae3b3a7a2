import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startSimulatedAws } from '../../src/demo/aws.js';
import { readProfiles } from '../support/profiles.js';
import { startProxy, startTlsFront } from '../support/proxy.js';
import { needsOpenssl, selfSigned } from '../support/tls.js';

const keys = 'aws_access_key_id = AKIAADA\naws_secret_access_key = ada-secret\n';
const ada = { accountId: '123456789012', name: 'ada', accessKeyId: 'AKIAADA', secretAccessKey: 'ada-secret' };

async function simulatedAws(t: Test) {
  const aws = await startSimulatedAws({ world: { users: [ada] } });
  t.teardown(aws.close);
  return aws;
}

t.test('a plain endpoint through HTTP_PROXY', async (t) => {
  const aws = await simulatedAws(t);
  const proxy = await startProxy(t);
  const { obtain } = await readProfiles(t, {
    credentials: `[ada]\nendpoint_url = ${aws.url}\n${keys}`,
    env: { HTTP_PROXY: proxy.url, HTTPS_PROXY: 'http://127.0.0.1:1' },
  });
  t.match(await obtain('ada'), { accessKeyId: /^ASIA/ });
  t.strictSame(proxy.asked, [`POST ${aws.url}/`]);
});

t.test('the variables of the process itself do not matter', async (t) => {
  const aws = await simulatedAws(t);
  process.env.HTTP_PROXY = 'http://127.0.0.1:1';
  process.env.http_proxy = 'http://127.0.0.1:1';
  process.env.NO_PROXY = '*';
  t.teardown(() => {
    for (const name of ['HTTP_PROXY', 'http_proxy', 'NO_PROXY']) delete process.env[name];
  });
  const credentials = `[ada]\nendpoint_url = ${aws.url}\n${keys}`;
  const direct = await readProfiles(t, { credentials });
  await t.resolves(direct.obtain('ada'));
  const proxy = await startProxy(t);
  const through = await readProfiles(t, { credentials, env: { http_proxy: proxy.url } });
  await through.obtain('ada');
  t.equal(proxy.asked.length, 1);
});

t.test('NO_PROXY', async (t) => {
  const aws = await simulatedAws(t);
  const proxy = await startProxy(t);
  for (const exception of ['127.0.0.1', 'example.com, 127.0.0.1', `127.0.0.1:${aws.port}`, '*']) {
    const { obtain } = await readProfiles(t, {
      credentials: `[ada]\nendpoint_url = ${aws.url}\n${keys}`,
      env: { HTTP_PROXY: proxy.url, NO_PROXY: exception },
    });
    await obtain('ada');
    t.strictSame(proxy.asked, [], exception);
  }
});

t.test('an encrypted endpoint through HTTPS_PROXY', { skip: needsOpenssl }, async (t) => {
  const aws = await simulatedAws(t);
  const tls = selfSigned(t);
  const front = await startTlsFront(t, { ...tls, port: aws.port });
  const proxy = await startProxy(t, 'me:pass word');
  // Through a tunnel the proxy's client checks the certificate against a name, not against an address.
  const endpoint = front.url.replace('127.0.0.1', 'localhost');
  const callTwice = (env: Record<string, string>) =>
    t.test(Object.keys(env).join(' and '), async (t) => {
      const { obtain } = await readProfiles(t, {
        credentials: `[ada]\nendpoint_url = ${endpoint}\n${keys}`,
        env: { ...env, AWS_CA_BUNDLE: tls.file },
      });
      await obtain('ada');
      await obtain('ada');
    });
  await callTwice({ HTTPS_PROXY: proxy.url.replace('//', '//me:pass%20word@') });
  t.strictSame(proxy.asked, [`CONNECT localhost:${front.port}`], 'one tunnel for both calls');
  await callTwice({ HTTPS_PROXY: proxy.url, NO_PROXY: 'localhost' });
  t.equal(proxy.asked.length, 1);
  t.equal(aws.count('GetSessionToken', 'ok'), 4);
});

t.test('a proxy that wants a password, is gone, or is none', { skip: needsOpenssl }, async (t) => {
  const proxy = await startProxy(t, 'me:right');
  const withPassword = proxy.url.replace('//', '//me:wrong@');
  const refused = async (endpoint: string, env: Record<string, string>) => {
    const { refusal } = await readProfiles(t, {
      credentials: `[ada]\nendpoint_url = ${endpoint}\n${keys}`,
      env,
    });
    const error = await refusal('ada');
    t.notMatch(error.message, /wrong|ada-secret/);
    return error;
  };
  for (const endpoint of ['http://127.0.0.1:9', 'https://127.0.0.1:9']) {
    const error = await refused(endpoint, { HTTP_PROXY: withPassword, HTTPS_PROXY: withPassword });
    t.match(error, { code: 'ProxyAuthenticationRequired', statusCode: 403, retryable: false }, endpoint);
    t.match(error.message, 'the proxy wants a user name and a password');
    const gone = await refused(endpoint, { ALL_PROXY: 'http://127.0.0.1:1' });
    t.match(gone, { code: 'NetworkError', statusCode: 503, retryable: true });
    t.match(gone.message, '127.0.0.1:1 refuses connections');
    for (const value of ['ftp://me:wrong@host', 'http://me:wrong@', 'gopher:wrong']) {
      const bad = await refused(endpoint, { https_proxy: value });
      t.match(bad, { code: 'InvalidProxy', statusCode: 400, message: /^https_proxy does not hold/ }, value);
    }
  }
});

t.test('a private certificate', { skip: needsOpenssl }, async (t) => {
  const aws = await simulatedAws(t);
  const tls = selfSigned(t);
  const front = await startTlsFront(t, { ...tls, port: aws.port });
  const section = (name: string, more = '') => `[${name}]\nendpoint_url = ${front.url}\n${keys}${more}\n`;
  await t.test('is not trusted by itself, and is by ca_bundle, per profile', async (t) => {
    const { obtain, refusal } = await readProfiles(t, {
      credentials:
        section('plain') +
        section('trusting', `ca_bundle = ${tls.file}`) +
        section('missing', 'ca_bundle = /no/such/file') +
        section('garbage', 'ca_bundle = /etc/passwd'),
    });
    await t.resolves(obtain('trusting'));
    const untrusted = await refusal('plain');
    t.match(untrusted, { code: 'NetworkError', statusCode: 503 });
    t.match(
      untrusted.message,
      'its certificate is not trusted (DEPTH_ZERO_SELF_SIGNED_CERT). Set AWS_CA_BUNDLE',
    );
    for (const [name, why] of [
      ['missing', 'ENOENT'],
      ['garbage', 'it holds no PEM certificate'],
    ] as const) {
      const error = await refusal(name);
      t.match(error, { code: 'InvalidCaBundle', statusCode: 400, retryable: false }, name);
      t.match(error.message, why);
    }
  });
  await t.test('is trusted through AWS_CA_BUNDLE, whatever the profile says', async (t) => {
    const env = { AWS_CA_BUNDLE: tls.file };
    const { obtain } = await readProfiles(t, {
      credentials: section('missing', 'ca_bundle = /no/such/file'),
      env,
    });
    await t.resolves(obtain('missing'));
  });
});

t.test('connections are kept and shared', async (t) => {
  const aws = await simulatedAws(t);
  let connections = 0;
  const front = createServer().listen(0, '127.0.0.1');
  front.on('connection', (socket) => {
    connections++;
    const onward = connect(aws.port, '127.0.0.1');
    for (const end of [socket, onward]) end.on('error', () => {});
    socket.pipe(onward).pipe(socket);
  });
  front.removeAllListeners('request');
  t.teardown(() => front.close());
  await once(front, 'listening');
  const url = `http://127.0.0.1:${(front.address() as AddressInfo).port}`;
  const { obtain } = await readProfiles(t, { credentials: `[ada]\n${keys}`, env: { AWS_ENDPOINT_URL: url } });
  for (let call = 0; call < 10; call++) await obtain('ada');
  t.equal(connections, 1);
  await Promise.all(Array.from({ length: 300 }, () => obtain('ada')));
  t.ok(connections <= 50, `${connections} connections for 300 calls at once`);
  t.equal(aws.count('GetSessionToken', 'ok'), 310);
});

t.test('two profiles at two endpoints at once', async (t) => {
  const [one, two] = [await simulatedAws(t), await simulatedAws(t)];
  const { obtain } = await readProfiles(t, {
    config: `[profile one]\nendpoint_url = ${one.url}\n${keys}[profile two]\nservices = local\n${keys}[services local]\nsts =\n  endpoint_url = ${two.url}\n`,
  });
  await Promise.all(['one', 'two', 'one'].map((profile) => obtain(profile)));
  t.strictSame(
    [one, two].map((aws) => aws.count('GetSessionToken', 'ok')),
    [2, 1],
  );
});

t.test("nothing of the person's own files and variables reaches the SDK", async (t) => {
  const aws = await simulatedAws(t);
  const config = '[profile __proto__]\nregion = x\n[profile broken\nsts_regional_endpoints = nonsense\n';
  const { home } = await readProfiles(t, { config, credentials: '[default]\nregion' });
  const child = fork(new URL('../support/aws-caller.ts', import.meta.url), [aws.url], {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: {
      PATH: process.env.PATH,
      HOME: home,
      AWS_CONFIG_FILE: join(home, '.aws/config'),
      AWS_PROFILE: 'nope',
      AWS_ACCESS_KEY_ID: 'AKIAWRONG',
      AWS_SECRET_ACCESS_KEY: 'wrong',
      AWS_SESSION_TOKEN: 'wrong',
      AWS_REGION: 'not a region',
      AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
      AWS_ENDPOINT_URL_STS: 'http://127.0.0.1:1',
      AWS_RETRY_MODE: 'nonsense',
      AWS_MAX_ATTEMPTS: 'many',
      AWS_USE_FIPS_ENDPOINT: 'nonsense',
      AWS_AUTH_SCHEME_PREFERENCE: 'nonsense',
      AWS_SDK_JS_SUPPRESS_MAINTENANCE_MODE_MESSAGE: '1',
    },
  });
  const [answer] = await once(child, 'message');
  t.match(answer, { arn: 'arn:aws:iam::123456789012:user/ada', unconfigured: 'sts.eu-west-1.amazonaws.com' });
});
