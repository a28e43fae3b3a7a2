import type { Command, CommandTable } from './command.js';

export function generalHelp(commands: CommandTable): string {
  const lines = Object.entries(commands).map(([name, { summary }]) => `  ${name.padEnd(12)}${summary}`);
  return `credd vends fresh AWS role sessions of all your profiles to every SDK on this machine.

Usage: credd <command> [options]

${lines.join('\n')}

credd <command> --help explains each. Without an AWS account, begin with: credd demo`;
}

export function helpOf(name: string, command: Command): string {
  const options = Object.entries(command.options ?? {}).map(([option, { help, value }]) => {
    return `  ${`--${option}${value ? ` ${value}` : ''}`.padEnd(26)}${help}`;
  });
  const listed = options.length > 0 ? `\n\n${options.join('\n')}` : '';
  return `Usage: credd ${command.usage ?? name}\n\n${command.help}${listed}`;
}
