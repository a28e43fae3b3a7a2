import type { Clock } from '../system/clock.js';
import type { Environment } from '../system/paths.js';
import type { ProcessStep } from './chain.js';
import type { Credentials } from './credentials.js';
import { runProfileProgram } from './profile-program.js';
import { parseTime } from './time.js';

/** How long credentials with a token but without an expiration are taken to last before the process is asked again. */
const ASSUMED_LIFETIME = 20 * 60_000;

/**
 * Runs a `credential_process`, and reads the JSON that it prints.
 * @throws CredentialError `CredentialProcessFailed` (403), which may pass
 */
export async function credentialProcess(
  step: ProcessStep,
  env: Environment,
  clock: Clock,
  stopped?: AbortSignal,
): Promise<Credentials> {
  const { profile, command } = step;
  const program = { profile, setting: 'credential_process', command, env, clock, stopped } as const;
  return runProfileProgram(program, (output) => parse(output, clock.now()));
}

/**
 * Its errors say what is wrong, and never what was printed. The end is taken as it is: whether this computer's clock is
 * right when it was AWS that said it, nobody tells.
 */
function parse(output: string, now: number): Credentials {
  const { Version, AccessKeyId, SecretAccessKey, SessionToken, Expiration, AccountId } = json(output);
  if (Version !== 1) throw new Error('the "Version" that it printed is not 1');
  if (!isText(AccessKeyId)) throw new Error('it printed no "AccessKeyId"');
  if (!isText(SecretAccessKey)) throw new Error('it printed no "SecretAccessKey"');
  const credentials: Credentials = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey };
  if (isText(AccountId)) credentials.accountId = AccountId;
  if (!isText(SessionToken)) return credentials;
  const expiration = Expiration ? parseTime(Expiration) : now + ASSUMED_LIFETIME;
  if (expiration === undefined) throw new Error('the "Expiration" that it printed is not a time');
  if (expiration <= now) throw new Error('the credentials that it printed have already expired');
  return { ...credentials, sessionToken: SessionToken, expiration };
}

function json(output: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(output));
  } catch {
    throw new Error(output.trim() ? 'what it printed is not JSON' : 'it printed nothing');
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}
