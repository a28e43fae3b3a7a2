import { CredentialError } from '../errors.js';
import { isSignedOut } from '../sessions/session-error.js';
import type { Command } from './command.js';
import { type DaemonClient, withDaemonOf } from './connect.js';
import { loginWithMfa, mfaDevice } from './login-mfa.js';
import { signInHere } from './sign-in-here.js';

export const command: Command = {
  usage: 'login [PROFILE|SSO-SESSION] [--device] [--no-browser]',
  help: `Signs in at IAM Identity Center, for credd, the AWS CLI and every SDK together. Without a name: the default
profile's sign-in, or the only one there is. The address is always printed, the code too where there is one.

For a profile with an mfa_serial it asks for the code of that device: one code serves all profiles behind the same keys.`,
  takes: [0, 1],
  options: {
    device: {
      type: 'boolean',
      help: 'by a code to confirm in a browser on any machine; so by itself over SSH',
    },
    'no-browser': { type: 'boolean', help: 'print the address, and open nothing' },
  },
  async run({ positionals: [name], values, env, stderr }) {
    const request = { name, device: values.device === true, noBrowser: values['no-browser'] === true };
    await withDaemonOf(env, async (daemon) => {
      const signIn = () => signInHere(daemon, request, { env, stderr });
      const needed = name === undefined ? 'a sign-in' : await neededBy(daemon, name);
      if (name === undefined || needed === 'a sign-in') return signIn();
      await willLast(daemon);
      if (needed === 'a sign-in, then a code') await signIn();
      await loginWithMfa(daemon, name, stderr);
    });
    return 0;
  },
};

type Needed = 'a sign-in' | 'a code' | 'a sign-in, then a code';

/** The name may also be that of an sso-session. */
async function neededBy(daemon: DaemonClient, name: string): Promise<Needed> {
  try {
    return (await mfaDevice(daemon, name)) === undefined ? 'a sign-in' : 'a code';
  } catch (error) {
    if (isSignedOut(error)) return 'a sign-in, then a code';
    if (error instanceof CredentialError && error.statusCode === 400) return 'a sign-in';
    throw error;
  }
}

/** A session in the memory of this process would be gone with it, and the code with the session. */
async function willLast(daemon: DaemonClient): Promise<void> {
  const { pid, store } = await daemon.ask<{ pid: number; store: { kind?: string } }>('GET', '/api/status');
  if (pid !== process.pid || (store.kind !== undefined && store.kind !== 'memory')) return;
  throw new CredentialError(
    'NotRunning',
    503,
    'No daemon is running, and without a keychain nothing would keep the session. Start one in another terminal: credd serve',
  );
}
