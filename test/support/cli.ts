import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, chmodSync, constants, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, join, resolve } from 'node:path';
import type { Test } from 'tap';

/** The program itself, as `npm test` has built it, or another build of it. */
export const CLI = resolve(process.env.CREDD_CLI ?? 'dist/cli.js');

export type Variables = Record<string, string | undefined>;

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunOptions {
  env?: Variables;
  input?: string;
  cwd?: string;
  /** A program that runs the command that follows it. */
  through?: string[];
}

export interface Running {
  process: ChildProcess;
  pid: number;
  stdout(): string;
  stderr(): string;
  /** Resolves when what it has printed, to either stream, matches. */
  prints(pattern: RegExp): Promise<RegExpMatchArray>;
  ended: Promise<Ended>;
}

export interface Daemon extends Running {
  url: string;
  port: number;
  stop(): Promise<Ended>;
}

/** A home of its own, in which commands are run. */
export interface Machine {
  home: string;
  env: Variables;
  path(...names: string[]): string;
  /** Rewrites `~/.aws/config` and `~/.aws/credentials`. */
  profiles(config: string, credentials?: string): void;
  credd(args: string[], options?: RunOptions): Promise<Ended>;
  /** The same, still running; it is killed when the test is over. */
  start(args: string[], options?: RunOptions): Running;
  serve(args?: string[], options?: RunOptions): Promise<Daemon>;
}

export interface MachineOptions {
  config?: string;
  credentials?: string;
  env?: Variables;
}

export function machine(t: Test, { config, credentials, env = {} }: MachineOptions = {}): Machine {
  const home = mkdtempSync(join(tmpdir(), 'credd-test-'));
  t.teardown(() => rmSync(home, { recursive: true, force: true, maxRetries: 3 }));
  const path = (...names: string[]) => join(home, ...names);
  mkdirSync(path('run'), { mode: 0o700 });
  const own: Variables = {
    PATH: process.env.PATH,
    HOME: home,
    LANG: 'C.UTF-8',
    XDG_RUNTIME_DIR: path('run'),
    // No client may look for credentials beyond this machine.
    AWS_EC2_METADATA_DISABLED: 'true',
    ...env,
  };
  const profiles = (config: string, credentials = '') => {
    mkdirSync(path('.aws'), { recursive: true, mode: 0o700 });
    writeFileSync(path('.aws', 'config'), config);
    writeFileSync(path('.aws', 'credentials'), credentials);
    for (const name of ['config', 'credentials']) chmodSync(path('.aws', name), 0o600);
  };
  if (config !== undefined || credentials !== undefined) profiles(config ?? '', credentials);

  const start = (args: string[], options: RunOptions = {}) =>
    run(t, [...(options.through ?? []), process.execPath, CLI, ...args], {
      cwd: home,
      ...options,
      env: { ...own, ...options.env },
    });

  return {
    home,
    env: own,
    path,
    profiles,
    start,
    credd: (args, options) => start(args, options).ended,
    async serve(args = [], options = {}) {
      const daemon = start(['serve', '--port', '0', '--store', 'memory', ...args], options);
      const url = (await daemon.prints(/credd listens on (http:\/\/127\.0\.0\.1:\d+)/))[1] ?? '';
      return {
        ...daemon,
        url,
        port: Number(new URL(url).port),
        async stop() {
          daemon.process.kill('SIGTERM');
          return daemon.ended;
        },
      };
    },
  };
}

/** Any program, with the variables that are given and no others. */
export function run(t: Test, command: string[], options: RunOptions = {}): Running {
  const [program = '', ...args] = command;
  const { env, cwd, input } = options;
  const child = spawn(program, args, { env, cwd, stdio: ['pipe', 'pipe', 'pipe'] });
  if (input !== undefined) child.stdin.end(input);
  child.stdin.on('error', () => {});
  const texts = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => (texts.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (texts.stderr += text));
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, ...texts }));
  t.teardown(() => {
    child.kill('SIGKILL');
    return ended;
  });
  const prints = async (pattern: RegExp) => {
    for (;;) {
      const found = pattern.exec(texts.stdout) ?? pattern.exec(texts.stderr);
      if (found) return found;
      const looked = new AbortController();
      const over = await Promise.race([
        once(child.stdout, 'data', { signal: looked.signal }),
        once(child.stderr, 'data', { signal: looked.signal }),
        ended.then((it) => it),
      ]);
      looked.abort();
      if ('code' in over && !pattern.test(texts.stdout) && !pattern.test(texts.stderr)) {
        throw new Error(
          `it ended with ${over.code ?? over.signal} and never printed ${pattern}: ${over.stdout}${over.stderr}`,
        );
      }
    }
  };
  return {
    process: child,
    pid: child.pid ?? -1,
    stdout: () => texts.stdout,
    stderr: () => texts.stderr,
    prints,
    ended,
  };
}

/** One request, by `node:http`: Node's own fetch() says `Sec-Fetch-Mode`, as pages do. */
export async function ask(
  url: string,
  authorization?: string,
  method = 'GET',
): Promise<{ status: number | undefined; text: string }> {
  const headers = authorization === undefined ? {} : { authorization };
  const asked = request(url, { method, headers, agent: false }).end();
  const [answer] = await once(asked, 'response');
  return { status: answer.statusCode, text: Buffer.concat(await answer.toArray()).toString() };
}

/** Why a test without this program is skipped; false where it is there. */
export function lacks(program: string, howToGetIt: string): string | false {
  const found = (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  return found ? false : howToGetIt;
}
