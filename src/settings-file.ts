import { bracketed, readHeader } from './aws/section-header.js';
import { CredentialError } from './errors.js';

const STORES = ['auto', 'keychain', 'file', 'memory'] as const;
const ACCESSES = ['same-user', 'token'] as const;
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export type StoreKind = (typeof STORES)[number];
export type Access = (typeof ACCESSES)[number];

export interface ProfileSettings {
  /** Whether the owner's own processes may ask without a token. */
  access: Access;
}

export interface SettingsFile {
  port?: number;
  store?: StoreKind;
  logLevel?: string;
  passphraseFile?: string;
  profile(name: string): ProfileSettings;
}

type OwnSettings = Omit<SettingsFile, 'profile'> & Partial<ProfileSettings>;

/** What each setting takes; `where` tells who said so. */
export const takes = {
  port(value: string, where: string): number {
    if (/^\d{1,5}$/.test(value) && Number(value) <= 65535) return Number(value);
    throw invalid(`"${value}" (${where}) is not a port: use a number from 0 to 65535`);
  },
  store: (value: string, where: string) => oneOf(STORES, value, where),
  logLevel: (value: string, where: string) => oneOf(LEVELS, value, where),
  access: (value: string, where: string) => oneOf(ACCESSES, value, where),
};

type Take = (value: string, where: string) => OwnSettings;

const ACCESS: Take = (value, where) => ({ access: takes.access(value, where) });
const OF_A_PROFILE = new Map<string, Take>([['access', ACCESS]]);
const ON_TOP = new Map<string, Take>([
  ['port', (value, where) => ({ port: takes.port(value, where) })],
  ['store', (value, where) => ({ store: takes.store(value, where) })],
  ['log_level', (value, where) => ({ logLevel: takes.logLevel(value, where) })],
  ['store_passphrase_file', (value) => ({ passphraseFile: value })],
  ['access', ACCESS],
]);

/**
 * The text of credd's own config.ini, whose sections are spelled as in `~/.aws/config`. It is read strictly: a setting
 * that is passed over in silence may leave open what its owner meant to close.
 * @throws CredentialError `InvalidSettings` (400) that names the line and what it takes.
 */
export function parseSettingsFile(text: string, path: string): SettingsFile {
  const top: OwnSettings = {};
  const profiles = new Map<string, OwnSettings>();
  let section = top;
  let known = ON_TOP;
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/);
  for (const [index, raw] of lines.entries()) {
    const line = raw.trim();
    const where = `line ${index + 1} of ${path}`;
    if (line === '' || /^[#;]/.test(line)) continue;
    if (line.startsWith('[')) {
      const name = profileIn(line, where);
      section = profiles.get(name) ?? {};
      known = OF_A_PROFILE;
      profiles.set(name, section);
    } else {
      Object.assign(section, setting(line, known, where));
    }
  }
  const { access = 'same-user', ...rest } = top;
  const defaults: ProfileSettings = { access };
  const merged = new Map([...profiles].map(([name, own]) => [name, { ...defaults, ...own }]));
  return { ...rest, profile: (name) => merged.get(name) ?? defaults };
}

function profileIn(line: string, where: string): string {
  const { text = '', rest } = bracketed(line) ?? {};
  const { name } = readHeader(text, 'config');
  if (rest || !/^\s*profile\s+\S/.test(text))
    throw invalid(`${line} (${where}) is not a section that credd knows: use [profile NAME]`);
  if (name.includes('*')) throw invalid(`${line} (${where}): credd takes no patterns, so name each profile`);
  return name;
}

function setting(line: string, known: ReadonlyMap<string, Take>, where: string): OwnSettings {
  const [, key = '', value = ''] = /^([^=]*?)\s*=\s*("[^"]*"|'[^']*'|.*?)(?:\s+[#;].*)?$/.exec(line) ?? [];
  if (!key) throw invalid(`${where} is neither a [section] nor a "name = value"`);
  const take = known.get(key);
  if (!take)
    throw invalid(`"${key}" (${where}) is not a setting here: credd knows ${[...known.keys()].join(', ')}`);
  return take(unquoted(value), where);
}

function unquoted(value: string): string {
  return /^(["'])(.*)\1$/.exec(value)?.[2] ?? value;
}

function oneOf<T extends string>(allowed: readonly T[], value: string, where: string): T {
  const found = allowed.find((one) => one === value);
  if (found !== undefined) return found;
  throw invalid(`"${value}" (${where}) will not do: use one of ${allowed.join(', ')}`);
}

export function invalid(message: string): CredentialError {
  return new CredentialError('InvalidSettings', 400, message);
}
