import { execFile } from 'node:child_process';
import { CredentialError } from '../errors.js';
import type { Environment } from './paths.js';

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

/** What a service manager has to be told, as data, so that it can also be printed. */
export interface ServiceManager {
  readonly name: string;
  files(service: Service): Promise<ServiceFile[]>;
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

/** The text of a template of this package: each `@NAME@` gives way. */
export function filled(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/@([A-Z]+)@/g, (all, name: string) => values[name] ?? all);
}
