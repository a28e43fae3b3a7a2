/** Runs of one word's characters; a lone quote or backslash is what the others could not take. */
const PIECE = /([ \t\r\n]+)|\\(.)|'([^']*)'|"((?:[^"\\]|\\.)*)"|[^ \t\r\n'"\\]+|(['"\\])/gs;

/**
 * A command line's words as Python's `shlex` splits them, nearly as a POSIX shell does, without expansion; botocore
 * runs `credential_process` so.
 * @throws Error where a quote is not closed, or nothing follows a backslash
 */
export function splitWords(line: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (const [piece, space, escaped, single, double, lone] of line.matchAll(PIECE)) {
    if (lone) throw new Error(lone === '\\' ? 'it ends in a backslash' : 'a quote in it is not closed');
    if (space === undefined) {
      word = (word ?? '') + (escaped ?? single ?? double?.replace(/\\(["\\])/g, '$1') ?? piece);
    } else if (word !== undefined) {
      words.push(word);
      word = undefined;
    }
  }
  if (word !== undefined) words.push(word);
  return words;
}
