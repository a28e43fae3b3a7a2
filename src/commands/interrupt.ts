import { constants } from 'node:os';
import { CredentialError } from '../errors.js';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** A signal asked the command to end, and it has put back what it had begun. */
export class Interrupted extends CredentialError {
  /** As a shell has it. */
  readonly exitCode: number;

  constructor(signal: NodeJS.Signals, message: string) {
    super('Interrupted', 400, message);
    this.exitCode = 128 + constants.signals[signal];
  }
}

/** What `work` gives: signals do not end the process meanwhile. `told` is called at the first. */
export async function inSpiteOfSignals<T>(work: Promise<T>, told: () => void): Promise<T> {
  let first = true;
  const goOn = () => {
    if (first) told();
    first = false;
  };
  for (const signal of SIGNALS) process.on(signal, goOn);
  try {
    return await work;
  } finally {
    for (const signal of SIGNALS) process.off(signal, goOn);
  }
}

/**
 * What `work` gives, unless a signal comes first: then `undo` says in a sentence what it has put back. The next signal
 * ends the process at once.
 * @throws Interrupted
 */
export async function unlessInterrupted<T>(work: Promise<T>, undo: () => Promise<string>): Promise<T> {
  let stop = () => {};
  const interrupted = new Promise<NodeJS.Signals>((resolve) => {
    for (const signal of SIGNALS) process.once(signal, resolve);
    stop = () => {
      for (const signal of SIGNALS) process.off(signal, resolve);
    };
  });
  try {
    return await Promise.race([
      work,
      interrupted.then(async (signal) => {
        stop();
        throw new Interrupted(signal, await undo());
      }),
    ]);
  } finally {
    stop();
    work.catch(() => {});
  }
}
