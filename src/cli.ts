#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Command, type CommandContext, UsageError } from './commands/command.js';
import { generalHelp, helpOf } from './commands/help.js';
import { commands } from './commands/index.js';
import { Interrupted } from './commands/interrupt.js';
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
  if (!entry) throw new UsageError(`There is no command "${name}". ${meant(name)}Type: credd --help`);
  const { command } = await entry.load();
  const ownArgs = rest.includes('--') ? rest.slice(0, rest.indexOf('--')) : rest;
  if (ownArgs.includes('--help') || ownArgs.includes('-h')) return print(helpOf(name, command));
  return (await command.run(parse(name, command, rest))) ?? 0;
}

function parse(name: string, command: Command, args: string[]): CommandContext {
  const { values, positionals } = parsed(name, command, args);
  const [least, most] = command.takes;
  if (positionals.length < least || positionals[0] === '')
    throw new UsageError(`Something is missing: credd ${command.usage}`);
  if (positionals.length > most) throw new UsageError(`That is too much: credd ${command.usage}`);
  return {
    positionals,
    values: values as CommandContext['values'],
    env: process.env,
    commands,
    stdout: process.stdout,
    stderr: process.stderr,
  };
}

function parsed(name: string, { usage, options = {} }: Command, args: string[]) {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    // What Node says after its first sentence is about something else.
    const [what] = (error as Error).message.split(/\.(?:\s|$)/);
    const foreign = usage.includes('[-- ') ? ' What is not for credd goes behind --.' : '';
    throw new UsageError(`${what}.${foreign} Type: credd ${name} --help`);
  }
}

/** For one who typed the beginning of a command, or more than it. */
function meant(name: string): string {
  const near = Object.keys(commands).find((known) => known.startsWith(name) || name.startsWith(known));
  return near ? `Did you mean credd ${near}? ` : '';
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
  if (error instanceof Interrupted) return error.exitCode;
  return error instanceof UsageError ? WRONG_USAGE : FAILED;
}

/** A reader that has seen enough (`credd list | head`) is no error. */
function lost(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') return;
  process.stderr.write(`credd: the output cannot be written: ${error.message}\n`);
  process.exit(FAILED);
}

process.stdout.on('error', lost);
process.stderr.on('error', () => {});
// Unless somebody listens for it, it opens Node's inspector, which shows every secret.
process.on('SIGUSR1', () => {});
// The AWS SDK warns of old Node versions when it is loaded; that is not for the person who runs a command.
process.removeAllListeners('warning');
process.exitCode = await main(process.argv.slice(2)).catch(complain);
