import t, { type Test } from 'tap';
import { type SimulatedAws, startSimulatedAws } from '../../src/demo/aws.js';
import type { Session } from '../../src/demo/world.js';
import { drivenClock } from '../support/driven-clock.js';
import { type ProfileFiles, readProfiles } from '../support/profiles.js';

const ada = { accountId: '123456789012', name: 'ada', accessKeyId: 'AKIAADA', secretAccessKey: 'ada-secret' };
const MINUTE = 60_000;

async function start(t: Test, files: (aws: SimulatedAws) => ProfileFiles) {
  const clock = drivenClock(Math.floor(Date.now() / 1000) * 1000);
  const aws = await startSimulatedAws({ world: { users: [ada] }, clock });
  t.teardown(aws.close);
  const given = files(aws);
  const env = { AWS_ENDPOINT_URL: aws.url, ...given.env };
  return { aws, clock, ...(await readProfiles(t, { clock, ...given, env })) };
}

/** A session as somebody got it from AWS and pasted it. */
function pastedSession({ world }: SimulatedAws): Session {
  const principal = world.key('AKIAADA')?.principal;
  if (!principal) throw new Error('ada is gone');
  return world.issue(principal, 3600);
}

const inFile = (session: Session, more = '') =>
  `aws_access_key_id = ${session.accessKeyId}\naws_secret_access_key = ${session.secretAccessKey}\naws_session_token = ${session.sessionToken}\n${more}\n`;
const adasKeys = '[ada]\naws_access_key_id = AKIAADA\naws_secret_access_key = ada-secret\n';

t.test('long-term keys become a session of twelve hours', async (t) => {
  const { aws, clock, obtain } = await start(t, () => ({ credentials: adasKeys }));
  const session = await obtain('ada');
  t.match(session, {
    accessKeyId: /^ASIA/,
    sessionToken: String,
    expiration: clock.now() + 12 * 60 * MINUTE,
  });
  t.match(aws.calls, [{ operation: 'GetSessionToken', params: { DurationSeconds: '43200' }, outcome: 'ok' }]);
});

t.test('wrong keys: what AWS says, and what to do', async (t) => {
  const { refusal } = await start(t, () => ({
    credentials:
      '[typo]\naws_access_key_id = AKIAADDA\naws_secret_access_key = ada-secret\n[other]\naws_access_key_id = AKIAADA\naws_secret_access_key = eve-secret\n',
  }));
  const typo = await refusal('typo');
  t.match(typo, { code: 'InvalidClientTokenId', statusCode: 403, retryable: false });
  t.match(typo.message, 'The security token included in the request is invalid (InvalidClientTokenId).');
  t.match(typo.message, 'Put a current one there.');
  const other = await refusal('other');
  t.match(other, {
    code: 'SignatureDoesNotMatch',
    statusCode: 403,
    message: /does not belong to its access key/,
  });
  t.notMatch(other.message, 'eve-secret');
});

t.test('a pasted session is served as it is until the end that the file names', async (t) => {
  const names = [
    'aws_expiration',
    'aws_session_expiration',
    'aws_credentials_expiration',
    'aws_session_token_expiration',
    'x_security_token_expires',
    'x_principal_expires',
    'expiration',
  ];
  const sections = (aws: SimulatedAws) =>
    names.map((name) => `[${name}]\n${inFile(pastedSession(aws), `${name} = 2100-01-02T03:04:05Z`)}`);
  const { aws, obtain } = await start(t, (aws) => ({ credentials: sections(aws).join('') }));
  for (const name of names) {
    t.equal((await obtain(name)).expiration, Date.UTC(2100, 0, 2, 3, 4, 5), name);
  }
  t.strictSame(aws.calls, [], 'and AWS is not asked');
});

t.test('an end in any of the forms that tools write', async (t) => {
  const forms = {
    'with an offset': '2100-01-02T05:04:05+02:00',
    'with a fraction': '2100-01-02T03:04:05.000Z',
    'UTC in words': '2100-01-02T03:04:05UTC',
    'without a zone': '2100-01-02 03:04:05',
  };
  const sections = Object.entries(forms).map(
    ([name, form]) =>
      `[${name}]\naws_access_key_id = A\naws_secret_access_key = s\naws_session_token = t\nexpiration = ${form}\n`,
  );
  const { obtain } = await start(t, () => ({ credentials: sections.join('') }));
  for (const name of Object.keys(forms)) {
    t.equal((await obtain(name)).expiration, Date.UTC(2100, 0, 2, 3, 4, 5), name);
  }
});

t.test(
  'a pasted session past its end is refused without asking AWS, also as the source of a role',
  async (t) => {
    const { aws, refusal } = await start(t, (aws) => ({
      credentials: `[old]\n${inFile(pastedSession(aws), 'aws_expiration = 2020-01-01T00:00:00Z')}
[role]\nrole_arn = arn:aws:iam::123456789012:role/Admin\nsource_profile = old\n`,
    }));
    for (const profile of ['old', 'role']) {
      t.match(await refusal(profile), {
        code: 'ExpiredToken',
        statusCode: 403,
        retryable: false,
        message: 'Profile "old": its session token has expired, as the file says: paste fresh ones.',
      });
    }
    t.strictSame(aws.calls, []);
  },
);

t.test('a pasted session of unknown end lasts 20 minutes from each time that AWS confirms it', async (t) => {
  const session: { current?: Session } = {};
  const { aws, clock, obtain, refusal } = await start(t, (aws) => {
    session.current = pastedSession(aws);
    return { credentials: `[pasted]\n${inFile(session.current, 'expiration = soon')}` };
  });
  t.match(await obtain('pasted'), {
    accessKeyId: session.current?.accessKeyId,
    accountId: '123456789012',
    expiration: clock.now() + 20 * MINUTE,
  });
  clock.advance(15 * MINUTE);
  t.equal((await obtain('pasted')).expiration, clock.now() + 20 * MINUTE);
  t.equal(aws.count('GetCallerIdentity', 'ok'), 2);

  clock.advance(60 * MINUTE);
  const expired = await refusal('pasted');
  t.match(expired, { code: 'ExpiredToken', statusCode: 403, retryable: false });
  t.match(expired.message, 'The security token included in the request is expired (ExpiredToken).');
  t.match(expired.message, 'paste fresh ones');
  t.notMatch(expired.message, session.current?.sessionToken ?? '');
});
