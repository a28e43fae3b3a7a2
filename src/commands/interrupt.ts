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
  let isInterrupted = false;
  const undone = new Promise<NodeJS.Signals>((resolve) => {
    const come = (signal: NodeJS.Signals) => {
      isInterrupted = true;
      resolve(signal);
    };
    for (const signal of SIGNALS) process.once(signal, come);
    stop = () => {
      for (const signal of SIGNALS) process.off(signal, come);
    };
  }).then(async (signal): Promise<never> => {
    stop();
    // The terminal has shown a ^C there.
    if (process.stderr.isTTY) process.stderr.write('\n');
    throw new Interrupted(signal, await undo());
  });
  undone.catch(() => {});
  try {
    const value = await Promise.race([work, undone]);
    return isInterrupted ? await undone : value;
  } catch (error) {
    // What is being undone may fail for that, or seem to succeed.
    if (isInterrupted) await undone;
    throw error;
  } finally {
    stop();
    work.catch(() => {});
  }
}
