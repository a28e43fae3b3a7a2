import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startSimulatedAws } from '../../src/demo/aws.js';
import { readProfiles } from '../support/profiles.js';

const role = 'arn:aws:iam::123456789012:role/Ci';
const issuer = 'token.actions.example.com';
const identity = { issuer, subject: 'repo:a/b', audience: 'sts.amazonaws.com' };

async function start(t: Test) {
  const aws = await startSimulatedAws({
    world: {
      roles: [
        { arn: role, trusts: [issuer] },
        { arn: `${role}Other`, trusts: ['elsewhere'] },
        { arn: `${role}Next`, trusts: [role] },
      ],
      webIdentities: [
        { token: 'first-token', ...identity },
        { token: 'second-token', ...identity },
        { token: 'old-token', ...identity, expiresAt: 1 },
      ],
    },
  });
  t.teardown(aws.close);
  const file = join(t.testdir({}), 'token');
  const section = (name: string, arn: string) =>
    `[profile ${name}]\nrole_arn = ${arn}\nweb_identity_token_file = ${file}\n`;
  const config = `${section('ci', role)}${section('other', `${role}Other`)}[profile next]\nrole_arn = ${role}Next\nsource_profile = ci\n`;
  const profiles = await readProfiles(t, { config, env: { AWS_ENDPOINT_URL: aws.url } });
  // readProfiles has made the folder anew.
  return {
    aws,
    write: (token: string) => writeFileSync(file, token),
    remove: () => rmSync(file),
    ...profiles,
  };
}

t.test('the token is read afresh each time', async (t) => {
  const { aws, obtain, write } = await start(t);
  write('first-token\n');
  t.match(await obtain('ci'), {
    roleArn: role,
    accountId: '123456789012',
    sessionToken: String,
    expiration: Number,
  });
  write('second-token');
  await obtain('ci');
  t.equal(aws.count('AssumeRoleWithWebIdentity', 'ok'), 2);
  t.match(await obtain('next'), { roleArn: `${role}Next` }, 'and a role on top');
});

t.test('no token there, or an empty one', async (t) => {
  const { aws, refusal, write, remove } = await start(t);
  const missing = await refusal('ci');
  t.match(missing, { code: 'WebIdentityTokenUnreadable', statusCode: 403, retryable: true });
  t.match(missing.message, /web_identity_token_file \/.*token cannot be used \(it does not exist\)/);
  write(' \n');
  t.match((await refusal('ci')).message, 'it is empty');
  remove();
  t.strictSame(aws.calls, []);
});

t.test('a token that AWS does not take', async (t) => {
  const { refusal, write } = await start(t);
  write('old-token');
  const old = await refusal('ci');
  t.match(old, { code: 'ExpiredTokenException', statusCode: 403, retryable: true });
  t.match(old.message, /Token expired: .* Have the token in the web_identity_token_file of "ci" renewed\.$/);
  write('forged-token');
  const forged = await refusal('ci');
  t.match(forged, { code: 'InvalidIdentityToken', statusCode: 403, retryable: false });
  t.notMatch(forged.message, 'forged-token');
  write('first-token');
  const other = await refusal('other');
  t.match(other, { code: 'AccessDenied', statusCode: 403 });
  t.match(other.message, 'trust policy names the issuer');
});
