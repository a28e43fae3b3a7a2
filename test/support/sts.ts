import './clean-environment.js';
import {
  AssumeRoleCommand,
  type Credentials,
  GetCallerIdentityCommand,
  STSClient,
} from '@aws-sdk/client-sts';
import type { Test } from 'tap';
import { startSimulatedAws } from '../../src/demo/aws.js';
import type { WorldOptions } from '../../src/demo/world.js';

export const account = '123456789012';
export const user = {
  accountId: account,
  name: 'ada',
  accessKeyId: 'AKIAADA',
  secretAccessKey: 'ada-secret',
};
export const mfaSerial = `arn:aws:iam::${account}:mfa/eve`;
export const eve = {
  accountId: account,
  name: 'eve',
  accessKeyId: 'AKIAEVE',
  secretAccessKey: 'eve-secret',
  mfaSerial,
};
export const admin = `arn:aws:iam::${account}:role/team/Admin`;
export const partner = `arn:aws:iam::210987654321:role/Partner`;
export const chained = `arn:aws:iam::${account}:role/Chained`;
export const guarded = `arn:aws:iam::${account}:role/Guarded`;
export const ci = `arn:aws:iam::${account}:role/Ci`;
export const issuer = 'token.actions.example.com';

const world: WorldOptions = {
  users: [user, eve],
  roles: [
    { arn: admin, trusts: [`arn:aws:iam::${account}:root`], maxSessionDuration: 43_200 },
    { arn: partner, trusts: [`arn:aws:iam::${account}:user/ada`], externalId: 'a/b=c' },
    { arn: chained, trusts: [admin], maxSessionDuration: 43_200 },
    { arn: guarded, trusts: [account], requiresMfa: true },
    { arn: ci, trusts: [issuer] },
  ],
  roleFor: (arn) => (/:role\/bulk-\d+$/.test(arn) ? { arn, trusts: [account] } : undefined),
  webIdentities: [
    { token: 'good-token', issuer, subject: 'repo:a/b', audience: 'sts.amazonaws.com' },
    { token: 'old-token', issuer, subject: 'repo:a/b', audience: 'sts.amazonaws.com', expiresAt: 1 },
  ],
};

export interface Keys {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
}

/** The simulated STS, and what the real client asks of it. */
export async function startSts(t: Test, options: Parameters<typeof startSimulatedAws>[0] = {}) {
  const aws = await startSimulatedAws({ world, ...options });
  t.teardown(aws.close);
  const client = (credentials: Keys, region = 'eu-west-1') => {
    const sts = new STSClient({ endpoint: aws.url, region, credentials, maxAttempts: 1 });
    t.teardown(() => sts.destroy());
    return sts;
  };
  const assume = (credentials: Keys, RoleArn: string, more = {}) =>
    client(credentials).send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'work', ...more }));
  const whoAmI = (credentials: Keys) => client(credentials).send(new GetCallerIdentityCommand({}));
  return { aws, client, assume, whoAmI };
}

export const keys = (credentials: Credentials | undefined): Keys => ({
  accessKeyId: credentials?.AccessKeyId ?? '',
  secretAccessKey: credentials?.SecretAccessKey ?? '',
  sessionToken: credentials?.SessionToken,
});
