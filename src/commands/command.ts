import type { ParseArgsConfig } from 'node:util';
import { CredentialError } from '../errors.js';
import type { Environment } from '../system/paths.js';

type OptionValue = string | boolean | readonly (string | boolean)[] | undefined;

export interface CommandContext {
  /** What stands after the command's name, options taken out. */
  positionals: string[];
  /** Of an option that may be given several times, a list. */
  values: Readonly<Record<string, OptionValue>>;
  env: Environment;
  /** All commands, for those that speak of the others. */
  commands: CommandTable;
  stdout: NodeJS.WriteStream;
  stderr: NodeJS.WriteStream;
}

export interface Command {
  /** As in `credd exec PROFILE [-- COMMAND...]`, without `credd`. */
  usage: string;
  /** What it does, in a line or a few. */
  help: string;
  options?: Record<string, CommandOption>;
  /** The least and most of positionals. */
  takes: readonly [least: number, most: number];
  /** Gives the exit code; 0 where it gives none. */
  run(context: CommandContext): Promise<number | undefined>;
}

/** In the order in which `credd --help` lists them. Each is loaded when it is used. */
export type CommandTable = Readonly<
  Record<string, { summary: string; load(): Promise<{ command: Command }> }>
>;

export type CommandOption = NonNullable<ParseArgsConfig['options']>[string] & {
  help: string;
  value?: string;
};

/** The command line is not one that the command takes: exit code 2. */
export class UsageError extends Error {
  override name = 'UsageError';
}

/** Reads what an option says; what is wrong with it is said with the option's name. */
export function flagged<T>(flag: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof CredentialError || error instanceof UsageError)
      throw new UsageError(`${flag}: ${error.message}`);
    throw error;
  }
}

export function text(value: OptionValue): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
