import { PASSPHRASE, type Service } from './manager.js';

/** What a unit's template is filled with. */
export function unitValues({ node, cli, variables }: Service): Record<string, string> {
  const { [PASSPHRASE]: passphrase, ...rest } = variables;
  const lines = Object.entries(rest).map(([name, value]) => `Environment=${word(`${name}=${value}`)}`);
  if (passphrase) {
    lines.push(`LoadCredential=credd-passphrase:${passphrase.replaceAll('%', '%%')}`);
    lines.push('# Where that file is gone credd starts all the same, and says so.');
    lines.push('SetCredential=credd-passphrase:\\n');
  }
  return { NODE: program(node), CLI: program(cli), MORE: lines.join('\n') };
}

/** What {@link unitValues} has written. */
export function unitVariables(unit: string): Record<string, string> {
  const words = [...unit.matchAll(/^Environment="(\w+)=(.*)"$/gm)];
  const variables = words.map(([, name = '', value = '']) => [name, value.replace(/\\(.)/g, '$1')]);
  const [, passphrase] = /^LoadCredential=credd-passphrase:(.*)$/m.exec(unit) ?? [];
  const all = passphrase ? [...variables, [PASSPHRASE, passphrase]] : variables;
  return Object.fromEntries(all.map(([name, value = '']) => [name, value.replaceAll('%%', '%')]));
}

/** systemd.syntax(7): specifiers begin with `%`, and C's escapes are read within quotes. */
function word(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&').replaceAll('%', '%%')}"`;
}

/** In a command line `$` begins a variable as well. */
function program(path: string): string {
  const escaped = word(path).replaceAll('$', '$$$$');
  return escaped === `"${path}"` && !/\s/.test(path) ? path : escaped;
}
