import type { Test } from 'tap';
import { startVending, type Vending, type VendingOptions } from './vending.js';
import { ACCOUNT, keysProfile, roleProfile } from './vending-config.js';

export const DEVICE = `arn:aws:iam::${ACCOUNT}:mfa/ada`;
export const EVE = {
  accountId: ACCOUNT,
  name: 'ada',
  accessKeyId: 'AKIAADA',
  secretAccessKey: 'ada-secret',
  mfaSerial: DEVICE,
};
export const MFA = `mfa_serial = ${DEVICE}`;

const CONFIG = [
  keysProfile('user') + MFA,
  keysProfile('plain'),
  roleProfile('one', 'user', 'one', MFA),
  roleProfile('two', 'plain', 'two', MFA),
  roleProfile('three', 'one', 'three', MFA),
  roleProfile('open', 'plain'),
].join('\n');

export const role = (name: string) => `arn:aws:iam::${ACCOUNT}:role/${name}`;
const guarded = ['one', 'two', 'direct'].map((name) => ({
  arn: role(name),
  trusts: [ACCOUNT],
  requiresMfa: true,
}));
const world = {
  users: [EVE],
  roles: [
    ...guarded,
    { arn: role('three'), trusts: [role('one')] },
    { arn: role('open'), trusts: [ACCOUNT] },
  ],
};

/** Profiles behind one MFA device, over long-term keys. */
export function startBehindMfa(t: Test, options: Partial<VendingOptions> = {}): Promise<Vending> {
  return startVending(t, { config: CONFIG, world, ...options });
}

/** The error that a client gets. */
export const refused = (vending: Vending, profile: string) =>
  vending.ask(profile).then(
    (id) => {
      throw new Error(`got ${id}`);
    },
    (error) => error,
  );
