#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Command, type CommandContext, UsageError } from './commands/command.js';
import { generalHelp, helpOf } from './commands/help.js';
import { commands } from './commands/index.js';
import { CredentialError } from './errors.js';

const FAILED = 1;
const WRONG_USAGE = 2;

async function main(args: readonly string[]): Promise<number> {
  const [name = '--help', ...rest] = args;
  if (name === '--version' || name === '-V') return print(version());
  if (name === '--help' || name === '-h') return print(generalHelp(commands));
  if (name === 'help' && rest[0]) return main([rest[0], '--help']);
  if (name === 'help') return print(generalHelp(commands));
  const entry = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!entry) throw new UsageError(`There is no command "${name}". Type: credd --help`);
  const { command } = await entry.load();
  const ownArgs = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest;
  if (ownArgs.includes('--help') || ownArgs.includes('-h')) return print(helpOf(name, command));
  return (await command.run(parse(name, command, rest))) ?? 0;
}

function parse(name: string, command: Command, args: string[]): CommandContext {
  const hint = `Type: credd ${name} --help`;
  try {
    const { values, positionals } = parseArgs({
      args,
      options: command.options ?? {},
      allowPositionals: true,
    });
    const [least, most] = command.takes;
    if (positionals.length < least) throw new UsageError(`Too few arguments: credd ${command.usage}`);
    if (positionals.length > most) throw new UsageError(`Too many arguments: credd ${command.usage}`);
    return {
      positionals,
      values: values as CommandContext['values'],
      env: process.env,
      commands,
      stdout: process.stdout,
      stderr: process.stderr,
    };
  } catch (error) {
    throw new UsageError(`${(error as Error).message.replace(/\.$/, '')}. ${hint}`);
  }
}

function version(): string {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version;
}

function print(text: string): number {
  process.stdout.write(`${text}\n`);
  return 0;
}

function complain(error: unknown): number {
  const known = error instanceof CredentialError || error instanceof UsageError;
  process.stderr.write(`credd: ${known ? error.message : `this is a bug: ${(error as Error).stack}`}\n`);
  return error instanceof UsageError ? WRONG_USAGE : FAILED;
}

// A reader that has seen enough (`credd list | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) =>
  process.exit(error.code === 'EPIPE' ? 0 : FAILED),
);
// The AWS SDK warns of old Node versions when it is loaded; that is not for the person who runs a command.
process.removeAllListeners('warning');
process.exitCode = await main(process.argv.slice(2)).catch(complain);
