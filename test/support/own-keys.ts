import { writeFileSync } from 'node:fs';
import type { Test } from 'tap';
import { startSimulatedAws } from '../../src/demo/aws.js';
import { machine } from './cli.js';

export const ACCOUNT = '123456789012';
export const USER = {
  accountId: ACCOUNT,
  name: 'ada',
  accessKeyId: 'AKIAADAADAADAADA',
  secretAccessKey: 'adas/secret+that-is-not-shown',
};
const DEVICE = `arn:aws:iam::${ACCOUNT}:mfa/ada`;
export const EVE = { ...USER, name: 'eve', accessKeyId: 'AKIAEVEEVEEVEEVE', mfaSerial: DEVICE };
const ROLE = `arn:aws:iam::${ACCOUNT}:role/app`;
export const KEYS = `aws_access_key_id = ${USER.accessKeyId}\naws_secret_access_key = ${USER.secretAccessKey}\n`;

/** Profiles whose keys are still to come: `dev`, the role `app` behind it, and `eve` with an MFA device. */
export async function ready(t: Test, { store = 'file', daemon = true } = {}) {
  const aws = await startSimulatedAws({
    world: { users: [USER, EVE], roles: [{ arn: ROLE, trusts: [ACCOUNT] }] },
  });
  t.teardown(() => aws.close());
  const own = machine(t, {
    env: { CREDD_STORE: store, CREDD_LOG_LEVEL: 'trace', AWS_ENDPOINT_URL: aws.url },
    config: `[profile dev]
region = eu-west-1
[profile app]
role_arn = ${ROLE}
source_profile = dev
[profile eve]
mfa_serial = ${DEVICE}
`,
    credentials: '',
  });
  writeFileSync(own.path('passphrase'), 'a passphrase', { mode: 0o600 });
  own.env.CREDD_STORE_PASSPHRASE_FILE = own.path('passphrase');
  const running = daemon ? await own.serve(['--store', store]) : undefined;
  const credentials = own.path('.aws', 'credentials');
  return { ...own, aws, running, credentials };
}

export type Ready = Awaited<ReturnType<typeof ready>>;

/** On stdin. */
export const typed = (keys = USER) => ({ input: `${keys.accessKeyId}\n${keys.secretAccessKey}\n` });
