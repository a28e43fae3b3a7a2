import { CredentialError } from '../errors.js';
import type { Clock } from '../system/clock.js';
import type { Environment } from '../system/paths.js';
import { runProgram } from './run-program.js';
import { splitWords } from './split-words.js';

const TIMEOUT = 60_000;
/** Tells a `credd creds` among the programs whom it serves, so that a profile that asks for itself is noticed. */
export const RESOLVING = 'CREDD_RESOLVING';

const FAILED = { credential_process: 'CredentialProcessFailed', mfa_process: 'MfaProcessFailed' } as const;

export interface ProfileProgram {
  profile: string;
  /** Which of the profile's settings names it. */
  setting: keyof typeof FAILED;
  command: string;
  env: Environment;
  clock: Clock;
  stopped?: AbortSignal | undefined;
}

/**
 * What `read` makes of what a program prints that a profile names; run without a shell, as botocore does. `read` throws
 * where that will not do, and nothing that was printed is ever repeated.
 * @throws CredentialError `CredentialProcessFailed` or `MfaProcessFailed` (403), which may pass
 */
export async function runProfileProgram<T>(
  { profile, setting, command, env, clock, stopped }: ProfileProgram,
  read: (output: string) => T,
): Promise<T> {
  try {
    const [program, ...args] = splitWords(command);
    if (!program) throw new Error('it is empty');
    const ownEnv = { ...env, [RESOLVING]: [env[RESOLVING], profile].filter(Boolean).join('\n') };
    // Who has a code may print it anywhere.
    const repeatsStderr = setting !== 'mfa_process';
    const how = { env: ownEnv, clock, timeout: TIMEOUT, stopped, repeatsStderr };
    return read(await runProgram({ program, args, ...how }));
  } catch (error) {
    throw new CredentialError(
      FAILED[setting],
      403,
      `Profile "${profile}": its ${setting} failed: ${(error as Error).message}. Run that command by hand to see what is wrong.`,
      { retryable: true },
    );
  }
}
