/** Keys as AWS signs with them. `expiration` is milliseconds since the epoch; absent for long-term keys. */
export interface Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
  expiration?: number;
  accountId?: string;
  /** The ARN of the role behind the session, without the session name. */
  roleArn?: string;
  /** What AssumeRole says of the assumed role; `aws sts assume-role` prints it. */
  assumedRoleUser?: { arn: string; assumedRoleId: string };
}
