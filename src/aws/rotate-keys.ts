import { CredentialError } from '../errors.js';
import type { Clock } from '../system/clock.js';
import { awsError } from './aws-error.js';
import { createAccessKey } from './create-access-key.js';
import type { Credentials } from './credentials.js';
import type { IamCall } from './iam.js';
import type { KeptKeys } from './kept-keys.js';
import type { LongTermKeys } from './long-term-keys.js';

/** IAM tells its regions of a new key within seconds. */
const TRIES = 10;
const BETWEEN_TRIES = 1500;

export interface Rotation {
  profile: string;
  kept: KeptKeys;
  iam: IamCall;
  /** Rejects where AWS does not take the keys. */
  tryKeys(keys: LongTermKeys): Promise<unknown>;
  /** What IAM is asked with: the keys themselves, or their MFA session. */
  signer(keys: LongTermKeys): Promise<Credentials>;
  clock: Clock;
}

/**
 * A new access key is made, tried and stored, and the old one deactivated: it can be activated again until the next
 * rotation deletes it. After any failure the old key is in place and active, and the new one is gone.
 * @throws CredentialError
 */
export async function rotateKeys(rotation: Rotation): Promise<{ accessKeyId: string; previous: string }> {
  const { profile, kept, iam, signer, clock } = rotation;
  await kept.lasting();
  const old = await kept.get(profile);
  const { previous, since = clock.now() } = kept.all.get(profile) ?? {};
  const before = { previous, since, undo: await kept.undo(profile) };
  const asOld = await signer(old);
  if (previous)
    await deletePrevious(iam, asOld, previous).catch((error) => {
      throw awsError(error, profile, 'DeleteAccessKey');
    });
  const created = await createAccessKey({ profile, iam, credentials: asOld, current: old.accessKeyId });
  try {
    await untilTaken(rotation, created);
    await kept.put(profile, created, { previous: old.accessKeyId });
    await iam('UpdateAccessKey', asOld, { AccessKeyId: old.accessKeyId, Status: 'Inactive' });
  } catch (error) {
    await undo(rotation, { old, created, asOld, before, why: error });
  }
  return { accessKeyId: created.accessKeyId, previous: old.accessKeyId };
}

async function deletePrevious(iam: IamCall, credentials: Credentials, AccessKeyId: string): Promise<void> {
  await iam('DeleteAccessKey', credentials, { AccessKeyId }).catch((error: Error) => {
    if (error.name !== 'NoSuchEntity') throw error;
  });
}

async function untilTaken({ tryKeys, clock }: Rotation, keys: LongTermKeys): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return void (await tryKeys(keys));
    } catch (error) {
      if (tries >= TRIES || (error as CredentialError).code !== 'InvalidClientTokenId') throw error;
    }
    await new Promise<void>((done) => clock.after(BETWEEN_TRIES, done));
  }
}

/** Always ends in an error: of what failed, and of what could not be undone. */
async function undo(
  { profile, kept, iam }: Rotation,
  state: {
    old: LongTermKeys;
    created: LongTermKeys;
    asOld: Credentials;
    /** How the old key stood. */
    before: { previous: string | undefined; since: number; undo: unknown };
    why: unknown;
  },
): Promise<never> {
  const { old, created, asOld, before, why } = state;
  // Its answer may have been lost after it was done; a failure shows in the next call, which the old key signs.
  const activate = { AccessKeyId: old.accessKeyId, Status: 'Active' };
  await iam('UpdateAccessKey', created, activate)
    .catch(() => iam('UpdateAccessKey', asOld, activate))
    .catch(() => {});
  const failures: string[] = [];
  await kept.put(profile, old, before).catch(() => {});
  const stored = await kept.get(profile).catch(() => undefined);
  if (stored?.accessKeyId === created.accessKeyId) {
    // To delete it would leave the person with none.
    failures.push(
      `the old key could not be stored again: the new one, ${created.accessKeyId}, stays in place`,
    );
  } else {
    await iam('DeleteAccessKey', asOld, { AccessKeyId: created.accessKeyId }).catch((error: Error) =>
      failures.push(`delete the new key ${created.accessKeyId} by hand (${error.name})`),
    );
  }
  const failed = awsError(why, profile, 'the rotation');
  const left = failures.length === 0 ? 'The old key is in place.' : `But ${failures.join('; ')}.`;
  throw new CredentialError(failed.code, failed.statusCode, `${failed.message} ${left}`, { cause: why });
}
