/** The text of config.ini with another port; all else, comments too, stays as it is. */
export function withPort(text: string, port: number): string {
  const lines = text === '' ? [] : text.split('\n');
  const end = lines.findIndex((line) => line.trimStart().startsWith('['));
  const top = end < 0 ? lines.length : end;
  const at = lines.findLastIndex((line, index) => index < top && /^\s*port\s*=/.test(line));
  if (at >= 0) lines[at] = `port = ${port}`;
  else lines.unshift(`port = ${port}`, ...(lines.length === 0 ? [''] : []));
  return lines.join('\n');
}
