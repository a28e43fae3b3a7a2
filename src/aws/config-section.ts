import type { ParsedEntry, Section } from './config-file.js';
import type { FileKind } from './section-header.js';

/** One of the two files, as it was read. */
export interface ConfigSource {
  readonly kind: FileKind;
  readonly path: string;
  /** The path as a person is shown it: `~/.aws/config`. */
  readonly label: string;
  readonly exists: boolean;
  /** Its permission bits, of the target of a symlink. */
  readonly mode: number | undefined;
}

/** A setting, and where it stands. */
export interface Entry {
  readonly value: string;
  readonly file: FileKind;
  readonly path: string;
  readonly line: number;
  /** `~/.aws/config:12` */
  readonly where: string;
  /** The indented settings below a key such as `s3 =`. */
  readonly nested: ReadonlyMap<string, Entry>;
}

/** A section of one file. */
export interface Part {
  source: ConfigSource;
  section: Section;
}

/** The settings of one name, from one or both files; per key the credentials file wins. */
export class ConfigSection {
  readonly name: string;
  readonly #parts: readonly Part[];

  constructor(name: string, parts: readonly Part[]) {
    this.name = name;
    this.#parts = parts;
  }

  /** The setting, even an empty one. */
  get(key: string): Entry | undefined {
    for (const { source, section } of this.#parts) {
      const entry = section.entries.get(key);
      if (entry) return located(entry, source);
    }
    return undefined;
  }

  /** Its value; an empty one counts as none. */
  text(key: string): string | undefined {
    return this.get(key)?.value || undefined;
  }

  has(key: string): boolean {
    return this.text(key) !== undefined;
  }

  /** `~/.aws/config:12`: where the key stands, or, without a key or where it is not set, the section. */
  where(key?: string): string {
    return (key ? this.get(key)?.where : undefined) ?? this.headers[0]?.where ?? '';
  }

  get headers(): { path: string; line: number; where: string }[] {
    return this.#parts
      .filter(({ section }) => section.name === this.name)
      .flatMap(({ source, section }) => section.lines.map((line) => place(source, line)));
  }

  keys(): Set<string> {
    return new Set(this.#parts.flatMap(({ section }) => [...section.entries.keys()]));
  }

  /** Only what one of the two files says; undefined where it has no such section. */
  from(kind: FileKind): ConfigSection | undefined {
    const parts = this.#parts.filter(({ source }) => source.kind === kind);
    return parts.length > 0 ? new ConfigSection(this.name, parts) : undefined;
  }
}

const NONE: ReadonlyMap<string, Entry> = new Map();

function located({ value, line, nested }: ParsedEntry, source: ConfigSource): Entry {
  const inner = nested && new Map([...nested].map(([key, entry]) => [key, located(entry, source)]));
  return { value, file: source.kind, ...place(source, line), nested: inner ?? NONE };
}

export function place(
  { path, label }: ConfigSource,
  line: number,
): { path: string; line: number; where: string } {
  return { path, line, where: line > 0 ? `${label}:${line}` : label };
}
