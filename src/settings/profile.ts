import { isAbsolute, join } from 'node:path';
import type { Narrowing, OwnNarrowing } from '../aws/narrowing.js';
import { checkNarrowing, tooManyAllow } from '../aws/narrowing-check.js';
import { listIn, tagsIn } from '../aws/session-marks.js';
import { CredentialError } from '../errors.js';

export type Access = 'same-user' | 'token';

export interface ProfileSettings {
  /** Whether the owner's own processes may ask without a token. */
  access: Access;
  /** The web origins whose pages may have its credentials, with a lease. */
  allowOrigins?: readonly string[];
  narrowing?: OwnNarrowing;
  /** Where console sign-ins are made, instead of the partition's own endpoint. */
  federationUrl?: string;
}

/** The words of one section; undefined lifts what a less specific section says. */
export interface ProfileWords {
  access?: Access;
  allowOrigins?: readonly string[];
  federationUrl?: string;
  narrowing?: { [K in keyof OwnNarrowing]?: OwnNarrowing[K] | undefined };
}

/** What a value means; `folder` is that of config.ini, from which relative paths are taken. */
type Take = (value: string, folder: string) => ProfileWords;

const narrows = (narrowing: Narrowing): ProfileWords => ({ narrowing: checkNarrowing(narrowing) });

/** In the file's words, as the flags and AWS's own files have them. */
export const OF_A_PROFILE: ReadonlyMap<string, Take> = new Map<string, Take>([
  ['allow_origins', (value) => ({ allowOrigins: listIn(value).map(origin) })],
  ['policy', (value, folder) => ({ narrowing: { allowed: { policyFile: pathIn(folder, value) } } })],
  ['policy_arns', (value) => narrows({ allowed: { policyArns: listIn(value) } })],
  ['read_only', (value) => ({ narrowing: { allowed: isTrue(value) ? { readOnly: true } : undefined } })],
  ['source_ip', (value) => narrows({ addresses: [value] })],
  [
    'duration_seconds',
    (value) => narrows({ durationSeconds: /^\d+$/.test(value) ? Number(value) : Number.NaN }),
  ],
  ['session_name', (value) => narrows({ sessionName: value })],
  ['source_identity', (value) => narrows({ sourceIdentity: value })],
  ['tags', (value) => narrows({ tags: tagsIn(value) })],
  ['transitive_tags', (value) => narrows({ transitiveTags: listIn(value) })],
]);

/** Adds a line to its section. */
export function addWords(section: ProfileWords, line: ProfileWords): void {
  const { narrowing } = section;
  if (!narrowing || !line.narrowing) {
    Object.assign(section, line);
    return;
  }
  if (narrowing.allowed && line.narrowing.allowed) throw tooManyAllow();
  // `read_only = false` takes nothing away from the policy beside it.
  const allowed = line.narrowing.allowed ?? narrowing.allowed;
  Object.assign(narrowing, line.narrowing, 'allowed' in line.narrowing ? { allowed } : {});
}

/** Per setting the most specific section decides: the profile's own name, then the longer pattern. */
export function profileSettings(
  sections: ReadonlyMap<string, ProfileWords>,
  top: ProfileWords,
): (name: string) => ProfileSettings {
  const patterns = [...sections]
    .filter(([name]) => name.includes('*'))
    .sort(([one], [other]) => one.length - other.length);
  const applying = (name: string) =>
    patterns.filter(([pattern]) => matches(pattern, name)).map(([, words]) => words);
  const merged = (words: ProfileWords[]) => settled([top, ...words].reduce(moreSpecific));
  const named = new Map(
    [...sections]
      .filter(([name]) => !name.includes('*'))
      .map(([name, words]) => [name, merged([...applying(name), words])]),
  );
  const others = merged([]);
  return (name) => named.get(name) ?? (patterns.length > 0 ? merged(applying(name)) : others);
}

function moreSpecific(less: ProfileWords, more: ProfileWords): ProfileWords {
  return { ...less, ...more, narrowing: { ...less.narrowing, ...more.narrowing } };
}

/** What is lifted is left out: it would be another cache key. */
function settled(words: ProfileWords): ProfileSettings {
  const { access = 'same-user', allowOrigins = [], narrowing = {}, federationUrl } = words;
  const left = Object.entries(narrowing).filter(([, value]) => value !== undefined);
  return Object.freeze({
    access,
    allowOrigins,
    narrowing: Object.fromEntries(left),
    ...(federationUrl ? { federationUrl } : {}),
  });
}

/** `*` stands for any characters, none or `/` too. In linear time, because anybody may ask for any name. */
export function matches(pattern: string, name: string): boolean {
  const [first = '', ...parts] = pattern.split('*');
  const last = parts.pop();
  if (last === undefined) return name === first;
  if (!name.startsWith(first)) return false;
  let at = first.length;
  for (const part of parts) {
    const found = name.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return name.length - last.length >= at && name.endsWith(last);
}

/** An origin as browsers send it: there is no other way to compare one safely. */
function origin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol) && url.origin === text && !text.includes('*')) return text;
  const meant = url && /^https?:$/.test(url.protocol) ? url.origin : 'https://app.example';
  throw new CredentialError('InvalidSettings', 400, `"${text}" is not an origin: write it as ${meant}`);
}

function pathIn(folder: string, path: string): string {
  if (path === '') throw new CredentialError('InvalidSettings', 400, 'it names no file');
  return isAbsolute(path) ? path : join(folder, path);
}

function isTrue(value: string): boolean {
  if (value === 'true' || value === 'false') return value === 'true';
  throw new CredentialError('InvalidSettings', 400, `"${value}" will not do: use true or false`);
}
