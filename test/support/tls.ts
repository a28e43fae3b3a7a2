import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';

export const needsOpenssl =
  spawnSync('openssl', ['version']).status !== 0 && 'needs openssl: apt-get install -y openssl';

/** A certificate for 127.0.0.1 and localhost that nobody has signed but itself; `file` is its PEM. */
export function selfSigned(t: Test): { file: string; cert: Buffer; key: Buffer } {
  const folder = t.testdir({});
  const [file, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  execFileSync(
    'openssl',
    [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ],
      ...[
        '-subj',
        '/CN=127.0.0.1',
        '-addext',
        'subjectAltName=IP:127.0.0.1,DNS:localhost',
        '-keyout',
        keyFile,
        '-out',
        file,
      ],
    ],
    { stdio: 'ignore' },
  );
  return { file, cert: readFileSync(file), key: readFileSync(keyFile) };
}
