import t from 'tap';
import { type Narrowing, narrowed } from '../../src/access/narrowing.js';
import { type AssumeRoleStep, type Chain, chainOf } from '../../src/aws/chain.js';
import { sessionPolicy } from '../../src/aws/session-policy.js';
import type { CredentialError } from '../../src/errors.js';
import { type Attempt, allows } from '../support/policy-evaluator.js';

const sts = { region: 'eu-west-1' };
const keys = {
  kind: 'keys',
  profile: 'keys',
  origin: 'access key',
  accessKeyId: 'A',
  secretAccessKey: 's',
} as const;

function roleChain(more: Partial<AssumeRoleStep> = {}): Chain {
  const step: AssumeRoleStep = {
    kind: 'assume-role',
    profile: 'prod',
    roleArn: 'arn:aws:iam::123456789012:role/deploy',
    sessionName: 'credd-ada',
    durationSeconds: 3600,
    sts,
    ...more,
  };
  return chainOf('prod', [keys, step], sts);
}

function lastOf(own: Narrowing, lease?: Narrowing, chain = roleChain()): AssumeRoleStep {
  return narrowed(chain, own, lease).steps.at(-1) as AssumeRoleStep;
}

function refusal(own: Narrowing, lease: Narrowing): Pick<CredentialError, 'code' | 'message'> {
  try {
    lastOf(own, lease);
  } catch (error) {
    return error as CredentialError;
  }
  return { code: 'none', message: '' };
}

const request = (step: AssumeRoleStep) =>
  sessionPolicy(step.narrowing ?? {}, {
    profile: 'prod',
    partition: 'aws',
    ownAddress: async () => '203.0.113.7/32',
  });

const POLICY = JSON.stringify({
  Version: '2012-10-17',
  Statement: [
    { Effect: 'Allow', Action: ['s3:GetObject', 's3:PutObject'], Resource: 'arn:aws:s3:::mine/*' },
    { Effect: 'Deny', Action: 's3:PutObject', Resource: 'arn:aws:s3:::mine/locked' },
  ],
});
const ONE_STATEMENT = JSON.stringify({ Statement: { Effect: 'Allow', Action: '*', Resource: '*' } });

const ALLOWED: readonly Narrowing[] = [
  {},
  { allowed: { readOnly: true } },
  { allowed: { policy: POLICY } },
  { allowed: { policy: ONE_STATEMENT } },
  { allowed: { policyArns: ['arn:aws:iam::123456789012:policy/buckets'] } },
];
const ADDRESSES: readonly Narrowing[] = [
  {},
  { addresses: ['auto'] },
  { addresses: ['203.0.113.0/24'] },
  { addresses: ['203.0.113.128/25'] },
  { addresses: ['0.0.0.0/0'] },
];
const MARKS: readonly Narrowing[] = [
  {},
  { tags: { team: 'a' }, durationSeconds: 900, sourceIdentity: 'ada' },
];
const NARROWINGS = ALLOWED.flatMap((one) =>
  ADDRESSES.flatMap((other) => MARKS.map((third) => ({ ...one, ...other, ...third }))),
);
const ATTEMPTS: readonly Attempt[] = [
  's3:GetObject',
  's3:PutObject',
  's3:DeleteBucket',
  'ec2:DescribeVpcs',
  'iam:CreateUser',
].flatMap((action) =>
  ['arn:aws:s3:::mine/a', 'arn:aws:s3:::mine/locked', 'arn:aws:s3:::other/a'].flatMap((resource) =>
    ['203.0.113.7', '203.0.113.200', '198.51.100.1'].flatMap((address) =>
      [false, true].map((viaService) => ({ action, resource, address, viaService })),
    ),
  ),
);

t.test('no combination of profile and lease allows what either alone forbids', async (t) => {
  const alone = new Map(
    await Promise.all(NARROWINGS.map(async (it) => [it, await request(lastOf(it))] as const)),
  );
  const only = new Map(
    await Promise.all(NARROWINGS.map(async (it) => [it, await request(lastOf({}, it))] as const)),
  );
  let combined = 0;
  let tried = 0;
  let allowed = 0;
  for (const own of NARROWINGS) {
    for (const lease of NARROWINGS) {
      if (own.allowed && lease.allowed) {
        t.equal(refusal(own, lease).code, 'NarrowingClash');
        continue;
      }
      const both = await request(lastOf(own, lease));
      combined++;
      for (const attempt of ATTEMPTS) {
        const each = allows(alone.get(own) ?? {}, attempt) && allows(only.get(lease) ?? {}, attempt);
        const together = allows(both, attempt);
        tried++;
        if (together) allowed++;
        if (together !== each) t.fail('another answer than both alone', { own, lease, attempt, both });
      }
    }
  }
  t.equal(combined, 900, 'of 2500 pairs these do not clash');
  t.ok(allowed > 1000 && tried - allowed > 1000, `${allowed} of ${tried} attempts are allowed`);
});

t.test('exactly what AWS is asked for', async (t) => {
  const denial = (block: string) => ({
    Effect: 'Deny',
    Action: '*',
    Resource: '*',
    Condition: { NotIpAddress: { 'aws:SourceIp': block }, Bool: { 'aws:ViaAWSService': 'false' } },
  });
  const asked = async (own: Narrowing, lease?: Narrowing) => {
    const { Policy, ...others } = await request(lastOf(own, lease));
    return { ...others, ...(Policy ? { Policy: JSON.parse(Policy) } : {}) };
  };
  const readOnly = [{ arn: 'arn:aws:iam::aws:policy/ReadOnlyAccess' }];
  t.strictSame(await asked({}), {});
  t.strictSame(await asked({ allowed: { readOnly: true } }), { PolicyArns: readOnly });
  t.strictSame(
    await asked({ allowed: { readOnly: true } }, { addresses: ['auto'] }),
    { PolicyArns: readOnly, Policy: { Version: '2012-10-17', Statement: [denial('203.0.113.7/32')] } },
    'no Allow * beside ReadOnlyAccess',
  );
  t.strictSame(await asked({ addresses: ['10.0.0.0/8'] }, { addresses: ['auto'] }), {
    Policy: {
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: '*', Resource: '*' },
        denial('10.0.0.0/8'),
        denial('203.0.113.7/32'),
      ],
    },
  });
  const policy = JSON.parse(POLICY);
  t.strictSame(await asked({ addresses: ['10.0.0.0/8'] }, { allowed: { policy: POLICY } }), {
    Policy: { ...policy, Statement: [...policy.Statement, denial('10.0.0.0/8')] },
  });
  t.strictSame(await asked({}, { tags: { b: '1', a: '2' } }), {
    Tags: [
      { Key: 'a', Value: '2' },
      { Key: 'b', Value: '1' },
    ],
  });
  const china = { profile: 'prod', partition: 'aws-cn', ownAddress: async () => '' };
  t.match(await sessionPolicy({ allowed: { readOnly: true } }, china), {
    PolicyArns: [{ arn: 'arn:aws-cn:iam::aws:policy/ReadOnlyAccess' }],
  });
});

t.test('what a profile fixes, its lease does not change', async (t) => {
  const own = {
    durationSeconds: 1800,
    sessionName: 'ci',
    sourceIdentity: 'ada',
    tags: { Team: 'a' },
    transitiveTags: ['Team'],
  };
  for (const lease of [
    { sessionName: 'me' },
    { sourceIdentity: 'bob' },
    { tags: { team: 'b' } },
  ] as Narrowing[]) {
    t.match(refusal(own, lease), {
      code: 'NarrowingClash',
      message: /^Profile "prod" cannot be narrowed so: /,
    });
  }
  t.match(lastOf(own, { durationSeconds: 7200 }), { durationSeconds: 1800 });
  t.match(lastOf(own, { durationSeconds: 900 }), { durationSeconds: 900 });
  t.match(lastOf({}, { durationSeconds: 7200 }, roleChain({ durationSeconds: 1200 })), {
    durationSeconds: 1200,
  });
  t.match(lastOf({}, { durationSeconds: 7200 }), { durationSeconds: 7200 });
  t.match(lastOf(own, { sessionName: 'ci', tags: { TEAM: 'a', more: 'x' }, transitiveTags: ['more'] }), {
    sessionName: 'ci',
    narrowing: { sourceIdentity: 'ada', tags: { Team: 'a', more: 'x' }, transitiveTags: ['Team', 'more'] },
  });
});

t.test('it is part of the cache key of the last step, and of no other', async (t) => {
  const keyed = (own: Narrowing, lease?: Narrowing) => narrowed(roleChain(), own, lease).keys;
  const plain = keyed({});
  t.strictSame(plain, roleChain().keys, 'nothing narrowed: nothing changed');
  const all: Narrowing[] = [
    ...ALLOWED.slice(1),
    ...ADDRESSES.slice(1),
    { durationSeconds: 900 },
    { sessionName: 'it' },
    { sourceIdentity: 'it' },
    { tags: { a: '1' } },
    { tags: { a: '2' } },
    { transitiveTags: ['a'] },
  ];
  t.equal(new Set(all.map((it) => keyed(it)[1])).size, all.length);
  for (const narrowing of all) {
    const [source, role] = keyed(narrowing);
    t.equal(source, plain[0], 'the source is shared');
    t.not(role, plain[1]);
    t.equal(keyed({}, narrowing)[1], role, 'by whomever it is said');
  }
  t.equal(keyed({ tags: { a: '1', b: '2' } })[1], keyed({ tags: { b: '2' } }, { tags: { a: '1' } })[1]);
});
