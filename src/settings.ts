import { readFileSync } from 'node:fs';
import { parse } from 'ini';
import { CredentialError } from './errors.js';
import { type Environment, findPaths, type Paths } from './system/paths.js';

export type StoreKind = 'auto' | 'keychain' | 'file' | 'memory';
export type Access = 'same-user' | 'token';

export interface ProfileSettings {
  /** Whether the owner's own processes may ask without a token. */
  access: Access;
}

export interface Settings {
  port: number;
  store: StoreKind;
  logLevel: string;
  passphraseFile: string | undefined;
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
const STORES: readonly string[] = ['auto', 'keychain', 'file', 'memory'];
const LEVELS: readonly string[] = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];
const ACCESSES: readonly string[] = ['same-user', 'token'];

/**
 * Flags, then `CREDD_*`, then config.ini, then defaults.
 * @throws CredentialError `InvalidSettings` (400) that names the setting and what it takes.
 */
export function readSettings(env: Environment, flags: Flags = {}): Settings {
  const named = flags.config ?? env.CREDD_CONFIG;
  const paths = findPaths(env, named);
  const file = parseSettingsFile(readText(paths.configFile, named !== undefined), paths.configFile);
  return Object.freeze({
    port: port(flags.port ?? env.CREDD_PORT ?? file.top.port ?? String(DEFAULT_PORT)),
    store: oneOf('store', STORES, flags.store ?? env.CREDD_STORE ?? file.top.store ?? 'auto') as StoreKind,
    logLevel: oneOf('log level', LEVELS, env.CREDD_LOG_LEVEL ?? file.top.log_level ?? 'info'),
    passphraseFile: env.CREDD_STORE_PASSPHRASE_FILE ?? file.top.store_passphrase_file,
    paths,
    env,
    profile: file.profile,
  });
}

export interface SettingsFile {
  top: Record<string, string>;
  profile(name: string): ProfileSettings;
}

/** credd's own file. Sections of profiles may hold dots, which `ini` would nest. */
export function parseSettingsFile(text: string, path: string): SettingsFile {
  const sections = new Map<string, Record<string, unknown>>();
  const top: Record<string, string> = {};
  for (const [name, value] of Object.entries(parse(escapeSectionDots(text)))) {
    if (typeof value !== 'object') top[name] = String(value);
    else sections.set(name, value);
  }
  const defaults = { access: access(top.access ?? 'same-user', path) };
  const profiles = new Map<string, ProfileSettings>();
  for (const [header, values] of sections) {
    const name = /^profile\s+(.+)$/.exec(header)?.[1];
    if (!name) throw invalid(`[${header}] in ${path} is not a section that credd knows: use [profile NAME]`);
    profiles.set(name, { access: access(values.access ?? defaults.access, `[${header}] of ${path}`) });
  }
  return { top, profile: (name) => profiles.get(name) ?? defaults };
}

function access(value: unknown, where: string): Access {
  if (ACCESSES.includes(String(value))) return value as Access;
  throw invalid(`access = ${value} in ${where}: use one of ${ACCESSES.join(', ')}`);
}

function escapeSectionDots(text: string): string {
  return text.replace(/^\s*\[.*\]/gm, (header) => header.replaceAll('.', '\\.'));
}

function readText(path: string, mustExist: boolean): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    if (missing && !mustExist) return '';
    throw invalid(`credd's settings in ${path} cannot be read: ${(error as Error).message}`);
  }
}

function port(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 0 && value <= 65535) return value;
  throw invalid(`"${text}" is not a port: use a number from 0 to 65535`);
}

function oneOf(what: string, allowed: readonly string[], value: string): string {
  if (allowed.includes(value)) return value;
  throw invalid(`"${value}" is not a ${what}: use one of ${allowed.join(', ')}`);
}

function invalid(message: string): CredentialError {
  return new CredentialError('InvalidSettings', 400, message);
}
