import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { CredentialError } from '../errors.js';

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * The certificates of a PEM file. Node takes a file without any for one that trusts nobody, without a word.
 * @throws CredentialError `InvalidCaBundle` (400)
 */
export function readCaBundle(path: string): string[] {
  try {
    const certificates = readFileSync(path, 'latin1').match(CERTIFICATE) ?? [];
    if (certificates.length === 0) throw new Error('it holds no PEM certificate');
    for (const certificate of certificates) new X509Certificate(certificate);
    return certificates;
  } catch (error) {
    throw new CredentialError(
      'InvalidCaBundle',
      400,
      `The CA bundle ${path} cannot be used (${(error as Error).message}). Correct AWS_CA_BUNDLE or ca_bundle.`,
    );
  }
}
