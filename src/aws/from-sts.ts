import { accountOf } from './chain.js';
import type { Credentials } from './credentials.js';

interface StsAnswer {
  Credentials?:
    | {
        AccessKeyId: string | undefined;
        SecretAccessKey: string | undefined;
        SessionToken: string | undefined;
        Expiration: Date | undefined;
      }
    | undefined;
  AssumedRoleUser?: { Arn: string | undefined; AssumedRoleId: string | undefined } | undefined;
}

/** @throws Error where a 200 holds no credentials, which is not AWS but a captive portal or a proxy's page. */
export function fromSts({ Credentials: given }: StsAnswer) {
  const expiration = given?.Expiration?.getTime();
  if (!given?.AccessKeyId || !given.SecretAccessKey || !given.SessionToken || !expiration) {
    throw new Error('the answer holds no credentials');
  }
  return {
    accessKeyId: given.AccessKeyId,
    secretAccessKey: given.SecretAccessKey,
    sessionToken: given.SessionToken,
    expiration,
  };
}

export function assumedRole(answer: StsAnswer, roleArn: string): Credentials {
  const session: Credentials = { ...fromSts(answer), roleArn };
  const account = accountOf(roleArn);
  if (account) session.accountId = account;
  const user = answer.AssumedRoleUser;
  if (user?.Arn && user.AssumedRoleId) {
    session.assumedRoleUser = { arn: user.Arn, assumedRoleId: user.AssumedRoleId };
  }
  return session;
}
