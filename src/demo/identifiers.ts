import { createHash, randomBytes } from 'node:crypto';

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

const inBase32 = (bytes: Buffer, length: number): string =>
  Array.from(bytes.subarray(0, length), (byte) => base32[byte % 32]).join('');

/** A unique id as IAM gives one to a user (`AIDA`) or a role (`AROA`): always the same for the same ARN. */
export const uniqueId = (prefix: 'AIDA' | 'AROA', arn: string): string =>
  prefix + inBase32(createHash('sha256').update(arn).digest(), 17);

export const temporaryKeyId = (): string => `ASIA${inBase32(randomBytes(16), 16)}`;

export const longTermKeyId = (): string => `AKIA${inBase32(randomBytes(16), 16)}`;

export const randomSecret = (): string => randomBytes(30).toString('base64');

/** As long as real ones, and with `/`, `+` and `=` in it as they have. */
export const randomSessionToken = (): string => `IQ/+${randomBytes(361).toString('base64')}`;

export const randomToken = (bytes = 32): string => randomBytes(bytes).toString('base64url');

/** A user code of a device authorization: easy to read out, as `BCDF-GHJK`. */
export function userCode(): string {
  const letters = 'BCDFGHJKLMNPQRSTVWXZ';
  const code = Array.from(randomBytes(8), (byte) => letters[byte % letters.length]).join('');
  return `${code.slice(0, 4)}-${code.slice(4)}`;
}

export interface RoleName {
  partition: string;
  accountId: string;
  /** The name without its path. */
  name: string;
}

/** Takes the ARN of an IAM role apart; undefined for anything else. */
export function parseRoleArn(arn: string): RoleName | undefined {
  const [, partition, accountId, path] = /^arn:(aws[\w-]*):iam::(\d{12}):role\/(.+)$/.exec(arn) ?? [];
  if (!partition || !accountId || !path) return undefined;
  return { partition, accountId, name: path.slice(path.lastIndexOf('/') + 1) };
}
