import t from 'tap';
import { HOUR, SECOND } from '../support/time.js';
import { startVending } from '../support/vending.js';
import {
  ACCOUNT,
  base,
  dev,
  manyRoles,
  roleProfile,
  ssoProfile,
  ssoWorld,
} from '../support/vending-config.js';

t.test('the answer is what SDKs read, and the same bytes until the session changes', async (t) => {
  const { vendor, clock } = await startVending(t, { config: dev });
  const body = await vendor.get('dev');
  const answer = JSON.parse(String(body));
  t.match(answer, {
    Code: 'Success',
    AccessKeyId: /^ASIA/,
    SecretAccessKey: String,
    Token: String,
    AccountId: ACCOUNT,
    RoleArn: `arn:aws:iam::${ACCOUNT}:role/dev`,
  });
  t.equal(Date.parse(answer.Expiration), clock.now() + HOUR);
  t.match(answer.Expiration, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  t.equal(vendor.get('dev'), body, 'at once, without serialising again');
  t.match(await vendor.session('dev'), { accessKeyId: answer.AccessKeyId, expiration: clock.now() + HOUR });
});

t.test(
  '500 first requests for 50 roles behind one sign-in: one call for it, one for each role',
  async (t) => {
    const { vendor, aws } = await startVending(t, {
      config: `${ssoProfile('sso')}${manyRoles('sso', 50)}`,
      world: ssoWorld,
    });
    const answers = await Promise.all(
      Array.from({ length: 500 }, (_, index) => vendor.session(`r${index % 50}`)),
    );
    t.equal(new Set(answers.map(({ accessKeyId }) => accessKeyId)).size, 50);
    t.equal(aws.count('GetRoleCredentials'), 1);
    t.equal(aws.count('AssumeRole', 'ok'), 50);
    t.equal(aws.calls.length, 51);
    t.ok(
      aws.calls.every(
        ({ operation, principal }) => operation !== 'AssumeRole' || principal?.includes('_developer_'),
      ),
    );
    await vendor.session('sso');
    t.equal(aws.calls.length, 51, 'the source itself is there already');
  },
);

t.test('50 roles behind static keys: the keys sign for themselves', async (t) => {
  const { vendor, aws } = await startVending(t, { config: `${base}${manyRoles('base', 50)}` });
  await Promise.all(Array.from({ length: 500 }, (_, index) => vendor.get(`r${index % 50}`)));
  t.equal(aws.calls.length, 50);
  t.equal(aws.count('AssumeRole', 'ok'), 50);
});

t.test('static keys asked for themselves: one GetSessionToken of 12 hours', async (t) => {
  const { vendor, aws, clock } = await startVending(t, { config: base });
  const [session] = await Promise.all([vendor.session('base'), vendor.session('base'), vendor.get('base')]);
  t.equal(session.expiration, clock.now() + 12 * HOUR);
  t.equal(aws.calls.length, 1);
  t.equal(aws.count('GetSessionToken', 'ok'), 1);
});

t.test(
  'two profiles that mean the same share one session, and each is spoken to by its own name',
  async (t) => {
    const twins = `${base}${roleProfile('one', 'base', 'role')}${roleProfile('two', 'base', 'role')}`;
    const { ask, aws, clock, edit, vendor } = await startVending(t, { config: twins });
    t.equal(await ask('one'), await ask('two'));
    t.equal(aws.calls.length, 1);
    clock.jump(2 * HOUR);
    aws.faults.set('*', { kind: 'error', status: 403, code: 'AccessDenied' });
    const one = await ask('one').catch(({ message }) => message);
    const two = await ask('two').catch(({ message }) => message);
    t.match(one, /^Profile "one"/);
    t.match(two, /^Profile "two"/);
    t.equal(aws.calls.length, 2, 'one failure for both');
    t.match(vendor.states(), [
      { profile: 'one', lastError: { message: /^Profile "one"/ } },
      { profile: 'two', lastError: { message: /^Profile "two"/ } },
    ]);
    await edit(`${base}${roleProfile('two', 'base', 'role')}`);
    clock.advance(5 * SECOND);
    const alone = await ask('two').catch(({ message }) => message);
    t.match(alone, /^Profile "two"/);
    t.notMatch(alone, /"one"/, 'a profile that is gone is not spoken of');
  },
);
