import { createHash } from 'node:crypto';
import { CredentialError } from '../errors.js';
import { parseConfigFile } from './config-file.js';
import { bracketed, type FileKind, readHeader } from './section-header.js';

const KEYS = new Set(['aws_access_key_id', 'aws_secret_access_key']);

/** The lines that were taken out of a file, and what it was after that. */
export interface Removal {
  path: string;
  kind: FileKind;
  /** SHA-256 of the file without them. */
  rest: string;
  /** Byte offsets in the file with them, in ascending order; the lines in base64, with their ends. */
  lines: { at: number; bytes: string }[];
}

interface Line {
  at: number;
  bytes: Buffer;
  /** Of the profile, by header or as one of its settings. */
  own: 'header' | 'key' | undefined;
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
  const taken = lines.filter(({ own }) => own === 'key');
  const rest = Buffer.concat(lines.filter((line) => !taken.includes(line)).map(({ bytes }) => bytes));
  if (taken.length < 2 || meaning(file, kind, profile) !== meaning(rest, kind))
    throw notMovable(profile, path);
  const removed = taken.map(({ at, bytes }) => ({ at, bytes: bytes.toString('base64') }));
  return { rest, removal: { path, kind, rest: hash(rest), lines: removed } };
}

/**
 * Puts the lines back: where they were, if the file is as they left it; otherwise below the profile's header.
 * @throws CredentialError `SectionGone` or `KeysInFile` (400)
 */
export function putKeysBack(file: Buffer, removal: Removal, profile: string): Buffer {
  if (hash(file) !== removal.rest) return belowHeader(file, removal, profile);
  let whole = file;
  for (const { at, bytes } of removal.lines) {
    whole = Buffer.concat([whole.subarray(0, at), Buffer.from(bytes, 'base64'), whole.subarray(at)]);
  }
  return whole;
}

function belowHeader(file: Buffer, { path, kind, lines }: Removal, profile: string): Buffer {
  const now = linesOf(file, kind, profile);
  if (now.some(({ own }) => own === 'key')) throw keysAgain(profile, path);
  const header = now.find(({ own }) => own === 'header');
  if (!header) {
    throw new CredentialError(
      'SectionGone',
      400,
      `${path} has no section for "${profile}" any more: add [${profile}] there, then try again. The keys stay in the keychain.`,
    );
  }
  const end = header.at + header.bytes.length;
  const given = lines.map(({ bytes }) => Buffer.from(bytes, 'base64'));
  return Buffer.concat([...ended([file.subarray(0, end), ...given]), file.subarray(end)]);
}

/** Each with a line end, as the first has it. */
function ended(lines: Buffer[]): Buffer[] {
  const end = lines.some((line) => line.toString('latin1').endsWith('\r\n')) ? '\r\n' : '\n';
  return lines.map((line) =>
    /[\r\n]$/.test(line.toString('latin1')) ? line : Buffer.concat([line, Buffer.from(end)]),
  );
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
    lines.push({
      at,
      bytes,
      own: !inside ? undefined : header ? 'header' : KEYS.has(key) ? 'key' : undefined,
    });
    at += text.length;
  }
  return lines;
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
    `The keys of "${profile}" in ${path} do not stand on two lines of its own section: write them so, then try again.`,
  );
}
