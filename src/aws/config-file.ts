import {
  type Bracketed,
  bracketed,
  type FileKind,
  type Header,
  readHeader,
  type SectionType,
} from './section-header.js';

export interface ParsedEntry {
  value: string;
  /** Counted from 1. */
  line: number;
  /** The indented `k = v` lines below a key that has no value of its own; keys in lower case. */
  nested?: Map<string, ParsedEntry>;
}

export interface Section {
  type: SectionType;
  name: string;
  /** Where its headers stand: more than one line when it was written more than once. */
  lines: number[];
  /** Keys in lower case; the last of equal keys. */
  entries: Map<string, ParsedEntry>;
}

export interface Problem {
  line: number;
  /** Says what to do. Never quotes a value, which may be a secret. */
  message: string;
  /** `error`: the file is broken here. `warning`: we read it, other tools may not. */
  severity: 'error' | 'warning';
  profile?: string;
}

export interface ConfigFile {
  sections: Section[];
  problems: Problem[];
  /** Some line is neither section, key, continuation nor comment, as in a file that is half written. */
  broken: boolean;
}

/**
 * Reads the text of `~/.aws/config` or `~/.aws/credentials`. Where AWS's tools disagree the most lenient reading wins;
 * what other tools refuse or ignore is reported as a warning. Never throws, and takes time linear in the text.
 *
 * Lines, indentation, `:` as a delimiter and what `[DEFAULT]` means are botocore's (Python's `RawConfigParser`);
 * comments after a value, a BOM and repeated sections are those of the SDKs in other languages.
 */
export function parseConfigFile(text: string, kind: FileKind): ConfigFile {
  const parser = new Parser(kind);
  const plain = text.replace(/^\uFEFF/, '');
  if (plain !== text) parser.warnOfMark();
  plain.split(/\r\n|\r|\n/).forEach((line, index) => {
    parser.read(line, index + 1);
  });
  return parser.finish();
}

const INDENTED = 'the AWS CLI takes this indented line for a part of the value above: unindent it';

class Parser {
  readonly #kind: FileKind;
  readonly #problems: Problem[] = [];
  readonly #sections = new Map<string, Section & { usual: boolean }>();
  #section: Section | undefined;
  #key = '';
  #entry: ParsedEntry | undefined;
  /** How far the last header or key was indented: what stands deeper continues that key. */
  #indent = 0;
  #blankLines = 0;

  constructor(kind: FileKind) {
    this.#kind = kind;
  }

  read(raw: string, line: number): void {
    const text = raw.trim();
    if (text === '') {
      this.#blankLines++;
      return;
    }
    if (text.startsWith('#') || text.startsWith(';')) return;
    const indent = raw.search(/\S/);
    const deeper = this.#entry !== undefined && indent > this.#indent;
    const continues = deeper && !this.#isSetting(text);
    const header = bracketed(text);
    if (text.includes('\0')) this.#broken(line, 'a NUL byte');
    else if (header) this.#open(header, line, deeper);
    else if (continues) this.#continue(text, line);
    else if (text.startsWith('[')) this.#broken(line, 'a "[" that opens no [section]');
    else this.#set(raw, line, deeper);
    if (!continues || header) this.#indent = indent;
    this.#blankLines = 0;
  }

  warnOfMark(): void {
    this.#warn(
      1,
      'the file begins with a byte order mark, and the AWS CLI refuses such a file: save it as UTF-8 without one',
    );
  }

  finish(): ConfigFile {
    const sections = [...this.#sections.values()].filter((section) => {
      const winner = section.usual ? undefined : this.#sections.get(sectionKey({ ...section, usual: true }));
      const line = section.lines[0] ?? 0;
      const message = `the profile has another section on line ${winner?.lines[0]}, which wins over this one: move what you need there`;
      if (winner) this.#warn(line, message, section);
      return !winner;
    });
    const problems = this.#problems.sort((a, b) => a.line - b.line);
    return {
      sections: sections.map(({ usual: _, ...section }) => section),
      problems,
      broken: problems.some(({ severity }) => severity === 'error'),
    };
  }

  #open({ text, rest }: Bracketed, line: number, deeper: boolean): void {
    const header = readHeader(text, this.#kind);
    const key = sectionKey(header);
    const known = this.#sections.get(key);
    if (header.warning) this.#warn(line, header.warning, header);
    if (rest) this.#warn(line, 'the text behind "]" is ignored: remove it, or put a # before it', header);
    if (deeper) this.#warn(line, INDENTED, header);
    if (known) {
      const message = `the section stands on line ${known.lines[0]} already, and the AWS CLI refuses such a file: make one of the two`;
      this.#warn(line, message, header);
      known.lines.push(line);
    }
    const section = known ?? { ...header, lines: [line], entries: new Map() };
    this.#sections.set(key, section);
    this.#section = section;
    this.#entry = undefined;
  }

  /** An indented `k = v` below a value is no part of it, unless that is a command: no other value has two lines. */
  #isSetting(text: string): boolean {
    return this.#entry?.value !== '' && this.#key !== 'credential_process' && /^\w+\s*=/.test(text);
  }

  #set(raw: string, line: number, deeper: boolean): void {
    const at = raw.search(/[=:]/);
    const key = raw.slice(0, Math.max(at, 0)).trim().toLowerCase();
    if (key === '') {
      this.#broken(line, 'neither a [section], a "key = value" nor a comment');
      return;
    }
    if (!this.#section) {
      this.#section = { type: 'other', name: '', lines: [], entries: new Map() };
      this.#warn(line, 'what stands before the first [section] belongs to no profile: move it below one');
    }
    if (deeper) this.#warn(line, INDENTED);
    this.#key = key;
    this.#entry = { value: withoutComment(raw.slice(at + 1)), line };
    const earlier = this.#section.entries.get(key);
    this.#section.entries.set(key, this.#entry);
    if (earlier) {
      const message = `${key} is set on line ${earlier.line} already; the last one counts, and the AWS CLI refuses such a file: remove one of the two`;
      this.#warn(line, message);
    }
  }

  #continue(text: string, line: number): void {
    const entry = this.#entry as ParsedEntry;
    const at = text.indexOf('=');
    if (entry.value === '' && at > 0) {
      const value = withoutComment(text.slice(at + 1));
      entry.nested ??= new Map();
      entry.nested.set(text.slice(0, at).trim().toLowerCase(), { value, line });
      return;
    }
    if (entry.value === '')
      this.#warn(line, 'the AWS CLI refuses this: put the value on the line of its key');
    const gap = entry.value === '' ? '' : '\n'.repeat(this.#blankLines + 1);
    entry.value += gap + withoutComment(text);
  }

  #warn(line: number, message: string, { type, name }: Partial<Section> = this.#section ?? {}): void {
    const profile = type === 'profile' ? { profile: name } : {};
    this.#problems.push({ line, message, severity: 'warning', ...profile });
  }

  #broken(line: number, what: string): void {
    this.#problems.push({ line, message: `this line has ${what}: correct it`, severity: 'error' });
  }
}

function sectionKey({ type, name, usual }: Pick<Header, 'type' | 'name' | 'usual'>): string {
  return `${type} ${usual} ${name}`;
}

/** A comment begins at a # or ; that follows a space, but not within a quoted word: commands hold such. */
function withoutComment(text: string): string {
  if (!/[#;]/.test(text)) return text.trim();
  for (let at = 0; at < text.length; at++) {
    const [before = ' ', char = ''] = [text[at - 1], text[at]];
    if (/["']/.test(char) && /[\s=]/.test(before)) at = Math.max(at, text.indexOf(char, at + 1));
    else if (/[#;]/.test(char) && at > 0 && /\s/.test(before)) return text.slice(0, at).trim();
  }
  return text.trim();
}
