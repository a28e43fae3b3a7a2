import { mkdir, readFile, realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CredentialError } from '../errors.js';
import { rewriteFile } from '../system/rewrite-file.js';

/** The settings of a section, in the order in which they are to stand. */
export interface NewSection {
  /** As it stands between the brackets: `profile dev`. */
  header: string;
  settings: Readonly<Record<string, string>>;
}

/**
 * Adds sections at the end of the person's config file. All that is there stays byte for byte; the file is replaced
 * as a whole, keeps its mode, and where it is a symlink what that leads to is replaced.
 * @throws CredentialError `FileChanged` or `CannotWrite` (503); the file is then as it was
 */
export async function appendSections(path: string, sections: readonly NewSection[]): Promise<void> {
  if (sections.length === 0) return;
  try {
    const target = await realpath(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      return path;
    });
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    const before = await readFile(target).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      return undefined;
    });
    await rewriteFile(
      path,
      before,
      Buffer.concat([before ?? Buffer.alloc(0), Buffer.from(added(before, sections))]),
    );
  } catch (error) {
    if (error instanceof CredentialError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CredentialError(
      'CannotWrite',
      503,
      `cannot write ${path}: ${code ?? message}. It is as it was.`,
      {
        cause: error,
      },
    );
  }
}

/** What is to stand at the end, with the line ends that the file has. */
export function added(before: Buffer | undefined, sections: readonly NewSection[]): string {
  const end = before?.includes('\r\n') ? '\r\n' : '\n';
  const text = sections.map(sectionText).join('\n').replaceAll('\n', end);
  if (!before || before.length === 0) return text;
  return `${before.at(-1) === 0x0a ? '' : end}${end}${text}`;
}

/** Quoted where a word has spaces, as AWS's tools read it. */
export function sectionHeader(type: 'profile' | 'sso-session', name: string): string {
  if (type === 'profile' && name === 'default') return name;
  return `${type} ${/\s/.test(name) ? `"${name}"` : name}`;
}

function sectionText({ header, settings }: NewSection): string {
  const lines = Object.entries(settings).map(([key, value]) => `${key} = ${value}\n`);
  return `[${header}]\n${lines.join('')}`;
}
