import t from 'tap';
import { signInByDevice } from '../../src/aws/sso-device.js';
import { type SignInLab, signInLab } from '../support/sign-ins.js';
import { turn } from '../support/time.js';

/** Lets time pass, but only while nothing is asked of AWS. */
async function second({ clock }: SignInLab): Promise<void> {
  if (clock.timers > 0) clock.advance(1000);
  await turn();
}

/** Lets time pass until it has an outcome. */
async function outcome<T>(token: Promise<T>, lab: SignInLab): Promise<T> {
  let over = false;
  token.then(() => (over = true)).catch(() => (over = true));
  while (!over) await second(lab);
  return token;
}

t.test('the person confirms the code', async (t) => {
  const lab = await signInLab(t);
  const attempt = await signInByDevice(lab.about, lab.parts);
  t.match(attempt, { url: `${lab.aws.url}/device?user_code=${attempt.userCode}`, userCode: /^\w{4}-\w{4}$/ });
  while (lab.aws.count('CreateToken', 'AuthorizationPendingException') < 3) await second(lab);
  lab.aws.approve(attempt.userCode ?? '');
  t.ok((await outcome(attempt.token, lab)).refreshToken);
});

t.test('refused, or nobody confirms it', async (t) => {
  const lab = await signInLab(t);
  const denied = await signInByDevice(lab.about, lab.parts);
  lab.aws.deny(denied.userCode ?? '');
  await t.rejects(outcome(denied.token, lab), { code: 'SignInDenied' });
  const late = await signInByDevice(lab.about, lab.parts);
  await t.rejects(outcome(late.token, lab), {
    code: 'SignInExpired',
    message: /nobody confirmed it in time/,
  });
});

t.test('told to slow down it does, and a lost connection does not end it', async (t) => {
  const lab = await signInLab(t);
  const attempt = await signInByDevice(lab.about, lab.parts);
  lab.aws.faults.set('CreateToken', { kind: 'error', status: 400, code: 'SlowDownException', times: 1 });
  while (lab.aws.count('CreateToken') < 1) await second(lab);
  lab.aws.faults.set('CreateToken', { kind: 'drop', times: 2 });
  lab.aws.approve(attempt.userCode ?? '');
  t.ok((await outcome(attempt.token, lab)).accessToken);
  const [slowed, next] = lab.aws.calls.filter(({ operation }) => operation === 'CreateToken');
  t.ok((next?.at ?? 0) - (slowed?.at ?? 0) >= 6000, 'five seconds more than the interval');
});

t.test('given up', async (t) => {
  const lab = await signInLab(t);
  const attempt = await signInByDevice(lab.about, lab.parts);
  attempt.abandon();
  await t.rejects(attempt.token, { code: 'SignInAbandoned' });
  lab.clock.advance(60_000);
  t.equal(lab.aws.count('CreateToken'), 0);
});

t.test('a wrong start URL', async (t) => {
  const lab = await signInLab(t);
  await t.rejects(signInByDevice({ ...lab.about, startUrl: 'https://x.awsapps.com/start' }, lab.parts), {
    code: 'InvalidStartUrl',
    statusCode: 400,
  });
});

t.test('the legacy form is registered without scopes, and cannot be renewed', async (t) => {
  const lab = await signInLab(t, { autoApprove: true });
  const { session: _, ...legacy } = { ...lab.about, key: lab.about.startUrl };
  const attempt = await signInByDevice(legacy, lab.parts);
  t.notOk((await outcome(attempt.token, lab)).refreshToken);
  t.notOk(lab.aws.calls[0]?.params.scopes);
});
