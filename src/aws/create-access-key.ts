import { CredentialError } from '../errors.js';
import { shellWord } from '../system/shell-word.js';
import { awsError } from './aws-error.js';
import type { Credentials } from './credentials.js';
import { createdKey, type IamCall, listedKeys } from './iam.js';
import type { LongTermKeys } from './long-term-keys.js';

interface Creation {
  profile: string;
  iam: IamCall;
  credentials: Credentials;
  /** The key that is in use. */
  current: string;
}

/**
 * Makes a new access key for the user. One that AWS has made, but whose answer was lost, is deleted: nobody has its secret.
 * @throws CredentialError
 */
export async function createAccessKey(creation: Creation): Promise<LongTermKeys> {
  const { iam, credentials, profile } = creation;
  const before = await keysAtAws(creation);
  try {
    return createdKey(await iam('CreateAccessKey', credentials));
  } catch (error) {
    if ((error as Error).name === 'LimitExceeded') throw noThirdKey(creation, before);
    const failed = awsError(error, profile, 'CreateAccessKey');
    if (wasRefused(error)) throw failed;
    throw new CredentialError(
      failed.code,
      failed.statusCode,
      `${failed.message} ${await withoutLost(creation, before)}`,
      { cause: error },
    );
  }
}

/** Undefined where the user may not list them. */
function keysAtAws({ iam, credentials }: Creation): Promise<string[] | undefined> {
  return iam('ListAccessKeys', credentials)
    .then(listedKeys)
    .catch(() => undefined);
}

function wasRefused(error: unknown): boolean {
  return (error as { $fault?: string }).$fault === 'client';
}

/** Deletes what was not there before; a sentence about how it stands then. */
async function withoutLost(creation: Creation, before: string[] | undefined): Promise<string> {
  const after = before && (await keysAtAws(creation));
  if (!before || !after) return `${creation.current} is in place. ${perhapsOneMore(creation)}`;
  const lost = after.filter((id) => !before.includes(id));
  if (lost.length === 0) return `The old key is in place. ${perhapsOneMore(creation)}`;
  const deleted = lost.map((AccessKeyId) =>
    creation.iam('DeleteAccessKey', creation.credentials, { AccessKeyId }),
  );
  return Promise.all(deleted).then(
    () => 'The new key that AWS had made is deleted again, and the old key is in place.',
    () =>
      `${creation.current} is in place. Delete the new key, whose secret nobody has: ${deleting(creation, lost[0])}`,
  );
}

function perhapsOneMore(creation: Creation): string {
  return `If another key than ${creation.current} shows up that nobody knows, delete it: ${asUser(creation, 'list-access-keys')}, then ${deleting(creation)}`;
}

function noThirdKey(creation: Creation, listed: string[] = []): CredentialError {
  const { profile, current } = creation;
  const other = listed.find((id) => id !== current);
  const named = other ? `: ${current}, which is in use here, and ${other}` : '';
  return new CredentialError(
    'LimitExceeded',
    403,
    `Profile "${profile}": its user has two access keys already, and AWS allows no third${named}. To look at them: ${asUser(creation, 'list-access-keys')}. The one that nothing uses, or whose secret nobody has, delete: ${deleting(creation, other)}`,
  );
}

function deleting(creation: Creation, id = 'ID'): string {
  return asUser(creation, `delete-access-key --access-key-id ${id}`);
}

/** AWS lets a session without MFA call no IAM. */
function asUser({ profile, credentials }: Creation, command: string): string {
  const how = credentials.sessionToken ? '' : ' --no-session';
  return `credd exec ${shellWord(profile)}${how} -- aws iam ${command}`;
}
