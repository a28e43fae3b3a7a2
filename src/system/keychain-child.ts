import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { extname } from 'node:path';
import { createInterface } from 'node:readline';
import type { Clock } from './clock.js';
import type { KeychainReply, KeychainRequest } from './keychain-process.js';
import type { Environment } from './paths.js';

export interface KeychainChildOptions {
  env: Environment;
  clock: Clock;
  /** What the process and its libraries write to stderr, a line at a time; for the debug log. */
  log(line: string): void;
}

/** How long a keychain may take for one request. Milliseconds. */
const PATIENCE = 2000;
/** How long the process may take to start: 0.05 s, but not on a machine that is busy with a login. Milliseconds. */
const START_PATIENCE = 10_000;

/** The keychain hangs, or waits for a person. */
export class KeychainTimeout extends Error {
  override message = 'it did not answer in time; it may be locked, or waiting for its password';
}

/** One run of `keychain-process`. It keeps nobody's process alive, except while a request is under way. */
export class KeychainChild {
  /** Whether it has done something well. */
  proven = false;
  readonly #process: ChildProcess;
  readonly #clock: Clock;
  readonly #started: Promise<unknown>;
  #pending: { resolve(reply: KeychainReply): void; reject(error: Error): void } | undefined;

  constructor({ env, clock, log }: KeychainChildOptions) {
    this.#clock = clock;
    const script = new URL(`keychain-process${extname(import.meta.url)}`, import.meta.url);
    this.#process = fork(script, {
      env,
      execArgv: process.execArgv.filter((argument) => !argument.startsWith('--inspect')),
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    if (this.#process.stderr) createInterface({ input: this.#process.stderr }).on('line', log);
    this.#process.on('message', (reply) => this.#pending?.resolve(reply as KeychainReply));
    this.#process.on('error', (error) => this.#pending?.reject(error));
    for (const end of ['exit', 'disconnect']) {
      this.#process.on(end, () => this.#pending?.reject(new Error('the process that asks it ended')));
    }
    this.#started = this.#message(START_PATIENCE);
  }

  get connected(): boolean {
    return this.#process.connected;
  }

  /**
   * Sends one request; the one before must have been answered.
   * @throws KeychainTimeout after 2 s; Error when the process ends.
   */
  async ask(request: KeychainRequest): Promise<KeychainReply> {
    await this.#started;
    const reply = this.#message(PATIENCE);
    this.#process.send(request, (error) => error && this.#pending?.reject(error));
    return reply;
  }

  /** Ends the process at once, whatever it is waiting for. */
  async kill(): Promise<void> {
    const { pid, exitCode, signalCode } = this.#process;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    this.#process.ref();
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }

  async #message(patience: number): Promise<KeychainReply> {
    this.#holdParent(true);
    const cancel = this.#clock.after(patience, () => this.#pending?.reject(new KeychainTimeout()));
    try {
      return await new Promise((resolve, reject) => {
        this.#pending = { resolve, reject };
      });
    } finally {
      cancel();
      this.#pending = undefined;
      this.#holdParent(false);
    }
  }

  #holdParent(hold: boolean): void {
    const verb = hold ? 'ref' : 'unref';
    this.#process[verb]();
    this.#process.channel?.[verb]();
    (this.#process.stderr as Socket | null)?.[verb]();
  }
}
