import t from 'tap';
import { HOUR, MINUTE, SECOND } from '../support/time.js';
import { ACCOUNT, keysProfile, roleProfile } from '../support/vending-config.js';
import { DEVICE, EVE, MFA, refused, role, startBehindMfa } from '../support/vending-mfa.js';

t.test('a request that would need a code is answered at once, without a call', async (t) => {
  const vending = await startBehindMfa(t);
  for (const profile of ['user', 'one', 'two', 'three']) {
    t.match(await refused(vending, profile), {
      code: 'MfaRequired',
      statusCode: 403,
      retryable: false,
      message: `Profile "${profile}" needs a code of the MFA device ${DEVICE}. Type: credd login ${profile}`,
    });
    t.equal(await vending.vendor.mfaDevice(profile), DEVICE);
  }
  t.equal(vending.aws.calls.length, 0);
  t.match(
    await vending.ask('open'),
    /^ASIA/,
    'a role without mfa_serial is assumed with the keys themselves',
  );
  t.equal(await vending.vendor.mfaDevice('open'), undefined);
});

t.test('one code serves all profiles with that device, for twelve hours', async (t) => {
  const vending = await startBehindMfa(t);
  const { aws, vendor, clock } = vending;
  for (const profile of ['user', 'one', 'two', 'three']) await refused(vending, profile);
  const session = await vendor.unlock('two', '778899');
  t.equal(session.expiration - clock.now(), 12 * HOUR);
  await vending.settled();
  t.same(
    ['one', 'two'].map((name) => aws.count('AssumeRole') > 0 && name),
    ['one', 'two'],
    'what waited for it was obtained',
  );
  const before = aws.calls.length;
  t.equal(await vending.ask('user'), session.accessKeyId);
  for (const profile of ['one', 'two', 'three']) t.match(await vending.ask(profile), /^ASIA/);
  t.equal(aws.calls.length, before, 'and is served without another call');
  t.equal(aws.count('GetSessionToken'), 1);
  t.match(aws.calls.find(({ operation }) => operation === 'GetSessionToken')?.params, {
    SerialNumber: DEVICE,
    DurationSeconds: '43200',
  });
  for (const call of aws.calls.filter(({ operation }) => operation === 'AssumeRole')) {
    t.notOk('SerialNumber' in call.params, 'a device that was proven is not named again');
  }

  await vending.pass(11 * HOUR, 10 * MINUTE);
  for (const profile of ['one', 'two', 'three']) t.match(await vending.ask(profile), /^ASIA/);
  t.equal(aws.count('GetSessionToken'), 1);
  t.equal(vending.log.filter(({ level, code }) => level === 'warn' && code !== 'MfaRequired').length, 0);
  await vending.pass(2 * HOUR, 10 * MINUTE);
  for (const profile of ['user', 'one']) t.match(await refused(vending, profile), { code: 'MfaRequired' });
  t.equal(aws.count('GetSessionToken'), 1, 'no renewal was tried without a person');
});

t.test('that a code is needed is told once, and again when the session has ended', async (t) => {
  const vending = await startBehindMfa(t);
  const { vendor, told, log } = vending;
  const warnings = () => log.filter(({ level }) => level === 'warn');
  const askAll = async () => {
    for (const profile of ['one', 'two', 'three', 'user']) await refused(vending, profile);
    await vending.pass(6 * SECOND, SECOND);
  };
  await askAll();
  await askAll();
  t.strictSame(told, [{ person: 'MfaRequired' }]);
  t.match(warnings(), [{ code: 'MfaRequired' }]);
  t.equal(warnings().length, 1);
  await vendor.unlock('user', '778899');
  await vending.settled();
  await vending.pass(13 * HOUR, 10 * MINUTE);
  await askAll();
  t.strictSame(told, [{ person: 'MfaRequired' }, { person: 'MfaRequired' }]);
  t.equal(warnings().length, 2);
});

t.test('the MFA session outlives a restart', async (t) => {
  const vending = await startBehindMfa(t);
  const { accessKeyId } = await vending.vendor.unlock('one', '778899');
  const again = await vending.restart();
  t.equal(await again.ask('user'), accessKeyId);
  t.match(await again.ask('two'), /^ASIA/);
  t.equal(vending.aws.count('GetSessionToken'), 1);
});

t.test('a wrong, used or malformed code leaves what was held', async (t) => {
  const vending = await startBehindMfa(t);
  const { vendor, aws } = vending;
  const { accessKeyId } = await vendor.unlock('user', '778899');
  for (const code of ['000000', '778899']) {
    const error = await vendor.unlock('user', code).catch((it) => it);
    t.match(error, {
      code: 'MfaCodeRefused',
      statusCode: 403,
      message: /did not take the code .* Wait for the next one, then type: credd login user$/,
    });
    t.notMatch(error.message, code);
    t.notMatch(JSON.stringify(vending.log), code);
  }
  t.equal(await vending.ask('user'), accessKeyId);
  t.match(vendor.states(), [{ profile: 'user', state: 'ready', lastError: undefined }]);
  await t.rejects(vendor.unlock('open', '778890'), { code: 'NoMfa', statusCode: 400 });
  t.equal(aws.count('GetSessionToken', 'AccessDenied'), 2);
});

t.test('a device that is not the user’s', async (t) => {
  const vending = await startBehindMfa(t, { config: `${keysProfile('user')}mfa_serial = ${DEVICE}x\n` });
  await t.rejects(vending.vendor.unlock('user', '778899'), {
    code: 'MfaCodeRefused',
    message: /Check mfa_serial of "user"/,
  });
});

t.test('over other sources the code goes into AssumeRole, and a person renews it', async (t) => {
  const output = JSON.stringify({
    Version: 1,
    AccessKeyId: EVE.accessKeyId,
    SecretAccessKey: EVE.secretAccessKey,
  });
  const config = `[profile program]\ncredential_process = echo '${output}'\n
[profile direct]\nrole_arn = ${role('direct')}\nsource_profile = program\nregion = eu-west-1\n${MFA}\n`;
  const vending = await startBehindMfa(t, { config });
  const { vendor, aws } = vending;
  t.match(await refused(vending, 'direct'), { code: 'MfaRequired' });
  t.equal(aws.calls.length, 0);
  const session = await vendor.unlock('direct', '778899');
  t.match(aws.calls, [{ operation: 'AssumeRole', params: { SerialNumber: DEVICE }, outcome: 'ok' }]);
  t.equal(await vending.ask('direct'), session.accessKeyId);
  t.match(vendor.states(), [{ renewsAt: undefined, source: 'process echo -> role direct with MFA' }]);
  await vending.pass(59 * MINUTE);
  t.equal(await vending.ask('direct'), session.accessKeyId, 'it lasts until its end');
  await vending.pass(2 * MINUTE);
  t.match(await refused(vending, 'direct'), { code: 'MfaRequired' });
  t.equal(aws.calls.length, 1);
});

const overSso = (url: string) => `[sso-session wellcome]
sso_start_url = https://wellcome.awsapps.com/start/#
sso_region = eu-west-1
[profile dev]
sso_session = wellcome
sso_account_id = ${ACCOUNT}
sso_role_name = developer
endpoint_url = ${url}
${roleProfile('over', 'dev', 'over', MFA)}`;

t.test(
  'a role over a sign-in: who is to be asked for a code is told first that nobody is signed in',
  async (t) => {
    const vending = await startBehindMfa(t, { config: overSso });
    t.match(await refused(vending, 'over'), { code: 'MfaRequired' }, 'a request is answered at once');
    await t.rejects(vending.vendor.mfaDevice('over'), {
      code: 'SsoLoginRequired',
      message: /^Profile "over".*Type: credd login/,
    });
    t.strictSame(vending.told, [{ person: 'MfaRequired' }, { needed: 'wellcome' }]);
  },
);
