import { spawn } from 'node:child_process';
import { CredentialError } from '../errors.js';
import type { Environment } from '../system/paths.js';
import type { ProcessStep } from './chain.js';
import type { Credentials } from './credentials.js';
import { splitWords } from './split-words.js';

const TIMEOUT = 60_000;
const MOST_OUTPUT = 1024 * 1024;
const MOST_STDERR = 1000;
/** How long credentials with a token but without an expiration are taken to last before the process is asked again. */
const ASSUMED_LIFETIME = 20 * 60_000;
/** Tells a `credd creds` among the processes whom it serves, so that a profile that asks for itself is noticed. */
export const RESOLVING = 'CREDD_RESOLVING';

/** Runs a `credential_process` without a shell, as botocore does, and reads the JSON that it prints. */
export async function credentialProcess(
  step: ProcessStep,
  env: Environment,
  now: () => number,
): Promise<Credentials> {
  const output = await run(step, { ...env, [RESOLVING]: step.profile });
  return parse(output, step, now());
}

function run(step: ProcessStep, env: Environment): Promise<string> {
  const [program, ...args] = words(step);
  if (!program) throw failed(step, 'it is empty');
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let stdout = '';
    let stderr = '';
    const stop = (why: string) => {
      reject(failed(step, why));
      // The whole group: a wrapper script's own children would keep the pipes open.
      if (child.pid) kill(-child.pid);
    };
    const timer = setTimeout(() => stop(`it gave no answer within ${TIMEOUT / 1000} s`), TIMEOUT);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (stdout.length > MOST_OUTPUT) stop('it printed more than 1 MB');
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr = (stderr + text).slice(0, MOST_STDERR);
    });
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(failed(step, `it cannot be run (${error.message})`));
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      if (code === 0) resolve(stdout);
      else
        reject(
          failed(step, `it ended with ${signal ?? `exit code ${code}`}${stderr && `: ${stderr.trim()}`}`),
        );
    });
  });
}

function words(step: ProcessStep): string[] {
  try {
    return splitWords(step.command);
  } catch (error) {
    throw failed(step, (error as Error).message);
  }
}

function parse(output: string, step: ProcessStep, now: number): Credentials {
  let json: Record<string, unknown>;
  try {
    json = Object(JSON.parse(output));
  } catch {
    throw failed(step, 'what it printed is not JSON');
  }
  if (json.Version !== 1) throw failed(step, `its "Version" is ${JSON.stringify(json.Version)} instead of 1`);
  const { AccessKeyId, SecretAccessKey, SessionToken, Expiration, AccountId } = json;
  if (!isText(AccessKeyId)) throw failed(step, 'its "AccessKeyId" is missing');
  if (!isText(SecretAccessKey)) throw failed(step, 'its "SecretAccessKey" is missing');
  const credentials: Credentials = { accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey };
  if (isText(AccountId)) credentials.accountId = AccountId;
  if (!isText(SessionToken)) return credentials;
  credentials.sessionToken = SessionToken;
  credentials.expiration = isText(Expiration) ? Date.parse(Expiration) : now + ASSUMED_LIFETIME;
  if (!Number.isFinite(credentials.expiration)) throw failed(step, 'its "Expiration" is not a time');
  if (credentials.expiration <= now) throw failed(step, 'the credentials it printed have already expired');
  return credentials;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself in the meantime.
  }
}

function failed(step: ProcessStep, why: string): CredentialError {
  return new CredentialError(
    'CredentialProcessFailed',
    403,
    `Profile "${step.profile}": its credential_process failed: ${why}. Run it by hand: ${step.command}`,
    { retryable: true },
  );
}
