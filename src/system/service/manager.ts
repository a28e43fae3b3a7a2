import { execFile } from 'node:child_process';
import { CredentialError } from '../../errors.js';
import type { Environment } from '../paths.js';

/** What is to run, as a service of the person's own. */
export interface Service {
  /** Absolute. */
  node: string;
  cli: string;
  port: number;
  variables: Readonly<Record<string, string>>;
}

export interface ServiceFile {
  path: string;
  text: string;
}

/** The variable that names the passphrase file; systemd hands over what is in it. */
export const PASSPHRASE = 'CREDD_STORE_PASSPHRASE_FILE';

/** What a service manager has to be told, as data, so that it can also be printed. */
export interface ServiceManager {
  readonly name: string;
  files(service: Service): Promise<ServiceFile[]>;
  /** What a file of an earlier install gives to the service. */
  variables(text: string): Record<string, string>;
  /** What to run once those files that `changed` are written. */
  afterWriting(changed: readonly string[]): Promise<string[][]>;
  /** What to run before and after the files are removed. */
  readonly beforeRemoval: string[][];
  readonly afterRemoval: string[][];
  /** Whether it listens on our behalf there, or a service of ours does. */
  holds(port: number): Promise<boolean>;
  /** Some lines for a person, and whether requests are being answered. */
  state(): Promise<{ text: string; up: boolean }>;
  logs(follow: boolean): string[];
  /** What the service itself has written, and is to go with it. */
  readonly ownFiles: readonly string[];
  /** What a person has set up around the service, and is left to him: a sentence each. */
  remains(): Promise<string[]>;
  /** How a person gives the service a variable that should not stand in its files. */
  readonly secretVariables: string;
}

export type RunTool = (command: readonly string[]) => Promise<string>;

/** Gives what the tool printed. @throws CredentialError `ServiceManagerFailed` with what it said. */
export function toolRunner(env: Environment): RunTool {
  return ([program = '', ...args]) =>
    new Promise((resolve, reject) => {
      execFile(program, args, { env, timeout: 60_000 }, (error, stdout, stderr) => {
        if (error) reject(failed([program, ...args], error, stderr));
        else resolve(stdout);
      });
    });
}

function failed(command: string[], error: Error & { code?: unknown }, stderr: string): CredentialError {
  const said =
    error.code === 'ENOENT'
      ? `there is no ${command[0]} here`
      : stderr.trim().split('\n')[0] || error.message;
  const bus = /connect to bus|No medium found/i.test(stderr);
  const hint = bus
    ? ' Your user has no running service manager: log in yourself (not by su or sudo), or type: sudo loginctl enable-linger "$USER"'
    : error.code === 'ENOENT'
      ? ' Start "credd serve" with whatever starts your programs here.'
      : '';
  return new CredentialError(
    'ServiceManagerFailed',
    503,
    `"${command.join(' ')}" failed: ${said.replace(/\.?$/, '.')}${hint}`,
  );
}

/** @throws CredentialError `InvalidSettings` (400): a property list cannot hold such a value, and systemd reads another. */
export function checkValues({ node, cli, variables }: Service): void {
  for (const [name, value] of Object.entries({
    'The path of Node': node,
    'The path of credd': cli,
    ...variables,
  })) {
    if (!/\p{Cc}/u.test(value)) continue;
    throw new CredentialError(
      'InvalidSettings',
      400,
      `${name} holds a line break or another control character, which a service cannot be given. Correct it${
        name in variables ? `, or leave it out: env -u ${name} credd service install` : ''
      }`,
    );
  }
}

/** The text of a template of this package: each `@NAME@` gives way. */
export function filled(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/@([A-Z]+)@/g, (all, name: string) => values[name] ?? all);
}
