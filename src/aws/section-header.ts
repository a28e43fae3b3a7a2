/** Which of AWS's two shared files a text came from; they spell the names of profiles differently. */
export type FileKind = 'config' | 'credentials';

/** `other` is a section that is nothing to us: the AWS CLI's own, one without a name, `[DEFAULT]`. */
export type SectionType = 'profile' | 'sso-session' | 'services' | 'other';

/** What a section header means. */
export interface Header {
  type: SectionType;
  name: string;
  /** Spelled as this kind of file spells it; such a section wins over one for the same name that is spelled otherwise. */
  usual: boolean;
  /** Why other tools do not see this section, and how to write it. */
  warning?: string;
}

export interface Bracketed {
  text: string;
  /** What stands behind the bracket and is no comment. */
  rest: string;
}

export function bracketed(line: string): Bracketed | undefined {
  if (!line.startsWith('[')) return undefined;
  const clean = /^\[(.+?)\]\s*(?:[#;].*)?$/s.exec(line);
  if (clean?.[1]) return { text: clean[1], rest: '' };
  const end = line.lastIndexOf(']');
  return end > 1 ? { text: line.slice(1, end), rest: line.slice(end + 1) } : undefined;
}

/** The most lenient reading of what stands between the brackets. */
export function readHeader(text: string, kind: FileKind): Header {
  return kind === 'config' ? configHeader(text.trim()) : credentialsHeader(text.trim());
}

const NOT_PROFILES = new Set(['', 'profile', 'sso-session', 'services', 'preview', 'plugins']);
const INHERITED =
  'the AWS CLI gives these settings to every section of the file: if you mean the profile, write [default]';

function configHeader(text: string): Header {
  const [, word = '', suffix = '', quoted = ''] =
    /^(profile|sso-session|services)([\w-]*)\s+(.+)$/is.exec(text) ?? [];
  if (word) {
    const type = word.toLowerCase() as SectionType;
    const name = unquoted(quoted);
    const odd = suffix !== '' || word !== type;
    const unclear = /\s/.test(quoted) && quoted === name;
    const right = `[${type} ${/\s/.test(name) ? `"${name}"` : name}]`;
    return {
      type,
      name,
      usual: true,
      ...(odd || unclear ? { warning: `other tools ignore this section: write ${right}` } : {}),
    };
  }
  if (text === 'DEFAULT') return other(text, INHERITED);
  if (NOT_PROFILES.has(text)) return other(text);
  const warning = `other tools ignore this section: write [profile ${text}]`;
  return { type: 'profile', name: text, usual: false, ...(text === 'default' ? {} : { warning }) };
}

function credentialsHeader(text: string): Header {
  const [, word = '', rest = ''] = /^(profile|sso-session|services)\s+(.+)$/s.exec(text) ?? [];
  if (word === 'profile') {
    const name = unquoted(rest);
    const warning = `other tools do not know this as ${name}: in this file write [${name}]`;
    return { type: 'profile', name, usual: false, warning };
  }
  if (word) return other(text, 'other tools look for this only in the config file: move it there');
  if (text === 'DEFAULT') return other(text, INHERITED);
  if (text === '') return other(text);
  const [, , inner] = /^(["'])(.+)\1$/s.exec(text) ?? [];
  return { type: 'profile', name: inner ?? text, usual: true };
}

function other(name: string, warning?: string): Header {
  return { type: 'other', name, usual: true, ...(warning ? { warning } : {}) };
}

/** As a shell would read one word, which is what botocore does; a quote without its partner is a letter. */
function unquoted(text: string): string {
  return text.replace(
    /"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/gs,
    (_, double?: string, single?: string, escaped?: string) =>
      double?.replace(/\\(["\\])/g, '$1') ?? single ?? escaped ?? '',
  );
}
