import { CredentialError } from '../errors.js';
import type { Clock } from '../system/clock.js';
import type { Environment } from '../system/paths.js';
import { shellWord } from '../system/shell-word.js';
import { awsError } from './aws-error.js';
import type { MfaDevice, Step } from './chain.js';
import { RESOLVING } from './credential-process.js';
import { runProgram } from './run-program.js';
import { splitWords } from './split-words.js';

const TIMEOUT = 60_000;
/** AWS's own pattern for `TokenCode`. */
const CODE = /^\d{6}$/;

/** What AWS takes as the proof of a second factor; nothing where none is asked for. */
export interface MfaProof {
  SerialNumber?: string;
  TokenCode?: string;
}

/** Only a person can go on: answered at once, never waited for. */
export class MfaRequired extends CredentialError {
  readonly device: string;

  constructor(profile: string, device: string) {
    super(
      'MfaRequired',
      403,
      `Profile "${profile}" needs a code of the MFA device ${device}. Type: credd login ${shellWord(profile)}`,
    );
    this.device = device;
  }
}

export function mfaOf(step: Step): MfaDevice | undefined {
  return step.kind === 'session-token' || step.kind === 'assume-role' ? step.mfa : undefined;
}

/** Whether nothing but a person can obtain this step. */
export function needsPerson(step: Step): boolean {
  const device = mfaOf(step);
  return device !== undefined && device.codeProcess === undefined;
}

export function isMfaCode(text: string): boolean {
  return CODE.test(text);
}

/**
 * The proof for a step: the code that a person gave, else what the profile's `mfa_process` prints.
 * @throws MfaRequired where there is neither; CredentialError `MfaProcessFailed` (403), which may pass
 */
export async function mfaProof(
  step: Step,
  given: string | undefined,
  env: Environment,
  clock: Clock,
  stopped?: AbortSignal,
): Promise<MfaProof> {
  const device = mfaOf(step);
  if (!device) return {};
  if (given === undefined && device.codeProcess === undefined)
    throw new MfaRequired(step.profile, device.serial);
  const TokenCode = given ?? (await codeOf(device.codeProcess ?? '', step.profile, env, clock, stopped));
  return { SerialNumber: device.serial, TokenCode };
}

/** Run without a shell, as a `credential_process`; nothing that it printed is ever repeated. */
async function codeOf(
  command: string,
  profile: string,
  env: Environment,
  clock: Clock,
  stopped?: AbortSignal,
): Promise<string> {
  try {
    const [program, ...args] = splitWords(command);
    if (!program) throw new Error('it is empty');
    const ownEnv = { ...env, [RESOLVING]: profile };
    const code = (await runProgram({ program, args, env: ownEnv, clock, timeout: TIMEOUT, stopped })).trim();
    if (!isMfaCode(code)) throw new Error('what it printed is not a code of six digits');
    return code;
  } catch (error) {
    throw new CredentialError(
      'MfaProcessFailed',
      403,
      `Profile "${profile}": its mfa_process failed: ${(error as Error).message}. Run that command by hand to see what is wrong.`,
      { retryable: true },
    );
  }
}

/** What AWS says of a code, in words that lead on; everything else as of any call. */
export function stsError(error: unknown, step: Step, doing: string): CredentialError {
  const { name, message } = error as Error;
  const device = mfaOf(step);
  if (name !== 'AccessDenied' || !device || !/MultiFactorAuthentication failed/i.test(message)) {
    return awsError(error, step.profile, doing);
  }
  const wrongDevice = /serial number/i.test(message);
  const why = wrongDevice
    ? `Check mfa_serial of "${step.profile}": the device must be one of the user that calls.`
    : `Each code serves once, and for half a minute. Wait for the next one, then type: credd login ${shellWord(step.profile)}`;
  return new CredentialError(
    'MfaCodeRefused',
    403,
    `Profile "${step.profile}": AWS did not take the code of the MFA device ${device.serial}. ${why}`,
    // A process has another code soon.
    { cause: error, retryable: !wrongDevice && device.codeProcess !== undefined },
  );
}
