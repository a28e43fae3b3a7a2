import t from 'tap';
import { ecsBody, isRoleSession, wireTime } from '../../src/sessions/role-session.js';
import { lifetime, timeLeft } from '../../src/sessions/timing.js';

const session = {
  accessKeyId: 'ASIAEXAMPLE',
  secretAccessKey: 'a/secret+',
  sessionToken: 'a-token==',
  obtainedAt: Date.UTC(2026, 10, 21, 10),
  expiration: Date.UTC(2026, 10, 21, 11, 0, 0, 999),
};

t.test('the container-credentials body, with an expiration that every SDK reads', async (t) => {
  t.same(JSON.parse(String(ecsBody(session))), {
    Code: 'Success',
    AccessKeyId: 'ASIAEXAMPLE',
    SecretAccessKey: 'a/secret+',
    Token: 'a-token==',
    Expiration: '2026-11-21T11:00:00Z',
  });
  t.notMatch(String(ecsBody(session)), /\\|null|""/, 'no escapes, no empty fields');
  t.match(JSON.parse(String(ecsBody({ ...session, accountId: '123456789012', roleArn: 'arn' }))), {
    AccountId: '123456789012',
    RoleArn: 'arn',
  });
  t.equal(wireTime(0), '1970-01-01T00:00:00Z');
});

t.test('time left and lifetime', async (t) => {
  t.equal(lifetime(session), 3600_999);
  t.equal(timeLeft(session, session.obtainedAt), 3600_999);
  t.equal(timeLeft(session, session.expiration + 1), -1);
});

t.test('what lacks a part is no role session', async (t) => {
  t.ok(isRoleSession(session));
  for (const part of ['accessKeyId', 'secretAccessKey', 'sessionToken', 'expiration', 'obtainedAt']) {
    t.notOk(isRoleSession({ ...session, [part]: undefined }), part);
    t.notOk(isRoleSession({ ...session, [part]: Number.NaN }), part);
  }
});
