import t, { type Test } from 'tap';
import { CredentialError } from '../../src/errors.js';
import { ask, type RawAnswer, RawConnection, requestText } from '../support/raw-http.js';
import { OWNER_TOKEN, runApp } from '../support/running-app.js';

const MANY = 32;

function isError(t: Test, answer: RawAnswer | undefined, status: number, code: string, what: string): void {
  t.equal(answer?.status, status, what);
  t.equal(answer?.headers['content-type'], 'application/json');
  t.ok((answer?.body.length ?? 0) < 10_000);
  const { code: small, message, ...capital } = JSON.parse(answer?.body ?? '');
  t.equal(small, code);
  t.type(message, 'string');
  t.same(capital, { Code: code, Message: message });
}

t.test('the answer of the ECS format', async (t) => {
  const expiration = Date.UTC(2099, 0, 2, 3, 4, 5);
  const { port } = await runApp(t, {
    provide: async () => ({
      accessKeyId: 'ASIAEXAMPLE',
      secretAccessKey: 'abc/def+ghi=',
      sessionToken: 'IQoJ/+=',
      expiration: expiration + 678,
      accountId: '123456789012',
      roleArn: 'arn:aws:iam::123456789012:role/MyApp/MyS3Access',
    }),
  });
  const answer = await ask(port);
  t.equal(answer?.status, 200);
  t.equal(answer?.headers['content-type'], 'application/json');
  t.equal(answer?.headers['cache-control'], 'no-store');
  t.notOk(answer?.headers['transfer-encoding']);
  t.same(JSON.parse(answer?.body ?? ''), {
    Code: 'Success',
    AccessKeyId: 'ASIAEXAMPLE',
    SecretAccessKey: 'abc/def+ghi=',
    Token: 'IQoJ/+=',
    Expiration: '2099-01-02T03:04:05Z',
    AccountId: '123456789012',
    RoleArn: 'arn:aws:iam::123456789012:role/MyApp/MyS3Access',
  });
  t.notMatch(answer?.body, '\\\\', 'no escapes');
  t.notMatch(answer?.body, 'null');
});

t.test('what AWS did not give is left out, not empty', async (t) => {
  const { port } = await runApp(t);
  const body = JSON.parse((await ask(port))?.body ?? '');
  t.same(Object.keys(body), ['Code', 'AccessKeyId', 'SecretAccessKey', 'Token', 'Expiration']);
});

t.test('a profile by its name in every spelling', async (t) => {
  const profiles = [
    'dev',
    'a b',
    'a/b',
    'a+b',
    'a%b',
    'größe',
    '.',
    '..',
    '~x',
    'a?b',
    '%41',
    '__proto__',
    'x'.repeat(5000),
  ];
  const { port } = await runApp(t, { profiles });
  const spelled: [target: string, name: string][] = [
    ...profiles.map((name): [string, string] => [`/creds/~${Buffer.from(name).toString('base64url')}`, name]),
    ...profiles
      .filter((name) => name !== '~x')
      .map((name): [string, string] => [`/creds/${encodeURIComponent(name)}`, name]),
    ['/creds/a/b', 'a/b'],
    ['/creds/a%2fb', 'a/b'],
    ['/creds/a+b', 'a+b'],
    ['/creds/gr%c3%b6%C3%9Fe', 'größe'],
    ['/creds/..', '..'],
    ['/creds/.', '.'],
    ['/creds/%64ev?region=eu-west-1', 'dev'],
    ['/creds/dev?', 'dev'],
  ];
  for (const [target, name] of spelled) {
    const answer = await ask(port, { target });
    t.equal(answer?.status, 200, target.slice(0, 60));
    t.match(answer?.body, `"secret of ${Buffer.from(name).toString('hex')}"`);
  }
});

t.test('never a 404 nor a redirect, but an error in both spellings', async (t) => {
  const { port } = await runApp(t);
  const cases: [target: string, code: string][] = [
    ['/creds/nobody', 'ProfileNotFound'],
    ['/creds/DEV', 'ProfileNotFound'],
    ['/creds/dev/', 'ProfileNotFound'],
    ['/creds//dev', 'ProfileNotFound'],
    ['/creds/../creds/dev', 'ProfileNotFound'],
    ['/creds/%2e%2e/dev', 'ProfileNotFound'],
    ['/creds/dev%00', 'ProfileNotFound'],
    ['/creds/%00', 'ProfileNotFound'],
    ['/creds/dev%0d%0aX:%20y', 'ProfileNotFound'],
    ['/creds/dev#x', 'ProfileNotFound'],
    ['/creds/dev;x', 'ProfileNotFound'],
    ['/creds/dev%3Fx', 'ProfileNotFound'],
    ['/creds/\\dev', 'ProfileNotFound'],
    ['/creds/%22%5C', 'ProfileNotFound'],
    ['/creds/constructor', 'ProfileNotFound'],
    [`/creds/${'x'.repeat(15_000)}`, 'ProfileNotFound'],
    [`/creds/~${'eHh4'.repeat(3_900)}`, 'ProfileNotFound'],
    [`/creds/${'%22'.repeat(5_000)}`, 'ProfileNotFound'],
    [`/creds/${'a/'.repeat(7_000)}`, 'ProfileNotFound'],
    ['/creds/', 'InvalidProfileName'],
    ['/creds/?dev', 'InvalidProfileName'],
    ['/creds/~', 'InvalidProfileName'],
    ['/creds/~x', 'InvalidProfileName'],
    ['/creds/~!', 'InvalidProfileName'],
    ['/creds/%', 'BadRequest'],
    ['/creds/%zz', 'BadRequest'],
    ['/creds/%C3', 'BadRequest'],
    ['/creds/%c3%28', 'BadRequest'],
    ['/creds', 'NotFound'],
    ['/creds?dev', 'NotFound'],
  ];
  for (const [target, code] of cases) isError(t, await ask(port, { target }), 400, code, target.slice(0, 60));
  for (const target of ['//creds/dev', '///creds'])
    isError(
      t,
      await ask(port, { target, headers: [`Authorization: ${OWNER_TOKEN}`] }),
      400,
      'NotFound',
      target,
    );
});

t.test('other methods', async (t) => {
  const { port, lines } = await runApp(t);
  for (const method of [
    'POST',
    'PUT',
    'PATCH',
    'DELETE',
    'OPTIONS',
    'TRACE',
    'PROPFIND',
    'LINK',
    'PURGE',
    'QUERY',
  ]) {
    const answer = await ask(port, { method });
    isError(t, answer, 405, 'MethodNotAllowed', method);
    t.equal(answer?.headers.allow, 'GET');
  }
  const head = await ask(port, { method: 'HEAD' });
  t.equal(head?.status, 405);
  t.equal(head?.headers['content-type'], 'application/json');
  t.notOk(lines.some(({ message }) => message === 'vended'));
});

t.test('a body is not read as one', async (t) => {
  const { port, lines } = await runApp(t);
  const withBody = (body: string, type: string, method = 'POST') =>
    ask(port, { method, body, headers: [`Content-Length: ${body.length}`, `Content-Type: ${type}`] });
  isError(t, await withBody('x', 'text/plain'), 405, 'MethodNotAllowed', 'text');
  isError(t, await withBody('{', 'application/json'), 405, 'MethodNotAllowed', 'broken JSON');
  isError(t, await withBody('<x/>', 'text/xml'), 405, 'MethodNotAllowed', 'XML');
  isError(t, await withBody('x', '???'), 405, 'MethodNotAllowed', 'no type');
  isError(t, await withBody('x'.repeat(1_000_000), 'application/json'), 405, 'MethodNotAllowed', 'huge');
  t.equal((await withBody('x', 'text/plain', 'GET'))?.status, 200, 'the body of a GET means nothing');
  t.notOk(
    lines.some(({ level }) => level === 'error'),
    'none of it is a bug of ours',
  );
});

t.test('a fault that may pass says when to come back', async (t) => {
  const { port } = await runApp(t, {
    async provide() {
      throw new CredentialError('Throttled', 503, 'AWS throttles: try again in a few seconds.');
    },
  });
  const answer = await ask(port);
  isError(t, answer, 503, 'Throttled', 'throttled');
  t.match(answer?.headers['retry-after'], /^[1-9]\d*$/);
  t.equal(answer?.headers['cache-control'], 'no-store');
});

t.test('a refusal by AWS has no Retry-After', async (t) => {
  const { port } = await runApp(t, {
    async provide() {
      throw new CredentialError('AccessDenied', 403, 'Profile "dev": AWS denies the role.');
    },
  });
  const answer = await ask(port);
  isError(t, answer, 403, 'AccessDenied', 'denied');
  t.notOk(answer?.headers['retry-after']);
});

t.test('kept-alive, and one call to AWS for many connections', async (t) => {
  let calls = 0;
  const { port, clock } = await runApp(t, {
    async provide() {
      calls++;
      return {
        accessKeyId: 'A',
        secretAccessKey: 'B',
        sessionToken: 'C',
        expiration: clock.now() + 3600_000,
      };
    },
  });
  const connections = Array.from({ length: 200 }, () => new RawConnection(port));
  t.teardown(() => {
    for (const connection of connections) connection.close();
  });
  const request = requestText(port, {});
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all(connections.map((connection) => connection.send(request).answer()));
    t.equal(answers.filter((answer) => answer?.status === 200).length, 200);
    t.notOk(answers.some((answer) => answer?.headers.connection === 'close'));
  }
  t.equal(calls, 1);
});

t.test('pipelined requests are answered in order', async (t) => {
  const { port } = await runApp(t, { profiles: ['dev', 'prod'] });
  const connection = new RawConnection(port);
  t.teardown(() => connection.close());
  const targets = Array.from(
    { length: MANY },
    (_, index) => ['/creds/dev', '/creds/prod', '/healthz', '/creds/'][index % 4],
  );
  connection.send(targets.map((target) => requestText(port, { target: target ?? '' })).join(''));
  for (const target of targets) {
    const { status, body = '' } = (await connection.answer()) ?? {};
    t.equal(status, target === '/creds/' ? 400 : 200);
    if (target === '/creds/dev') t.match(body, Buffer.from('dev').toString('hex'));
    if (target === '/creds/prod') t.match(body, Buffer.from('prod').toString('hex'));
  }
});

t.test('a vend is logged at debug, without a secret', async (t) => {
  const { port, lines } = await runApp(t);
  await ask(port);
  const vended = lines.filter(({ level }) => level === 'debug');
  t.match(vended, [{ context: { profile: 'dev', caller: 'same-user' }, message: 'vended' }]);
  t.notMatch(JSON.stringify(lines), 'secret of');
});
