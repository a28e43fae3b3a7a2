import { createHash } from 'node:crypto';
import { readFile, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { ensurePrivateFolder, writePrivateFile } from '../system/private-files.js';
import type { Credentials } from './credentials.js';
import { parseTime } from './time.js';

/** What `aws login` keeps of a session; fields that we do not know are kept as they are. */
export interface LoginToken {
  accessToken: {
    accessKeyId: string;
    secretAccessKey: string;
    sessionToken: string;
    accountId: string;
    /** `YYYY-MM-DDTHH:MM:SSZ` */
    expiresAt: string;
  };
  clientId: string;
  refreshToken: string;
  /** A P-256 key, in PEM. */
  dpopKey: string;
  /** Of newer CLIs: where the person signed in. */
  signInRegion?: string;
}

/** As the AWS CLI and the SDKs name it: by the SHA-256 of the login_session. */
export function loginTokenPath(session: string, folder: string): string {
  return join(folder, `${createHash('sha256').update(session).digest('hex')}.json`);
}

/** Undefined where there is no file; `broken` where it does not hold a session, perhaps because it is half written. */
export async function readLoginToken(path: string): Promise<LoginToken | 'broken' | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (parse(text) ?? 'broken');
}

/** Whole or not at all, for nobody else to read, and through a symlink. */
export async function writeLoginToken(path: string, token: LoginToken): Promise<void> {
  const target = await realpath(path).catch(() => path);
  if (target === path) await ensurePrivateFolder(join(path, '..')).catch(() => {});
  await writePrivateFile(target, JSON.stringify(token, null, 2));
}

export function credentialsIn({ accessToken }: LoginToken): Credentials & { expiration: number } {
  const { accessKeyId, secretAccessKey, sessionToken, accountId, expiresAt } = accessToken;
  const expiration = parseTime(expiresAt) ?? 0;
  return { accessKeyId, secretAccessKey, sessionToken, accountId, expiration };
}

function parse(text: string): LoginToken | undefined {
  try {
    const token = Object(JSON.parse(text));
    const { accessKeyId, secretAccessKey, sessionToken, accountId, expiresAt } = Object(token.accessToken);
    const needed = [
      accessKeyId,
      secretAccessKey,
      sessionToken,
      accountId,
      token.clientId,
      token.refreshToken,
    ];
    const whole = [...needed, token.dpopKey].every((it) => typeof it === 'string' && it !== '');
    return whole && parseTime(expiresAt) !== undefined ? token : undefined;
  } catch {
    return undefined;
  }
}
