const WORD = /(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+/gsy;
const PIECE = /\\(.)|'([^']*)'|"((?:[^"\\]|\\.)*)"|[^\s'"\\]+/gs;

/**
 * A command line's words as a POSIX shell splits them, without expansion; botocore runs `credential_process` so.
 * @throws Error where a quote is not closed.
 */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let at = skipSpace(line, 0);
  while (at < line.length) {
    WORD.lastIndex = at;
    const word = WORD.exec(line)?.[0];
    if (!word || (WORD.lastIndex < line.length && !/\s/.test(line.charAt(WORD.lastIndex)))) {
      throw new Error('a quote is not closed');
    }
    words.push(word.replace(PIECE, unquote));
    at = skipSpace(line, WORD.lastIndex);
  }
  return words;
}

function skipSpace(line: string, from: number): number {
  const rest = line.slice(from).search(/\S/);
  return rest < 0 ? line.length : from + rest;
}

function unquote(piece: string, escaped?: string, single?: string, double?: string): string {
  return escaped ?? single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? piece;
}
