import type { LongTermKeys } from '../aws/long-term-keys.js';
import { segmentOf } from '../http/segment.js';
import type { DaemonClient } from './connect.js';

/** What the keychain holds. */
export interface KeptList {
  keys: { profile: string; accessKeyId: string; since: number; previous?: string; from?: string }[];
}

export function listKept(daemon: DaemonClient): Promise<KeptList> {
  return daemon.ask('GET', '/api/keys');
}

/** @throws CredentialError `NoKeychain` (403), before anybody is asked for keys that nothing would keep */
export async function placeOfKeys(daemon: DaemonClient): Promise<string> {
  const { kind } = await daemon.ask<{ kind: string }>('GET', '/api/key-store');
  return kind === 'file' ? 'the encrypted store' : 'the keychain';
}

/** AWS has to take them first. Gives whose they are, and where they are now. */
export async function keepKeys(
  daemon: DaemonClient,
  profile: string,
  keys: LongTermKeys & { region?: string; undo?: unknown },
): Promise<{ arn: string; place: string }> {
  // The profile may have been written a moment ago.
  await daemon.ask('POST', '/api/reload');
  const { arn } = await daemon.ask<{ arn: string }>('POST', keysUrl(profile), keys);
  return { arn, place: await placeOfKeys(daemon) };
}

export function keysUrl(profile: string): string {
  return `/api/keys/${segmentOf(profile)}`;
}

/** Enough to tell keys apart. */
export function shortened(id: string): string {
  return id.length > 12 ? `${id.slice(0, 4)}…${id.slice(-4)}` : `…${id.slice(-2)}`;
}
