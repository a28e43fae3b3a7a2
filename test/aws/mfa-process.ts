import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { HOUR, MINUTE, SECOND } from '../support/time.js';
import { keysProfile, roleProfile } from '../support/vending-config.js';
import { MFA, refused, startBehindMfa } from '../support/vending-mfa.js';

t.test('mfa_process supplies the code, and then nobody is asked', async (t) => {
  const folder = t.testdir({});
  const counter = join(folder, 'counter');
  writeFileSync(counter, '100000');
  const script = `n=$(cat '${counter}'); echo $((n + 1)) > '${counter}'; echo $n`;
  const process = `mfa_process = sh -c "${script}"`;
  const config = `${keysProfile('user')}${MFA}\n${process}\n${roleProfile('one', 'user', 'one', MFA)}`;
  const vending = await startBehindMfa(t, { config, env: { PATH: globalThis.process.env.PATH ?? '' } });
  t.match(await vending.ask('one'), /^ASIA/, "the source's own process serves the role");
  t.match(await vending.ask('user'), /^ASIA/);
  t.equal(vending.aws.count('GetSessionToken'), 1);
  await vending.pass(24 * HOUR, 10 * MINUTE);
  t.match(await vending.ask('one'), /^ASIA/);
  t.match(vending.aws.count('GetSessionToken'), 3);
  t.equal(vending.aws.count('GetSessionToken', 'AccessDenied'), 0);
});

t.test('what an mfa_process may do wrong', async (t) => {
  const marker = join(t.testdir({}), 'shell');
  const cases = [
    ['echo 12345', /not a code of six digits/],
    ['echo secret-code-9', /not a code of six digits/],
    [`echo 123456; touch ${marker}`, /not a code of six digits/],
    ['sh -c "echo 654321; echo no key inserted >&2; exit 4"', /exit code 4\. Run that command by hand/],
    [`sh -c "echo 'the code is 654321' >&2; exit 3"`, /exit code 3\. Run that command by hand/],
    ['no-such-program', /there is no program no-such-program/],
    ['"unclosed', /a quote in it is not closed/],
  ] as const;
  for (const [command, message] of cases) {
    const config = `${keysProfile('user')}${MFA}\nmfa_process = ${command}\n`;
    const vending = await startBehindMfa(t, { config, env: { PATH: process.env.PATH ?? '' } });
    const error = await refused(vending, 'user');
    t.match(error, { code: 'MfaProcessFailed', statusCode: 403, retryable: true });
    t.match(error.message, message);
    t.notMatch(error.message, /12345|654321|secret-code/, 'what it printed is not repeated');
    t.equal(vending.aws.calls.length, 0);
  }
  t.notOk(existsSync(marker), 'no shell reads it');
});

t.test('an mfa_process that repeats a code is asked again later', async (t) => {
  const file = join(t.testdir({ code: '111111' }), 'code');
  const config = `${keysProfile('user')}${MFA}\nmfa_process = cat ${file}\n`;
  const vending = await startBehindMfa(t, { config, env: { PATH: process.env.PATH ?? '' } });
  await vending.ask('user');
  await vending.vendor.renew('user').then(
    () => t.fail('the code was used'),
    (error) => t.match(error, { code: 'MfaCodeRefused', retryable: true }),
  );
  writeFileSync(file, '222222');
  t.equal(readFileSync(file, 'utf8'), '222222');
  await vending.pass(12 * HOUR, 10 * MINUTE);
  t.match(await vending.ask('user'), /^ASIA/);
  t.equal(vending.aws.count('GetSessionToken', 'ok'), 2);
  t.ok(vending.clock.now() > SECOND);
});

t.test('what one profile has to print the codes of a device serves all with that device', async (t) => {
  const file = join(t.testdir({ code: '111111' }), 'code');
  const guardedRole = (name: string, more = '') => roleProfile(name, 'plain', 'one', `${MFA}${more}`);
  const process = `\nmfa_process = cat ${file}`;
  const config = `${keysProfile('plain')}\n${guardedRole('asks')}\n${guardedRole('prints', process)}`;
  const without = config.replace(process, '');
  const vending = await startBehindMfa(t, {
    config: without,
    env: { PATH: globalThis.process.env.PATH ?? '' },
  });
  t.match(await refused(vending, 'asks'), { code: 'MfaRequired' });
  await vending.edit(config);
  t.match(await vending.ask('prints'), /^ASIA/, 'though a person was needed a moment ago');
  t.equal(await vending.ask('asks'), await vending.ask('prints'));
  t.equal(vending.aws.count('GetSessionToken'), 1);

  vending.vendor.forgetBehind(() => true);
  writeFileSync(file, '222222');
  t.match(await vending.ask('asks'), /^ASIA/, 'whoever asks first');

  vending.vendor.forgetBehind(() => true);
  await vending.edit(without);
  for (const profile of ['asks', 'prints'])
    t.match(await refused(vending, profile), { code: 'MfaRequired' }, 'and when it is gone, it is gone');
});
