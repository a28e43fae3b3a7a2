/** The text of config.ini with another port; all else, comments and line ends too, stays as it is. */
export function withPort(text: string, port: number): string {
  const section = /^[^\S\r\n]*\[/m.exec(text)?.index ?? text.length;
  const [top, rest] = [text.slice(0, section), text.slice(section)];
  const line = /^([^\S\r\n]*)port[^\S\r\n]*=[^\r\n;#]*?([^\S\r\n]*(?:[;#].*)?)$/m;
  if (line.test(top)) return top.replace(line, `$1port = ${port}$2`) + rest;
  const [, mark = '', lines = ''] = /^(\uFEFF?)(.*)$/s.exec(text) ?? [];
  const [end = '\n'] = /\r\n|\r|\n/.exec(text) ?? [];
  return `${mark}port = ${port}${end}${lines}`;
}
