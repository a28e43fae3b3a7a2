import type { Environment } from '../system/paths.js';
import type { MfaDevice } from './chain.js';
import type { ProfileSection, SharedConfig } from './shared-config.js';

/** AWS gives a role session an hour where nothing else is asked for. */
const DEFAULT_SECONDS = 3600;

/** What is not a whole number is ignored, as by botocore. */
export function durationSeconds(profile: ProfileSection): number {
  const text = profile.text('duration_seconds') ?? '';
  return /^\d+$/.test(text) ? Number(text) : DEFAULT_SECONDS;
}

/** The same for every process of one person, so that they share sessions; CloudTrail shows it. */
export function sessionName(profile: ProfileSection, env: Environment): string {
  const user = (env.USER || env.LOGNAME || 'user').replace(/[^\w+=,.@-]/g, '-');
  return profile.text('role_session_name') ?? `credd-${user}`.slice(0, 64);
}

/** The device that the profile names; what prints its code may be named by any profile with that device. */
export function mfaDevice(profile: ProfileSection, config: SharedConfig): MfaDevice | undefined {
  const serial = profile.text('mfa_serial');
  if (!serial) return undefined;
  const codeProcess = profile.text('mfa_process') ?? config.codeProcesses.get(serial);
  return { serial, ...(codeProcess ? { codeProcess } : {}) };
}
