import { type ChildProcess, fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { machineCredentials } from '../../src/aws/machine.js';
import type { CredentialError } from '../../src/errors.js';
import type { Environment } from '../../src/system/paths.js';

type Answer = (request: IncomingMessage, response: ServerResponse) => unknown;

async function serve(t: Test, answer: Answer): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const body = {
  Code: 'Success',
  AccessKeyId: 'ASIAMACHINE',
  SecretAccessKey: 'hush',
  Token: 'a-token',
  Expiration: '2100-01-02T03:04:05Z',
};
const expected = {
  accessKeyId: 'ASIAMACHINE',
  secretAccessKey: 'hush',
  sessionToken: 'a-token',
  expiration: Date.UTC(2100, 0, 2, 3, 4, 5),
};

const ofContainer = (env: Environment) => machineCredentials({ kind: 'container', profile: 'p' }, env);
const ofInstance = (env: Environment) => machineCredentials({ kind: 'instance', profile: 'p' }, env);

async function refusal(credentials: Promise<unknown>): Promise<CredentialError> {
  return credentials.then(
    () => Promise.reject(new Error('should be refused')),
    (error) => error,
  );
}

/** A container's endpoint that wants a token. */
const endpoint: Answer = ({ url, headers }, response) => {
  if (headers.authorization !== 'Basic abc')
    response.writeHead(403).end('{"Code":"Denied","Message":"hush"}');
  else if (url === '/role?a=b') response.end(JSON.stringify(body));
  else response.end('{"AccessKeyId":"ASIAMACHINE","SecretAccessKey":"hu');
};

t.test('the container: a full URI, with the token in a variable or a file', async (t) => {
  const url = await serve(t, endpoint);
  const file = join(t.testdir({ token: 'old' }), 'token');
  const env = { AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/role?a=b` };
  t.match(await ofContainer({ ...env, AWS_CONTAINER_AUTHORIZATION_TOKEN: 'Basic abc' }), expected);
  writeFileSync(file, 'Basic abc');
  t.match(await ofContainer({ ...env, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file }), expected);
  const both = {
    AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: file,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: 'Basic xyz',
  };
  const warned = t.capture(console, 'warn');
  t.match(await ofContainer({ ...env, ...both }), expected, 'the file wins');
  t.strictSame(warned(), [], 'and nothing is printed about it');
});

t.test('the container takes nothing from the environment of the process itself', async (t) => {
  const url = await serve(t, endpoint);
  const own = {
    AWS_CONTAINER_CREDENTIALS_FULL_URI: `${url}/role?a=b`,
    AWS_CONTAINER_AUTHORIZATION_TOKEN: 'Basic abc',
  };
  Object.assign(process.env, own);
  t.teardown(() => {
    for (const name of Object.keys(own)) delete process.env[name];
  });
  t.match((await refusal(ofContainer({}))).message, 'AWS_CONTAINER_CREDENTIALS_FULL_URI');
});

t.test('a container without a role, or with a broken one', async (t) => {
  const url = await serve(t, endpoint);
  const none = await refusal(ofContainer({}));
  t.match(none, { code: 'CredentialSourceFailed', statusCode: 503, retryable: true });
  t.match(none.message, 'works only where credd runs on one that has a role');
  t.notMatch(none.message, '\n');
  const denied = await refusal(ofContainer({ AWS_CONTAINER_CREDENTIALS_FULL_URI: url }));
  t.match(denied.message, 'Server responded with status: 403');
  const torn = await refusal(
    ofContainer({ AWS_CONTAINER_CREDENTIALS_FULL_URI: url, AWS_CONTAINER_AUTHORIZATION_TOKEN: 'Basic abc' }),
  );
  t.match(torn.message, 'the answer is not JSON');
  for (const { message } of [denied, torn]) t.notMatch(message, /hu(sh)?"|hush/);
  const elsewhere = await refusal(
    ofContainer({ AWS_CONTAINER_CREDENTIALS_FULL_URI: 'http://example.com/role' }),
  );
  t.match(elsewhere.message, 'URL not accepted');
});

const needsOwnNetwork =
  spawnSync('unshare', ['-rn', 'ip', 'link', 'set', 'lo', 'up']).status !== 0 &&
  'needs a network namespace: apt-get install -y iproute2 util-linux, and sysctl kernel.unprivileged_userns_clone=1';

t.test(
  'the container: a relative URI, at the address that ECS has for it',
  { skip: needsOwnNetwork },
  async (t) => {
    const child: ChildProcess = fork(new URL('../support/ecs-container.ts', import.meta.url), {
      execPath: 'unshare',
      execArgv: ['-rn', process.execPath, ...process.execArgv],
    });
    const [credentials] = await once(child, 'message');
    t.match(credentials, { accessKeyId: 'ASIAMACHINE', sessionToken: 'a-token' });
  },
);

/** As IMDSv2 answers; without its token, not at all. */
function imds(role: string, credentials: () => string): Answer {
  return ({ method, url, headers }, response) => {
    if (method === 'PUT' && url === '/latest/api/token' && headers['x-aws-ec2-metadata-token-ttl-seconds']) {
      response.end('imds-token');
    } else if (headers['x-aws-ec2-metadata-token'] !== 'imds-token') response.writeHead(401).end();
    else if (url === '/latest/meta-data/iam/security-credentials/') response.end(role);
    else if (url === `/latest/meta-data/iam/security-credentials/${role}`) response.end(credentials());
    else response.writeHead(404).end();
  };
}

t.test('the EC2 instance, by IMDSv2', async (t) => {
  const url = await serve(
    t,
    imds('my-role', () => JSON.stringify(body)),
  );
  for (const endpoint of [url, `${url}/`]) {
    t.strictSame(await ofInstance({ AWS_EC2_METADATA_SERVICE_ENDPOINT: endpoint }), expected);
  }
});

t.test('an instance without a role, with a broken one, or none', async (t) => {
  const answers = [
    '{"Code":"AssumeRoleUnauthorizedAccess","Message":"hush"}',
    '{"SecretAccessKey":"hush',
    'null',
  ];
  const [roleless, ...broken] = [
    await serve(t, imds('', String)),
    await serve(
      t,
      imds('r', () => answers.shift() ?? ''),
    ),
  ];
  const refused = async (url = '') => refusal(ofInstance({ AWS_EC2_METADATA_SERVICE_ENDPOINT: url }));
  t.match(await refused(roleless), {
    code: 'CredentialSourceFailed',
    statusCode: 503,
    message: /has no role/,
  });
  for (const why of [
    'gave no credentials, but AssumeRoleUnauthorizedAccess',
    'is not JSON',
    'gave no credentials',
  ]) {
    const error = await refused(broken[0]);
    t.match(error.message, why);
    t.notMatch(error.message, 'hush');
  }
  const gone = await serve(t, (_, response) => response.destroy());
  t.match((await refused(gone)).message, /the metadata service at .* gave (UND_ERR_SOCKET|ECONNRESET)/);
  const slow = await serve(t, () => {});
  t.match((await refused(slow)).message, 'gave nothing within 1000 ms');
  const off = await refusal(ofInstance({ AWS_EC2_METADATA_DISABLED: 'true' }));
  t.match(off.message, 'AWS_EC2_METADATA_DISABLED is set');
});
