import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CredentialError } from '../errors.js';
import {
  checkWritable,
  ensureFolder,
  readIfPresent,
  removeFile,
  writePrivateFile,
} from '../system/private-files.js';
import { shellWord } from '../system/shell-word.js';
import type { SsoRoleStep } from './chain.js';
import { objectIn } from './object-in.js';
import { keyOf } from './sso-sign-in.js';
import { cacheTime, parseTime } from './time.js';

/** What a sign-in gave. Times are milliseconds since the epoch. */
export interface SsoToken {
  accessToken: string;
  expiresAt: number;
  startUrl?: string;
  region?: string;
  clientId?: string;
  clientSecret?: string;
  registrationExpiresAt?: number;
  refreshToken?: string;
}

/** Whether it can be had anew without a person. */
export function isRenewable(token: SsoToken, now: number): boolean {
  const { refreshToken, clientId, clientSecret, registrationExpiresAt = Number.POSITIVE_INFINITY } = token;
  return Boolean(refreshToken && clientId && clientSecret) && registrationExpiresAt > now;
}

/** Why there is no token: for the person. */
export type Lack = 'nobody is signed in' | 'the cached sign-in cannot be read' | 'the sign-in has expired';

/**
 * The AWS CLI's cache of access tokens, shared by the CLI and every SDK: files named by the SHA-1 of the sso-session's
 * name, or of the start URL for the legacy form.
 */
export class SsoTokenCache {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get folder(): string {
    return this.#folder;
  }

  path(key: string): string {
    return join(this.#folder, `${createHash('sha1').update(key).digest('hex')}.json`);
  }

  /** The token, expired or not, or why there is none. */
  async read(key: string): Promise<SsoToken | Lack> {
    const file = await readIfPresent(this.path(key)).catch(() => '');
    if (file === undefined) return 'nobody is signed in';
    return tokenIn(objectIn(String(file))) ?? 'the cached sign-in cannot be read';
  }

  /**
   * Writes the token over `replaced`, with what other tools keep in the file, and gives what stands there then. Where
   * somebody else has signed in or renewed meanwhile and that lasts longer, theirs stays.
   */
  async write(key: string, token: SsoToken, replaced: SsoToken | Lack): Promise<SsoToken> {
    await ensureFolder(this.#folder);
    const path = this.path(key);
    const present = objectIn(await readFile(path, 'utf8').catch(() => ''));
    const theirs = tokenIn(present);
    const known = typeof replaced === 'object' ? replaced.accessToken : undefined;
    if (theirs && theirs.accessToken !== known && theirs.expiresAt > token.expiresAt) return theirs;
    // What belongs to the old token must not stay beside the new one.
    const { refreshToken: _, ...rest } = present;
    await writePrivateFile(path, JSON.stringify({ ...rest, ...fieldsOf(token) }, null, 2));
    return token;
  }

  /** @throws CredentialError `CannotWrite` (503) where `write` would fail */
  checkWritable(key: string): Promise<void> {
    return checkWritable(this.path(key));
  }

  /** @throws CredentialError `CannotWrite` (503) */
  remove(key: string): Promise<void> {
    return removeFile(this.path(key));
  }
}

/**
 * The access token of the step's sign-in.
 * @throws CredentialError `SsoLoginRequired` (403) where there is none that still lasts.
 */
export async function ssoToken(step: SsoRoleStep, cacheDir: string, now: number): Promise<string> {
  const token = await new SsoTokenCache(cacheDir).read(keyOf(step));
  if (typeof token === 'string') throw ssoLoginRequired(step, token);
  if (token.expiresAt <= now) throw ssoLoginRequired(step, 'the sign-in has expired');
  return token.accessToken;
}

export function ssoLoginRequired(step: SsoRoleStep, why: string): CredentialError {
  return new CredentialError(
    'SsoLoginRequired',
    403,
    `Profile "${step.profile}": ${why} at ${step.startUrl}. Type: credd login ${shellWord(step.profile)}`,
  );
}

const TEXTS = ['startUrl', 'region', 'clientId', 'clientSecret', 'refreshToken'] as const;

function tokenIn(fields: Record<string, unknown>): SsoToken | undefined {
  const { accessToken } = fields;
  const expiresAt = parseTime(fields.expiresAt);
  if (typeof accessToken !== 'string' || !accessToken || expiresAt === undefined) return undefined;
  const token: SsoToken = { accessToken, expiresAt };
  for (const name of TEXTS) {
    const value = fields[name];
    if (typeof value === 'string' && value) token[name] = value;
  }
  const registrationExpiresAt = parseTime(fields.registrationExpiresAt);
  if (registrationExpiresAt !== undefined) token.registrationExpiresAt = registrationExpiresAt;
  return token;
}

function fieldsOf({ expiresAt, registrationExpiresAt, ...texts }: SsoToken): object {
  return {
    ...texts,
    expiresAt: cacheTime(expiresAt),
    ...(registrationExpiresAt === undefined
      ? {}
      : { registrationExpiresAt: cacheTime(registrationExpiresAt) }),
  };
}
