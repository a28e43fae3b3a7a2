import { readFileSync, statSync } from 'node:fs';
import { CredentialError } from './errors.js';
import { invalid, parseSettingsFile, takes } from './settings/file.js';
import type { ProfileSettings } from './settings/profile.js';
import { type Environment, findPaths, homePath, type Paths } from './system/paths.js';
import type { StoreKind } from './system/secret-store.js';

export type { ProfileSettings } from './settings/profile.js';

export interface Settings {
  port: number;
  store: StoreKind;
  logLevel: string;
  passphraseFile: string | undefined;
  addressUrl: string | undefined;
  paths: Paths;
  env: Environment;
  profile(name: string): ProfileSettings;
}

export interface Flags {
  port?: string | undefined;
  store?: string | undefined;
  config?: string | undefined;
}

export const DEFAULT_PORT = 8363;

/**
 * Flags, then `CREDD_*`, then config.ini, then defaults. An empty variable counts as none.
 * @throws CredentialError `InvalidFlag` or `InvalidSettings` (400) that names the setting and what it takes.
 */
export function readSettings(env: Environment, flags: Flags = {}): Settings {
  const named = flags.config || env.CREDD_CONFIG || undefined;
  const paths = findPaths(env, named);
  const text = flags.config
    ? ofFlag(() => readText(paths.configFile, '--config'))
    : readText(paths.configFile, named && 'CREDD_CONFIG');
  const file = parseSettingsFile(text, paths.configFile);
  return Object.freeze({
    port: said(takes.port, flags.port, '--port', env, 'CREDD_PORT') ?? file.port ?? DEFAULT_PORT,
    store: said(takes.store, flags.store, '--store', env, 'CREDD_STORE') ?? file.store ?? 'auto',
    logLevel: said(takes.logLevel, undefined, '', env, 'CREDD_LOG_LEVEL') ?? file.logLevel ?? 'info',
    passphraseFile: homePath(env.CREDD_STORE_PASSPHRASE_FILE || file.passphraseFile, paths.home),
    addressUrl: file.addressUrl,
    paths,
    env,
    profile: file.profile,
  });
}

function ofFlag<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new CredentialError('InvalidFlag', 400, (error as Error).message);
  }
}

/** What a flag or else a variable says, if either says anything. */
function said<T>(
  take: (value: string, where: string) => T,
  given: string | undefined,
  flag: string,
  env: Environment,
  variable: string,
): T | undefined {
  if (given !== undefined) return ofFlag(() => take(given, flag));
  const value = env[variable];
  return value ? take(value, variable) : undefined;
}

function readText(path: string, named: string | undefined): string {
  try {
    // To read from a pipe would be to wait for whoever writes to it.
    const stats = statSync(path);
    if (!stats.isFile() && !stats.isCharacterDevice()) throw new Error('it is not a file');
    return readFileSync(path, 'utf8');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (missing && !named) return '';
    const why = missing ? 'there is no such file' : (error as Error).message;
    throw invalid(`credd's settings in ${path}${named ? ` (${named})` : ''} cannot be read: ${why}`);
  }
}
