import { CredentialError } from '../errors.js';

export interface LongTermKeys {
  accessKeyId: string;
  secretAccessKey: string;
}

/** @throws CredentialError `InvalidKeys` (400) */
export function checkAccessKeyId(given: unknown): string {
  if (typeof given !== 'string' || !/^\w{4,128}$/.test(given))
    throw invalid('An access key id is of letters and digits, as AKIA...');
  if (given.startsWith('ASIA'))
    throw invalid('These keys are temporary: what begins with ASIA is a session and ends by itself.');
  return given;
}

/** @throws CredentialError `InvalidKeys` (400), without what was given */
export function checkSecretAccessKey(given: unknown): string {
  if (typeof given === 'string' && /^[\x21-\x7e]{4,128}$/.test(given)) return given;
  throw invalid('A secret access key is of letters, digits, / and +, without spaces.');
}

function invalid(message: string): CredentialError {
  return new CredentialError('InvalidKeys', 400, message);
}
