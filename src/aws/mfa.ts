import { CredentialError } from '../errors.js';
import type { Clock } from '../system/clock.js';
import type { Environment } from '../system/paths.js';
import { shellWord } from '../system/shell-word.js';
import { awsError } from './aws-error.js';
import type { MfaDevice, Step } from './chain.js';
import { runProfileProgram } from './profile-program.js';

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

function isMfaCode(text: string): boolean {
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
  const { serial: SerialNumber, codeProcess: command } = device;
  if (given !== undefined) return { SerialNumber, TokenCode: given };
  const { profile } = step;
  if (command === undefined) throw new MfaRequired(profile, SerialNumber);
  const program = { profile, setting: 'mfa_process', command, env, clock, stopped } as const;
  return { SerialNumber, TokenCode: await runProfileProgram(program, codeIn) };
}

function codeIn(output: string): string {
  const code = output.trim();
  if (isMfaCode(code)) return code;
  throw new Error('what it printed is not a code of six digits');
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
