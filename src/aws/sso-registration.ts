import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensureFolder, writePrivateFile } from '../system/private-files.js';
import { objectIn } from './object-in.js';
import type { SsoSignIn } from './sso-sign-in.js';
import { cacheTime, parseTime } from './time.js';

/** What the OIDC service knows us by: a public client, registered for about ninety days. */
export interface Registration {
  clientId: string;
  clientSecret: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
  scopes?: readonly string[];
  grantTypes?: readonly string[];
}

/** What is registered for: a registration serves one of the two flows. */
export type Flow = 'code' | 'device';

/** As botocore: nearer to its end a registration is not used any more. */
const LEAST_LEFT = 15 * 60_000;
/** The scope with which Identity Center gives a refresh token. */
const ACCOUNT_ACCESS = 'sso:account:access';

/** The scopes to register for. The legacy form has none, and so no refresh token. */
export function scopesOf({ session, scopes }: SsoSignIn): readonly string[] | undefined {
  if (session === undefined) return undefined;
  return [...new Set([...(scopes ?? []), ACCOUNT_ACCESS])];
}

export function grantTypesOf(flow: Flow): readonly string[] | undefined {
  return flow === 'code' ? ['authorization_code', 'refresh_token'] : undefined;
}

/** The cached registration, where it lasts and is good for this flow, else what `register` gives, which is cached. */
export async function registration(
  signIn: SsoSignIn,
  flow: Flow,
  parts: { cacheDir: string; now: number; fresh: boolean; register(): Promise<Registration> },
): Promise<Registration> {
  const path = join(parts.cacheDir, registrationFile(signIn));
  const present = objectIn(await readFile(path, 'utf8').catch(() => ''));
  const cached = parts.fresh ? undefined : registrationIn(present);
  if (cached && cached.expiresAt - parts.now > LEAST_LEFT && isGoodFor(cached, signIn, flow)) return cached;
  const { expiresAt, ...given } = await parts.register();
  await ensureFolder(parts.cacheDir);
  // What belongs to the old registration must not stay beside the new one.
  const { scopes: _, grantTypes: __, ...rest } = present;
  const fields = { ...rest, ...given, expiresAt: cacheTime(expiresAt) };
  await writePrivateFile(path, JSON.stringify(fields, null, 2));
  return { ...given, expiresAt };
}

/** The SHA-1 of Python's `json.dumps(..., sort_keys=True)`, as the AWS CLI names the file. */
export function registrationFile({ startUrl, region, scopes, session }: SsoSignIn): string {
  const names = scopes ? `[${scopes.map(python).join(', ')}]` : 'null';
  const text = `{"region": ${python(region)}, "scopes": ${names}, "session_name": ${python(session)}, "startUrl": ${python(startUrl)}, "tool": "botocore"}`;
  return `${createHash('sha1').update(text).digest('hex')}.json`;
}

/** Python writes everything beyond ASCII as an escape. */
function python(text: string | undefined): string {
  return JSON.stringify(text ?? null).replace(
    /[\u0080-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** One that another tool made may have fewer scopes, or be for the other flow. */
function isGoodFor({ scopes = [], grantTypes }: Registration, signIn: SsoSignIn, flow: Flow): boolean {
  const allowed = flow === 'code' ? grantTypes?.includes('authorization_code') : grantTypes === undefined;
  return allowed === true && (scopesOf(signIn) ?? []).every((scope) => scopes.includes(scope));
}

function registrationIn(fields: Record<string, unknown>): Registration | undefined {
  const { clientId, clientSecret, scopes, grantTypes } = fields;
  const expiresAt = parseTime(fields.expiresAt);
  if (typeof clientId !== 'string' || typeof clientSecret !== 'string' || !expiresAt) return undefined;
  return {
    clientId,
    clientSecret,
    expiresAt,
    ...(Array.isArray(scopes) ? { scopes } : {}),
    ...(Array.isArray(grantTypes) ? { grantTypes } : {}),
  };
}
