import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CredentialError } from '../errors.js';
import type { SsoRoleStep } from './chain.js';
import { parseTime } from './time.js';

/**
 * The access token that a sign-in left in the AWS CLI's cache, shared by the CLI and every SDK: a file named by
 * the SHA-1 of the sso-session's name, or of the start URL for the legacy form.
 * @throws CredentialError `SsoLoginRequired` (403) where there is none that still lasts.
 */
export async function ssoToken(step: SsoRoleStep, cacheDir: string, now: number): Promise<string> {
  const text = await readFile(ssoTokenPath(step, cacheDir), 'utf8').catch(() => undefined);
  if (text === undefined) throw ssoLoginRequired(step, 'nobody is signed in');
  const token = parseToken(text);
  if (!token) throw ssoLoginRequired(step, 'the cached sign-in cannot be read');
  if (token.expiresAt <= now) throw ssoLoginRequired(step, 'the sign-in has expired');
  return token.accessToken;
}

export function ssoTokenPath(step: SsoRoleStep, cacheDir: string): string {
  const name = createHash('sha1')
    .update(step.session ?? step.startUrl)
    .digest('hex');
  return join(cacheDir, `${name}.json`);
}

export function ssoLoginRequired(step: SsoRoleStep, why: string): CredentialError {
  return new CredentialError(
    'SsoLoginRequired',
    403,
    `Profile "${step.profile}": ${why} at ${step.startUrl}. Type: aws sso login --profile ${shellWord(step.profile)}`,
  );
}

function shellWord(name: string): string {
  return /^[\w@%+=:,./-]+$/.test(name) ? name : `'${name.replaceAll("'", "'\\''")}'`;
}

function parseToken(text: string): { accessToken: string; expiresAt: number } | undefined {
  try {
    const { accessToken, expiresAt } = Object(JSON.parse(text));
    const time = parseTime(expiresAt);
    return typeof accessToken === 'string' && accessToken && time !== undefined
      ? { accessToken, expiresAt: time }
      : undefined;
  } catch {
    return undefined;
  }
}
