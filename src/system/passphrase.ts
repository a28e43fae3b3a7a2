import type { Stats } from 'node:fs';
import { dirname, join } from 'node:path';
import { CredentialError } from '../errors.js';
import type { Environment } from './paths.js';
import { isOurs, notPrivate, readIfPresent } from './private-files.js';
import { shellWord } from './shell-word.js';

/** What a file of that name in systemd's credentials directory is taken for. */
const CREDENTIAL_NAME = 'credd-passphrase';

/**
 * The passphrase of the encrypted file store: from the file that the settings name, else from systemd
 * (`LoadCredential=credd-passphrase:...`, systemd.exec(5)), else undefined. One newline at the end does not count.
 * @throws CredentialError `NotPrivate`, `NoPassphrase` or `CannotRead`.
 */
export async function readPassphrase(
  file: string | undefined,
  env: Environment,
): Promise<Buffer | undefined> {
  const credentials = env.CREDENTIALS_DIRECTORY;
  const path = file ?? (credentials && join(credentials, CREDENTIAL_NAME));
  if (!path) return undefined;
  const handedOver = dirname(path) === credentials;
  const content = await readIfPresent(path, handedOver ? checkCredential(path) : checkOwn(path));
  if (!content && !file) return undefined;
  const passphrase = content && withoutNewline(content);
  if (passphrase?.length) return passphrase;
  throw handedOver ? nothingHandedOver() : noPassphrase(path, content ? 'is empty' : 'does not exist');
}

function checkOwn(path: string): (stats: Stats) => void {
  return (stats) => {
    if (!isOurs(stats))
      throw notPrivate(`the passphrase file ${path} belongs to another user: use one of your own`);
    if (stats.mode & 0o077) {
      throw notPrivate(
        `other users can get at the passphrase file ${path}; type: chmod 600 ${shellWord(path)}`,
      );
    }
  };
}

/** systemd's copies are 0400, or 0440 where an access list lets the service's user in. */
function checkCredential(path: string): (stats: Stats) => void {
  return (stats) => {
    const trusted = isOurs(stats) || stats.uid === 0;
    if (!trusted || stats.mode & 0o037)
      throw notPrivate(`other users can get at the passphrase file ${path}`);
  };
}

function withoutNewline(content: Buffer): Buffer {
  const end = content.at(-1) === 0x0a ? content.length - 1 : content.length;
  return content.subarray(0, content.at(end - 1) === 0x0d && end < content.length ? end - 1 : end);
}

function nothingHandedOver(): CredentialError {
  return new CredentialError(
    'NoPassphrase',
    400,
    'systemd had no passphrase to hand over; put the file back that LoadCredential= names in: systemctl --user cat credd.service',
  );
}

function noPassphrase(path: string, what: string): CredentialError {
  return new CredentialError(
    'NoPassphrase',
    400,
    `the passphrase file ${path} ${what}; to make one, type: ` +
      `(umask 077; head -c 32 /dev/urandom | base64 > ${shellWord(path)})`,
  );
}
