import { closeSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Environment } from '../system/paths.js';

/** What POSIX shells answer (XCU 2.8.2): "not found" and "found, but cannot be executed". */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;
/** As much as Linux reads of a script's first line. */
const FIRST_LINE = 256;

const WORDS: Record<string, string> = {
  EACCES: 'permission denied',
  E2BIG: 'its arguments and variables are too long',
  ELOOP: 'too many levels of symbolic links',
  ENAMETOOLONG: 'its name is too long',
  ENOEXEC: 'it is no program for this machine (exec format error)',
  ENOTDIR: 'a part of its path is not a directory',
  ETXTBSY: 'somebody is writing to it',
};

/** Why a program could not be started, and the exit code that a shell would give. */
export function notRun(
  program: string,
  { code = '', message }: NodeJS.ErrnoException,
  env: Environment,
): { code: number; why: string } {
  const named = program.includes('/');
  const path = named ? program : inPath(program, env.PATH);
  const kind = path === undefined ? undefined : kindOf(path);
  if (!path || (code === 'ENOENT' && !kind)) {
    return { code: NOT_FOUND, why: named ? 'there is no such file' : 'there is no such command' };
  }
  const why = WORDS[code] ?? message;
  if (kind?.isDirectory()) return { code: NOT_EXECUTABLE, why: 'it is a directory' };
  return { code: NOT_EXECUTABLE, why: code === 'ENOENT' ? withoutInterpreter(path) : why };
}

/** No directory of that name is meant by one who types a command. */
function inPath(program: string, searched = ''): string | undefined {
  if (program === '') return undefined;
  return searched
    .split(delimiter)
    .map((folder) => join(folder, program))
    .find((path) => kindOf(path)?.isFile());
}

function kindOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** The file is there, so what is not there is what it is run with. */
function withoutInterpreter(path: string): string {
  const [, interpreter] = /^#!\s*(\S+)/.exec(beginning(path)) ?? [];
  return `its interpreter${interpreter ? ` ${interpreter}` : ''} does not exist`;
}

function beginning(path: string): string {
  const line = Buffer.alloc(FIRST_LINE);
  let file: number | undefined;
  try {
    file = openSync(path, 'r');
    return line.toString('utf8', 0, readSync(file, line));
  } catch {
    return '';
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
