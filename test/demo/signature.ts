import '../support/clean-environment.js';
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
const minute = 60_000;

interface Signed {
  headers: Record<string, string>;
  body: string;
}

/** A server, and a request to it that the SDK signed, not sent. */
async function start(t: Test) {
  const signingClock = drivenClock();
  const aws = await startSimulatedAws({ world: { users: [user] }, signingClock });
  t.teardown(aws.close);
  const sts = new STSClient({ endpoint: aws.url, region: 'us-east-1', credentials: user, maxAttempts: 1 });
  t.teardown(() => sts.destroy());
  let signed: Signed | undefined;
  sts.middlewareStack.add(
    (next) => async (args) => {
      signed = args.request as Signed;
      return next(args);
    },
    { step: 'deserialize' },
  );
  await sts.send(new GetCallerIdentityCommand({}));
  if (!signed) throw new Error('the SDK sent nothing');
  const { headers, body } = signed;
  const send = async (changed: Partial<Signed> = {}) => {
    const { host: _, 'content-length': __, ...rest } = { ...headers, ...changed.headers };
    const response = await fetch(aws.url, { method: 'POST', headers: rest, body: changed.body ?? body });
    const text = await response.text();
    return {
      status: response.status,
      code: /<Code>(.*)<\/Code>/.exec(text)?.[1],
      message: /<Message>(.*)<\/Message>/.exec(text)?.[1],
    };
  };
  return { signingClock, headers, body, send };
}

t.test('takes the signature for what was signed, and nothing else', async (t) => {
  const { headers, body, send } = await start(t);
  const mismatch = { status: 403, code: 'SignatureDoesNotMatch' };
  const authorization = headers.authorization ?? '';
  t.match(await send(), { status: 200 });
  t.match(await send({ body: `${body}&Extra=1` }), mismatch);
  t.match(
    await send({ headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' } }),
    mismatch,
  );
  t.match(
    await send({ headers: { authorization: authorization.replace('/us-east-1/', '/us-west-2/') } }),
    mismatch,
  );
  t.match(await send({ headers: { authorization: authorization.replace('/sts/', '/s3/') } }), {
    ...mismatch,
    message: /correct service: 'sts'/,
  });
  t.match(
    await send({ headers: { authorization: authorization.replace(/Signature=.*/, 'Signature=00') } }),
    mismatch,
  );
});

t.test('says what is missing', async (t) => {
  const { headers, send } = await start(t);
  const authorization = headers.authorization ?? '';
  const incomplete = { status: 400, code: 'IncompleteSignature' };
  t.match(await send({ headers: { authorization: '' } }), {
    status: 403,
    code: 'MissingAuthenticationToken',
  });
  t.match(await send({ headers: { authorization: 'Bearer x' } }), incomplete);
  t.match(
    await send({ headers: { authorization: authorization.replace(/, Signature=.*/, '') } }),
    incomplete,
  );
  t.match(await send({ headers: { authorization: authorization.replace(/host;/, '') } }), incomplete);
});

t.test('takes a signature for five minutes before and after its time', async (t) => {
  const { signingClock, send } = await start(t);
  signingClock.advance(4.9 * minute);
  t.match(await send(), { status: 200 });
  signingClock.advance(0.2 * minute);
  t.match(await send(), {
    status: 403,
    code: 'SignatureDoesNotMatch',
    message: /^Signature expired: \d{8}T\d{6}Z is now earlier than \d{8}T\d{6}Z \(\d{8}T\d{6}Z - 5 min\.\)$/,
  });
  signingClock.advance(-10.3 * minute);
  t.match(await send(), { status: 403, message: /^Signature not yet current: .* \+ 5 min\.\)$/ });
});
