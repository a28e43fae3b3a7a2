import { CredentialError } from '../errors.js';
import { segmentOf } from '../http/segment.js';
import { shellWord } from '../system/shell-word.js';
import type { CommandContext } from './command.js';
import type { DaemonClient } from './connect.js';
import { askUntil, canAsk } from './prompt.js';
import { until } from './words.js';

interface Unlocked {
  /** Milliseconds since the epoch. */
  expiration: number;
}

/** The MFA device whose code the profile needs next; undefined where it needs none. */
export async function mfaDevice(daemon: DaemonClient, profile: string): Promise<string | undefined> {
  const { device } = await daemon.ask<{ device: string | null }>('GET', `/api/mfa/${segmentOf(profile)}`);
  return device ?? undefined;
}

/**
 * Asks for the code of the profile's MFA device, then for that of the next one, until its session can be had.
 * @throws CredentialError where there is nobody to ask, or AWS refuses; what was held before goes on
 */
export async function loginWithMfa(
  daemon: DaemonClient,
  profile: string,
  stderr: CommandContext['stderr'],
): Promise<void> {
  let device = await mfaDevice(daemon, profile);
  while (device) {
    if (!canAsk()) throw noTerminal(profile, device);
    const code = await askUntil(`Code of the MFA device ${device}: `, codeIn);
    const { expiration } = await daemon.ask<Unlocked>('POST', `/api/mfa/${segmentOf(profile)}`, { code });
    stderr.write(`The code was taken; the session expires ${until(expiration, Date.now())}.\n`);
    device = await stillLocked(daemon, profile);
  }
}

/** What needs the profile's session; where that takes a code and there is somebody to ask, it is asked for. */
export async function orCode<T>(
  daemon: DaemonClient,
  profile: string,
  stderr: CommandContext['stderr'],
  take: () => Promise<T>,
): Promise<T> {
  try {
    return await take();
  } catch (error) {
    if (!needsCode(error) || !canAsk()) throw error;
    await loginWithMfa(daemon, profile, stderr);
    return take();
  }
}

async function stillLocked(daemon: DaemonClient, profile: string): Promise<string | undefined> {
  try {
    await daemon.ask('GET', `/api/sessions/${segmentOf(profile)}`);
    return undefined;
  } catch (error) {
    if (!needsCode(error)) throw error;
    return mfaDevice(daemon, profile);
  }
}

function needsCode(error: unknown): boolean {
  return error instanceof CredentialError && error.code === 'MfaRequired';
}

/** Apps show it in two groups. */
function codeIn(answer: string): string {
  const code = answer.replace(/\s/g, '');
  if (/^\d{6}$/.test(code)) return code;
  throw new CredentialError('InvalidMfaCode', 400, 'A code has six digits. Type it again, or Ctrl-C.');
}

function noTerminal(profile: string, device: string): CredentialError {
  return new CredentialError(
    'NoTerminal',
    403,
    `The code of the MFA device ${device} is asked for on a terminal, and there is none here. Type this in one: credd login ${shellWord(profile)} - or set mfa_process, a command that prints the code, in that profile.`,
  );
}
