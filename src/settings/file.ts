import { dirname } from 'node:path';
import { parse } from 'ini';
import { bracketed, readHeader } from '../aws/section-header.js';
import { CredentialError } from '../errors.js';
import type { StoreKind } from '../system/secret-store.js';
import {
  addWords,
  OF_A_PROFILE,
  type ProfileSettings,
  type ProfileWords,
  profileSettings,
} from './profile.js';

const STORES: readonly StoreKind[] = ['auto', 'keychain', 'file', 'memory'];
const ACCESSES = ['same-user', 'token'] as const;
const LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

export interface SettingsFile {
  port?: number;
  store?: StoreKind;
  logLevel?: string;
  passphraseFile?: string;
  /** Who says which address this machine has. */
  addressUrl?: string;
  /** Whether the desktop shows that a sign-in is needed. */
  notify?: boolean;
  /** Whether the browser opens by itself when a sign-in is needed. */
  autoLogin?: boolean;
  profile(name: string): ProfileSettings;
}

type OwnSettings = Omit<SettingsFile, 'profile'> & ProfileWords;

/** What each setting takes; `where` tells who said so. */
export const takes = {
  port(value: string, where: string): number {
    if (/^\d{1,5}$/.test(value) && Number(value) <= 65535) return Number(value);
    throw invalid(`"${value}" (${where}) is not a port: use a number from 0 to 65535`);
  },
  store: (value: string, where: string) => oneOf(STORES, value, where),
  logLevel: (value: string, where: string) => oneOf(LEVELS, value, where),
  access: (value: string, where: string) => oneOf(ACCESSES, value, where),
  url(value: string, where: string): string {
    if (/^https?:\/\/[^/]/i.test(value) && URL.canParse(value)) return value;
    throw invalid(`"${value}" (${where}) will not do: write a URL, as https://HOST/PATH`);
  },
  truth: (value: string, where: string) => oneOf(TRUTHS, value, where) === 'true',
};

const TRUTHS = ['true', 'false'] as const;

type Take = (value: string, where: string, path: string) => OwnSettings;

const ACCESS: Take = (value, where) => ({ access: takes.access(value, where) });
const FEDERATION: Take = (value, where) => ({ federationUrl: takes.url(value, where) });
const IN_A_SECTION = new Map<string, Take>([
  ['access', ACCESS],
  ['federation_url', FEDERATION],
  ...[...OF_A_PROFILE].map(([key, take]): [string, Take] => [
    key,
    (value, where, path) => placed(where, () => take(value, dirname(path))),
  ]),
]);
const ON_TOP = new Map<string, Take>([
  ['port', (value, where) => ({ port: takes.port(value, where) })],
  ['store', (value, where) => ({ store: takes.store(value, where) })],
  ['log_level', (value, where) => ({ logLevel: takes.logLevel(value, where) })],
  ['store_passphrase_file', (value) => ({ passphraseFile: value })],
  ['address_url', (value, where) => ({ addressUrl: takes.url(value, where) })],
  ['notify', (value, where) => ({ notify: takes.truth(value, where) })],
  ['auto_login', (value, where) => ({ autoLogin: takes.truth(value, where) })],
  ['access', ACCESS],
  ['federation_url', FEDERATION],
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
      known = IN_A_SECTION;
      profiles.set(name, section);
    } else {
      const words = setting(line, known, where, path);
      placed(where, () => addWords(section, words));
    }
  }
  const { access, federationUrl, ...rest } = top;
  const forAll = { ...(access ? { access } : {}), ...(federationUrl ? { federationUrl } : {}) };
  return { ...rest, profile: profileSettings(profiles, forAll) };
}

/** Says the line with what was wrong there. */
function placed<T>(where: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof CredentialError)) throw error;
    throw invalid(`${where}: ${error.message.replace(/\.$/, '')}`);
  }
}

function profileIn(line: string, where: string): string {
  const { text = '', rest } = bracketed(line) ?? {};
  const { name } = readHeader(text, 'config');
  if (rest || !/^\s*profile\s+\S/.test(text))
    throw invalid(`${line} (${where}) is not a section that credd knows: use [profile NAME]`);
  return name;
}

function setting(line: string, known: ReadonlyMap<string, Take>, where: string, path: string): OwnSettings {
  const [name = ''] = line.split('=', 1);
  const take = known.get(name.trim());
  if (!take)
    throw invalid(
      `"${name.trim()}" (${where}) is not a setting here: credd knows ${[...known.keys()].join(', ')}`,
    );
  if (name === line) throw invalid(`${where} is neither a [section] nor a "name = value"`);
  return take(decoded(line), where, path);
}

/** Comments and quotes are those of `ini`; of sections it would make nested objects, without their lines. */
function decoded(line: string): string {
  const [value] = Object.values(parse(line));
  return String(value);
}

function oneOf<T extends string>(allowed: readonly T[], value: string, where: string): T {
  const found = allowed.find((one) => one === value);
  if (found !== undefined) return found;
  throw invalid(`"${value}" (${where}) will not do: use one of ${allowed.join(', ')}`);
}

export function invalid(message: string): CredentialError {
  return new CredentialError('InvalidSettings', 400, message);
}
