import { createHash } from 'node:crypto';
import { CredentialError } from '../errors.js';
import { parseConfigFile } from './config-file.js';
import { bracketed, type FileKind, readHeader } from './section-header.js';

const KEYS: ReadonlySet<string> = new Set(['aws_access_key_id', 'aws_secret_access_key']);

/** The lines that were taken out of a file, and what was left of the profile's own. */
export interface Removal {
  path: string;
  kind: FileKind;
  /** SHA-256 of the profile's own lines without them. */
  section: string;
  /** How many of the profile's own lines stand above, these included; the lines in base64, with their ends. */
  lines: { below: number; bytes: string }[];
}

interface Line {
  bytes: Buffer;
  /** Whether it is one of the profile's: its headers, and what stands below them. */
  own: boolean;
  header: boolean;
  /** The name of the setting, in lower case. */
  key: string;
}

/**
 * Takes the two lines with the profile's long-term keys out of a shared file; every other byte stays.
 * @throws CredentialError `KeysNotMovable` (400) where that would change the meaning of anything else
 */
export function takeKeysOut(
  file: Buffer,
  { path, kind, profile }: { path: string; kind: FileKind; profile: string },
): { rest: Buffer; removal: Removal } {
  const lines = linesOf(file, kind, profile);
  const own = ownOf(lines);
  const taken = own.filter(isKey);
  const left = lines.filter((line) => !taken.includes(line));
  const rest = joined(left);
  const isEachOnce = taken.length === KEYS.size && new Set(taken.map(({ key }) => key)).size === KEYS.size;
  if (!isEachOnce || meaning(file, kind, profile) !== meaning(rest, kind)) throw notMovable(profile, path);
  const removed = taken.map((line) => ({
    below: own.indexOf(line),
    bytes: line.bytes.toString('base64'),
  }));
  return { rest, removal: { path, kind, section: hash(joined(ownOf(left))), lines: removed } };
}

/**
 * Puts the lines back: where they were, if the profile's own lines are as they left them, whatever has become of the
 * others; otherwise below the profile's header.
 * @throws CredentialError `SectionGone` or `KeysInFile` (400)
 */
export function putKeysBack(file: Buffer, removal: Removal, profile: string): Buffer {
  const { path, kind, section, lines: removed } = removal;
  const lines = linesOf(file, kind, profile);
  const own = ownOf(lines);
  const asLeft = hash(joined(own)) === section;
  if (!asLeft) {
    if (own.some(isKey)) throw keysAgain(profile, path);
    if (!own.some(({ header }) => header)) throw sectionGone(profile, path);
  }
  const given = removed.map(({ bytes }) => Buffer.from(bytes, 'base64'));
  const end = firstLineEnd([...given, file]);
  for (const [index, { below }] of removed.entries()) {
    const above = own[(asLeft ? below : index + 1) - 1] as Line;
    const bytes = given[index] as Buffer;
    const line = { ...above, header: false, bytes: asLeft ? bytes : ended(bytes, end) };
    lines.splice(lines.indexOf(above) + 1, 0, line);
    own.splice(own.indexOf(above) + 1, 0, line);
  }
  return Buffer.concat(
    lines.map(({ bytes }, index) => (index < lines.length - 1 ? ended(bytes, end) : bytes)),
  );
}

function sectionGone(profile: string, path: string): CredentialError {
  return new CredentialError(
    'SectionGone',
    400,
    `${path} has no section for "${profile}" any more: add [${profile}] there, then try again. The keys stay in the keychain.`,
  );
}

function firstLineEnd(texts: Buffer[]): string {
  return /\r\n|\r|\n/.exec(Buffer.concat(texts).toString('latin1'))?.[0] ?? '\n';
}

function ended(line: Buffer, end: string): Buffer {
  return /[\r\n]$/.test(line.toString('latin1')) ? line : Buffer.concat([line, Buffer.from(end)]);
}

/** As `parseConfigFile` splits them, but to the byte. */
function linesOf(file: Buffer, kind: FileKind, profile: string): Line[] {
  const lines: Line[] = [];
  let at = 0;
  let inside = false;
  for (const [text] of file.toString('latin1').matchAll(/[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+/g)) {
    const bytes = file.subarray(at, at + text.length);
    const line = bytes
      .toString('utf8')
      .replace(/^\uFEFF/, '')
      .trim();
    const header = bracketed(line);
    if (header) {
      const { type, name } = readHeader(header.text, kind);
      inside = type === 'profile' && name === profile;
    }
    const key = line
      .slice(0, Math.max(line.search(/[=:]/), 0))
      .trim()
      .toLowerCase();
    lines.push({ bytes, own: inside, header: header !== undefined, key });
    at += text.length;
  }
  return lines;
}

function ownOf(lines: Line[]): Line[] {
  return lines.filter(({ own }) => own);
}

function isKey({ header, key }: Line): boolean {
  return !header && KEYS.has(key);
}

function joined(lines: Line[]): Buffer {
  return Buffer.concat(lines.map(({ bytes }) => bytes));
}

/** All that the file says, but where; of one profile without its keys. */
function meaning(file: Buffer, kind: FileKind, without?: string): string {
  const { sections } = parseConfigFile(file.toString('utf8'), kind);
  return JSON.stringify(
    sections.map(({ type, name, entries }) => {
      const own = type === 'profile' && name === without;
      const kept = [...entries].filter(([key]) => !own || !KEYS.has(key));
      return [type, name, kept.map(([key, { value, nested }]) => [key, value, nested && [...nested.keys()]])];
    }),
  );
}

function hash(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function keysAgain(profile: string, path: string): CredentialError {
  return new CredentialError(
    'KeysInFile',
    400,
    `${path} has keys of "${profile}" again: remove them there, then try again. Those in the keychain stay there.`,
  );
}

function notMovable(profile: string, path: string): CredentialError {
  return new CredentialError(
    'KeysNotMovable',
    400,
    `The keys of "${profile}" in ${path} do not stand on two lines of its own section, each setting once: write them so, then try again.`,
  );
}
