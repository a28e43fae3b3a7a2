import t from 'tap';
import type { Narrowing } from '../../src/access/narrowing.js';
import { startNarrowing } from '../support/narrowing.js';

t.test('what AWS cannot narrow is refused with the way out, never given whole', async (t) => {
  const { aws, refusal } = await startNarrowing(t);
  const everything: Narrowing[] = [
    { allowed: { readOnly: true } },
    { addresses: ['auto'] },
    { durationSeconds: 900 },
    { sessionName: 'it' },
    { sourceIdentity: 'it' },
    { tags: { a: '1' } },
    { transitiveTags: ['a'] },
  ];
  for (const [profile, why] of [
    ['sso', 'developer comes from Identity Center'],
    ['pasted', 'a session already'],
    ['tool', 'come from a program'],
  ] as const) {
    for (const narrowing of everything) {
      for (const [own, lease] of [
        [narrowing, {}],
        [{}, narrowing],
      ] as const) {
        const { code, message } = await refusal(profile, own, lease);
        t.equal(code, 'CannotBeNarrowed');
        t.match(message, new RegExp(why));
        t.match(message, `role_arn = ARN and source_profile = ${profile}, and narrow that.`);
      }
    }
  }
  t.equal(aws.calls.length, 0);
});

t.test('limits, in words', async (t) => {
  const { answers, refusal } = await startNarrowing(t);
  t.match(await refusal('deploy', { durationSeconds: 43_201 }), {
    message: /lasts 43200 seconds \(12h\) at most/,
  });
  const wide = (count: number) =>
    JSON.stringify({
      Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: `arn:aws:s3:::${'x'.repeat(count)}` }],
    });
  t.match(await refusal('deploy', { allowed: { policy: wide(2048) } }), {
    code: 'PolicyTooLong',
    message: /^Profile "deploy": its session policy has 21\d\d characters .* AWS takes 2048/,
  });
  t.match(await refusal('deploy', { allowed: { policy: wide(1900) }, tags: { a: 'y'.repeat(200) } }), {
    code: 'PackedPolicyTooLargeException',
    statusCode: 400,
    message: /^Profile "deploy": .*shorten the policy, or name fewer policies and tags\.$/,
  });
  for (const [status, body] of [
    [200, '<html>sign in to this network</html>'],
    [200, 'x'.repeat(5000)],
    [302, ''],
    [500, '203.0.113.7'],
  ] as const) {
    Object.assign(answers, { status, body });
    t.match(await refusal('deploy', { addresses: ['auto'] }), {
      code: 'AddressUnknown',
      statusCode: 503,
      message: /^Profile "deploy": http:\/\/127\.0\.0\.1:\d+\/ did not say which address/,
    });
  }
});
