import t from 'tap';
import type { Narrowing } from '../../src/access/narrowing.js';
import { ACCOUNT, denial, POLICY, startNarrowing } from '../support/narrowing.js';

t.test('a role carries exactly what narrows it', async (t) => {
  const { details } = await startNarrowing(t);
  const plain = {
    policy: undefined,
    policyArns: [],
    tags: {},
    transitiveTagKeys: [],
    sourceIdentity: undefined,
  };
  t.match(await details('deploy'), { ...plain, minutes: 60 });
  t.match(await details('deploy', {}, { allowed: { readOnly: true } }), {
    ...plain,
    policyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess'],
  });
  t.match(await details('deploy', { addresses: ['auto'] }, { allowed: { policy: POLICY } }), {
    ...plain,
    policy: { Version: '2012-10-17', Statement: [JSON.parse(POLICY).Statement, denial('203.0.113.7/32')] },
  });
  t.match(
    await details(
      'deploy',
      { durationSeconds: 7200, sessionName: 'ci', tags: { team: 'a' } },
      { sourceIdentity: 'ada', tags: { app: 'x y' }, transitiveTags: ['team'] },
    ),
    {
      ...plain,
      tags: { team: 'a', app: 'x y' },
      transitiveTagKeys: ['team'],
      sourceIdentity: 'ada',
      minutes: 120,
      arn: `arn:aws:sts::${ACCOUNT}:assumed-role/deploy/ci`,
    },
  );
});

t.test("aws-vault's names in the AWS profile, in each step of a chain", async (t) => {
  const { aws, details, refusal } = await startNarrowing(t);
  const marks = {
    sourceIdentity: 'ada',
    tags: { team: 'a', 'cost center': '7' },
    transitiveTagKeys: ['team'],
  };
  t.match(await details('marked'), marks);
  t.match(await details('marked', { tags: { team: 'b' } }, { allowed: { readOnly: true } }), {
    ...marks,
    tags: { team: 'b', 'cost center': '7' },
    policyArns: [String],
  });
  t.match(await refusal('marked', {}, { tags: { team: 'b' } }), { code: 'NarrowingClash' });
  await details('on-marked', { allowed: { readOnly: true } });
  const [first, second] = aws.world.sessions().slice(-2);
  t.match(first?.details, { ...marks, policyArns: [] }, 'only the last step is narrowed');
  t.match(second?.details, { tags: {}, policyArns: [String] });
  t.match(await refusal('badly-marked'), {
    code: 'InvalidProfile',
    message: /"team" has no value: write it as key=value \(~\/\.aws\/config:\d+\)/,
  });
  t.match(await refusal('marked-twice'), {
    code: 'InvalidProfile',
    message: /"team" is there twice.*\(~\/\.aws\/config:\d+\)/,
  });
  t.match(await refusal('marked-web'), { code: 'InvalidProfile', message: /session_tags.*does not take/ });
});

t.test('a web identity takes policies, but neither tags nor a source identity', async (t) => {
  const { details, refusal } = await startNarrowing(t);
  t.match(
    await details(
      'web',
      { addresses: ['10.0.0.0/8'] },
      { allowed: { readOnly: true }, durationSeconds: 900 },
    ),
    {
      policyArns: [String],
      policy: { Statement: [denial('10.0.0.0/8')] },
      minutes: 15,
    },
  );
  for (const lease of [
    { tags: { a: '1' } },
    { sourceIdentity: 'ada' },
    { transitiveTags: ['a'] },
  ] as Narrowing[]) {
    t.match(await refusal('web', {}, lease), {
      code: 'CannotBeNarrowed',
      statusCode: 400,
      message:
        /^Profile "web" cannot be given .*web identity token.* role_arn = ARN and source_profile = web/,
    });
  }
});

t.test('long-term keys are narrowed by GetFederationToken', async (t) => {
  const { aws, details, refusal } = await startNarrowing(t);
  const federated = `arn:aws:sts::${ACCOUNT}:federated-user/credd`;
  t.match(await details('keys', { allowed: { readOnly: true } }), {
    arn: federated,
    policyArns: ['arn:aws:iam::aws:policy/ReadOnlyAccess'],
    policy: undefined,
    minutes: 720,
  });
  t.match(
    await details('keys', {}, { tags: { a: '1' }, sessionName: 'ada', durationSeconds: 900 }),
    {
      arn: federated.replace('credd', 'ada'),
      tags: { a: '1' },
      policy: { Statement: [{ Effect: 'Allow', Action: '*', Resource: '*' }] },
      minutes: 15,
    },
    'without a policy it could do nothing',
  );
  t.match(await details('keys', { addresses: ['auto'] }), {
    policy: { Statement: [{ Effect: 'Allow' }, denial('203.0.113.7/32')] },
  });
  t.match(await details('keys', { durationSeconds: 1800 }), {
    arn: `arn:aws:iam::${ACCOUNT}:user/ada`,
    minutes: 30,
  });
  t.equal(aws.calls.at(-1)?.operation, 'GetSessionToken');
  for (const lease of [
    { sourceIdentity: 'ada' },
    { transitiveTags: ['a'] },
    { sessionName: 'it' },
  ] as Narrowing[]) {
    t.match(await refusal('keys', {}, lease), {
      code: 'CannotBeNarrowed',
      message: /a session of access keys/,
    });
  }
  t.match(await refusal('keys', { allowed: { readOnly: true }, sessionName: 'x'.repeat(33) }), {
    code: 'InvalidNarrowing',
  });
});
